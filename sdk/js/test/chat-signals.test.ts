import { afterEach, expect, test, vi } from 'vitest';
import { PresenceMap } from '../src/chat/presence.js';
import { TypingSender, TypingUsers } from '../src/chat/typing.js';
import { UnreadCount } from '../src/chat/unread.js';
import { followed, useChat } from './chat-world.js';
import { anna, ben, general } from './fake-chat.js';
import { eventually } from './harness.js';

const world = useChat();
afterEach(() => void vi.useRealTimers());

test('what is seen is told at most once in the interval, forward only', async () => {
  for (let n = 1; n <= 9; n += 1) world.fake.say(`m${n}`);
  const room = await world.opened({ receiptIntervalMs: 200 });
  await eventually(() => expect(room.unread).toEqual({ unread: 9, last_read_seq: 0 }));
  const began = performance.now();
  for (const seq of [1, 2, 3]) room.seen(seq);
  room.seen(2);
  await eventually(() => expect(world.fake.reads).toEqual([3]));
  for (const seq of [4, 5]) room.seen(seq);
  await eventually(() => expect(world.fake.reads).toEqual([3, 5]));
  // The first waits for company for 50 ms, the second until the interval after it is over.
  expect(performance.now() - began).toBeGreaterThan(240);
  await eventually(() => expect(room.unread).toEqual({ unread: 4, last_read_seq: 5 }));
});

test('what was seen while there was no connection is told afterwards', async () => {
  world.fake.say('one');
  const room = await world.opened({ receiptIntervalMs: 10 });
  world.server.sockets = 'destroy';
  world.server.sse = 'destroy';
  world.server.terminateAll();
  await new Promise((resolve) => setTimeout(resolve, 50));
  room.seen(1);
  world.server.sockets = 'ok';
  await eventually(() => expect(world.fake.reads).toEqual([1]));
});

test('two devices of one user have the same count, whichever of them reads', async () => {
  const here = await world.opened({ receiptIntervalMs: 10 });
  const there = await world.opened({ receiptIntervalMs: 10 });
  for (let n = 1; n <= 5; n += 1) world.fake.say(`m${n}`);
  await eventually(() => expect([here.unread.unread, there.unread.unread]).toEqual([5, 5]));
  here.seen(3);
  await eventually(() => expect([here.unread.unread, there.unread.unread]).toEqual([2, 2]));
  // Whoever writes has read.
  there.send('mine');
  await eventually(() => expect([here.unread.unread, there.unread.unread]).toEqual([0, 0]));
});

test('the divider stays where it was while the room is read', async () => {
  for (let n = 1; n <= 4; n += 1) world.fake.say(`m${n}`);
  world.fake.lastRead = 2;
  const room = await world.opened({ receiptIntervalMs: 10 });
  await eventually(() => expect(room.unread.unread).toBe(2));
  expect(room.divider).toBe(2);
  room.seen(4);
  await eventually(() => expect(room.unread.unread).toBe(0));
  expect(room.divider).toBe(2);
  room.moveDivider();
  expect(room.divider).toBe(4);
});

test('a room that is moved back to unread is asked for its count, and can be read again', async () => {
  for (let n = 1; n <= 4; n += 1) world.fake.say(`m${n}`);
  const room = await world.opened({ receiptIntervalMs: 10 });
  room.seen(4);
  await eventually(() => expect(world.fake.reads).toEqual([4]));
  await room.markUnread(room.messages[1]?.id ?? 0);
  expect(room.divider).toBe(1);
  await eventually(() => expect(room.unread).toEqual({ unread: 3, last_read_seq: 1 }));
  room.seen(2);
  await eventually(() => expect(world.fake.reads).toEqual([4, 2]));
});

test('who has read how far is known from the start, and never goes back', async () => {
  for (let n = 1; n <= 3; n += 1) world.fake.say(`m${n}`);
  const room = await world.opened();
  const read = { user: ben, up_to: 1, delivered: 1 };
  await eventually(() => expect(room.receipts).toEqual([read]));
  // It was opened before there was a connection, and is told with the first one.
  expect(world.server.sessions).toHaveLength(1);
  world.fake.tell({ type: 'delivery_receipt', user: ben, up_to: 3 });
  await eventually(() => expect(room.receipts).toEqual([{ ...read, delivered: 3 }]));
  world.fake.tell({ type: 'read_receipt', user: ben, up_to: 2 });
  await eventually(() => expect(room.receipts).toEqual([{ user: ben, up_to: 2, delivered: 3 }]));
});

test('somebody who types is shown until their message comes', async () => {
  const room = await world.opened();
  const typing = { type: 'typing', stream: general, user: ben, is_typing: true };
  world.server.sendRaw(typing);
  world.server.sendRaw({ ...typing, user: anna });
  await eventually(() => expect(room.typingUsers).toEqual([ben]));
  world.fake.say('here');
  await eventually(() => expect(room.typingUsers).toEqual([]));
});

