import { expect, test } from 'vitest';
import { Chat } from '../src/index.js';
import { status, eventually } from './harness.js';
import { followed, useChat } from './chat-world.js';
import { anna, ben, general } from './fake-chat.js';

const world = useChat();

test('the rooms are followed with one connection, and counted before they are opened', async () => {
  world.fake.rooms = ['general', 'random'];
  const chat = world.chat();
  await eventually(() =>
    expect(chat.rooms.map(({ info }) => info?.slug)).toEqual(['general', 'random']),
  );
  await followed(chat, general);
  world.fake.say('hello');
  await eventually(() => expect(chat.rooms[0]?.unread.unread).toBe(1));
  expect(chat.rooms[0]?.messages).toEqual([]);
  expect(world.server.open.size).toBe(1);
});

test('only the first rooms are followed where there are many', async () => {
  world.fake.rooms = Array.from({ length: 10 }, (_, n) => `room-${n}`);
  const chat = world.chat({ follow: 3 });
  await eventually(() => expect(chat.rooms).toHaveLength(10));
  const subscribed = () =>
    world.server.frames.filter(({ type }) => type === 'subscribe').map(({ stream }) => stream);
  await eventually(() => expect(subscribed()).toHaveLength(4));
  chat.rooms[9]?.open();
  await eventually(() => expect(subscribed().at(-1)).toBe('orgs/acme/rooms/room-9'));
});

test('a room that one is let into, or put out of, comes and goes', async () => {
  const chat = world.chat();
  await eventually(() => expect(chat.rooms).toHaveLength(1));
  world.fake.rooms = ['general', 'secret'];
  const where = { room: { id: 2, slug: 'secret' }, org: { id: 1, slug: 'acme' } };
  await status(chat.client, 'live');
  world.server.append('me', { type: 'member_added', user: ben, ...where });
  await eventually(() => expect(chat.rooms).toHaveLength(2));
  const stream = 'orgs/acme/rooms/secret';
  await followed(chat, stream);
  world.server.sendRaw({ type: 'unsubscribed', stream, code: 4003, reason: 'access_lost: x' });
  await eventually(() => expect(chat.rooms).toHaveLength(1));
});

test('conversations are there where the server has them', async () => {
  const without = world.chat();
  await eventually(() => expect(without.loaded).toBe(true));
  expect(without.conversations).toBeUndefined();
  const counts = { unread: 2, last_read_seq: 3, head: 6 };
  const stream = 'conversations/8';
  world.fake.conversations = { results: [{ user: ben, stream, ...counts }] };
  // Somebody has begun one.
  await status(without.client, 'live');
  world.server.append('me', { type: 'direct_message', conversation: { user_id: ben.id } });
  await eventually(() => expect(without.conversations).toHaveLength(1));
  const [first] = without.conversations ?? [];
  expect([first?.user, first?.room.stream]).toEqual([ben, stream]);
  expect(first?.room.unread).toEqual({ unread: 2, last_read_seq: 3 });
  // It was read on another device.
  const read = { type: 'unread', conversation: { user_id: ben.id }, unread: 0, last_read_seq: 6 };
  const now = { unread: 0, last_read_seq: 6, head: 6 };
  world.fake.conversations = { results: [{ user: ben, stream, ...now }] };
  world.server.append('me', read);
  await eventually(() => expect(first?.room.unread).toEqual({ unread: 0, last_read_seq: 6 }));
});

test('a stream that the application reads already is shared, and left to it', () => {
  const client = world.client();
  const me = client.subscribe('me');
  const chat = new Chat(client, { org: 'acme', me: anna, storage: world.storage });
  chat.start();
  expect(client.subscription('me')).toBe(me);
  chat.stop();
  expect(client.subscription('me')).toBe(me);
  expect(me.ended).toBe(false);
});
