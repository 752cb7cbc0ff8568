/** A chat against the double, for one test each. */
import { afterEach, beforeEach, expect } from 'vitest';
import { Chat, MemoryStorage, type ChatOptions, type Room } from '../src/index.js';
import type { ClientOptions } from '../src/index.js';
import { FakeChat, anna } from './fake-chat.js';
import { eventually, useWorld, type World } from './harness.js';

export interface ChatWorld extends World {
  fake: FakeChat;
  storage: MemoryStorage;
  chat(options?: Partial<ChatOptions>, client?: ClientOptions): Chat;
  /** The room `general`, opened and followed, with its messages. */
  opened(options?: Partial<ChatOptions>, client?: ClientOptions): Promise<Room>;
}

/** From here on what the server tells of the stream is heard: the list of rooms is there a little earlier. */
export async function followed(chat: Chat, stream: string): Promise<void> {
  await eventually(() => expect(chat.client.subscription(stream)?.live).toBe(true));
}

export function useChat(): ChatWorld {
  const world = useWorld() as ChatWorld;
  let chats: Chat[] = [];
  beforeEach(() => {
    world.fake = new FakeChat(world.server);
    world.storage = new MemoryStorage();
    world.chat = (options = {}, clientOptions = {}) => {
      const client = world.client({ random: () => 0, ...clientOptions });
      const chat = new Chat(client, { org: 'acme', me: anna, storage: world.storage, ...options });
      chats.push(chat);
      chat.start();
      client.connect();
      return chat;
    };
    world.opened = async (options, client) => {
      const chat = world.chat(options, client);
      const room = chat.room('general');
      room.open();
      await eventually(() => expect(room.loaded).toBe(true));
      await followed(chat, room.stream);
      return room;
    };
  });
  afterEach(() => {
    for (const chat of chats) chat.stop();
    chats = [];
  });
  return world;
}

export function bodies(room: Room): string[] {
  return room.messages.map(({ body }) => body);
}

export function states(room: Room): string[] {
  return room.messages.map(({ state }) => state);
}