test('keys are told as typing, and sending ends it', async () => {
  const room = await world.opened();
  room.typing();
  room.typing();
  await eventually(() => expect(world.fake.typing).toEqual([true]));
  room.send('done');
  await eventually(() => expect(world.fake.typing).toEqual([true, false]));
});

test('a server that knows no typing is not asked on every key', async () => {
  const room = await world.opened();
  world.fake.onFrame = () => ({ type: 'error', error: { code: 'unknown_type', message: '' } });
  const before = world.server.frames.length;
  room.typing();
  await eventually(() => expect(world.server.frames.length).toBe(before + 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  room.stopTyping();
  room.typing();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(world.server.frames.length).toBe(before + 1);
});

test('typing is said every three seconds at most, and ends after a pause', () => {
  vi.useFakeTimers();
  const said: boolean[] = [];
  const sender = new TypingSender((isTyping) => said.push(isTyping));
  for (let n = 0; n < 70; n += 1) {
    sender.key();
    vi.advanceTimersByTime(100);
  }
  expect(said).toEqual([true, true, true]);
  vi.advanceTimersByTime(4_000);
  expect(said).toEqual([true, true, true, false]);
  sender.stop();
  expect(said).toHaveLength(4);
});

test('whoever was heard of last six seconds ago types no more', () => {
  vi.useFakeTimers();
  const users = new TypingUsers(() => undefined);
  users.set(ben, true);
  vi.advanceTimersByTime(5_000);
  users.set(ben, true);
  vi.advanceTimersByTime(5_000);
  expect(users.list).toEqual([ben]);
  vi.advanceTimersByTime(1_000);
  expect(users.list).toEqual([]);
});

const benWent = { user: ben, status: 'offline', last_seen: '2026-01-12T09:30:00.123Z' };

test('who is online comes from the whole state and from the changes after it', async () => {
  world.fake.presence = { users: [{ user: ben, status: 'online' }], count: 1 };
  const chat = world.chat();
  await eventually(() => expect(chat.presence.get(ben.id)?.status).toBe('online'));
  await followed(chat, general);
  const changes = [benWent, { user: anna, status: 'online' }];
  world.server.sendRaw({ type: 'presence', stream: general, changes });
  await eventually(() => expect(chat.presence.online.map(({ user }) => user)).toEqual([anna]));
  expect(chat.presence.get(ben.id)).toEqual(benWent);
});

test('a change that is told while the whole state is asked for is newer than the answer', async () => {
  world.fake.presence = { users: [{ user: ben, status: 'online' }], count: 1 };
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    world.fake.beforePresence = () =>
      new Promise((go) => {
        answer = go;
        resolve();
      });
  });
  const chat = world.chat();
  await asked;
  await followed(chat, general);
  world.server.sendRaw({ type: 'presence', stream: general, changes: [benWent] });
  await eventually(() => expect(chat.presence.get(ben.id)).toEqual(benWent));
  world.server.sendRaw({
    type: 'presence',
    stream: general,
    changes: [{ user: anna, status: 'online' }],
  });
  answer();
  await eventually(() => expect(chat.presence.get(anna.id)?.status).toBe('online'));
  await new Promise((resolve) => setTimeout(resolve, 100)); // the answer is there, too
  expect(chat.presence.get(ben.id)).toEqual(benWent);
  expect(chat.presence.online.map(({ user }) => user)).toEqual([anna]);
});

test('a server that tells presence by socket alone is asked there', async () => {
  world.fake.presence = undefined;
  const chat = world.chat();
  await eventually(() => expect(chat.presence.count).toBe(1));
});

test('of a large organisation only the number is known', () => {
  const presence = new PresenceMap();
  presence.replace({ users: [], count_online: 700 });
  expect(presence.count).toBe(700);
  presence.apply({ type: 'presence', count_online: 699 });
  expect([presence.count, presence.online]).toEqual([699, []]);
});

test('an unread count follows from the server’s and from what came behind it, in any order', () => {
  const count = new UnreadCount();
  // Two messages came before the server's count, which has the first of them.
  count.message(5, false);
  count.message(6, false);
  count.counted({ unread: 3, last_read_seq: 2, head: 5 });
  expect(count.value).toEqual({ unread: 4, last_read_seq: 2 });
  count.message(6, false);
  expect(count.value.unread).toBe(4);
  // Read beyond what came yet: the message in between is not unread when it comes.
  expect(count.read(8, 0, 6)).toBe(true);
  count.message(7, false);
  count.message(9, false);
  expect(count.value).toEqual({ unread: 1, last_read_seq: 8 });
});
