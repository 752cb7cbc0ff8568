import { describe, expect, test } from 'vitest';
import type { Message, RoomPart, TransportKind } from '../src/index.js';
import { bodies, states, useChat } from './chat-world.js';
import { anna, ben, general } from './fake-chat.js';
import { eventually, status } from './harness.js';

const world = useChat();

test('a room shows its newest messages, and what comes live behind them', async () => {
  for (let n = 1; n <= 60; n += 1) world.fake.say(`m${n}`);
  const room = await world.opened();
  expect(bodies(room)).toHaveLength(50);
  expect(room.hasOlder).toBe(true);
  world.fake.say('live');
  await eventually(() => expect(bodies(room).at(-1)).toBe('live'));
});

test('older pages are put before what is there, until there are none', async () => {
  for (let n = 1; n <= 120; n += 1) world.fake.say(`m${n}`);
  const room = await world.opened();
  expect(await room.loadOlder()).toBe(50);
  world.fake.say('meanwhile');
  expect(await room.loadOlder()).toBe(20);
  await eventually(() => expect(bodies(room)).toHaveLength(121));
  expect(room.hasOlder).toBe(false);
  expect(await room.loadOlder()).toBe(0);
  const seqs = room.messages.map(({ seq }) => seq);
  expect(seqs).toEqual([...seqs].sort((one, other) => (one ?? 0) - (other ?? 0)));
});

test('what comes while the page is read is neither lost nor there twice', async () => {
  world.fake.say('one');
  world.fake.beforePage = () => {
    world.fake.beforePage = undefined;
    world.fake.say('two');
  };
  const room = await world.opened();
  await eventually(() => expect(bodies(room)).toEqual(['one', 'two']));
});

test('edits, deletions, restorations and reactions are applied', async () => {
  const { id } = world.fake.say('helo');
  const room = await world.opened();
  world.fake.tell({ type: 'message_edited', id, author: ben, body: 'hello', edited_at: 'now' });
  await eventually(() =>
    expect(room.messages[0]).toMatchObject({ body: 'hello', edited_at: 'now' }),
  );
  world.fake.tell({ type: 'message_deleted', id, actor: ben });
  await eventually(() => expect(room.messages[0]).toMatchObject({ body: '', deleted: true }));
  world.fake.tell({ type: 'message_restored', id, author: ben, body: 'hello' });
  await eventually(() => expect(room.messages[0]).toMatchObject({ body: 'hello', deleted: false }));
});

test('a reaction counts once, although a page may have counted it already', async () => {
  const message = world.fake.say('hello');
  world.fake.beforePage = () => {
    world.fake.beforePage = undefined;
    // The event overtakes the page, which does not have it yet.
    message.reactions = [{ emoji: '👍', count: 1, reacted: false }];
    world.fake.tell({ type: 'reaction_added', id: message.id, emoji: '👍', user: ben });
  };
  const room = await world.opened();
  const counts = () => room.messages[0]?.reactions;
  await eventually(() => expect(counts()).toEqual(message.reactions));
  // Here the page has it, and the event comes late.
  message.reactions = [{ emoji: '👍', count: 2, reacted: true }];
  world.fake.tell({ type: 'reaction_added', id: message.id, emoji: '👍', user: anna });
  await eventually(() => expect(counts()).toEqual(message.reactions));
});

test('where events are gone, the history is read anew', async () => {
  world.fake.say('one');
  const room = await world.opened();
  world.server.terminateAll();
  world.fake.messages.length = 0;
  world.server.restore(general, 'e2');
  for (let n = 1; n <= 3; n += 1) world.fake.say(`new ${n}`);
  await eventually(() => expect(bodies(room)).toEqual(['new 1', 'new 2', 'new 3']));
  world.fake.say('live');
  await eventually(() => expect(bodies(room).at(-1)).toBe('live'));
});

test('changes are told once a frame, with what changed', async () => {
  const room = await world.opened();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const changes: RoomPart[][] = [];
  const told: Message[] = [];
  room.on('change', (parts) => changes.push([...parts].sort()));
  room.on('message', (message) => told.push(message));
  const before = room.messages;
  for (let n = 1; n <= 40; n += 1) world.fake.say(`m${n}`);
  await eventually(() => expect(bodies(room)).toHaveLength(40));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(told).toHaveLength(40);
  expect(changes.length).toBeLessThan(5);
  expect(changes).toContainEqual(['messages', 'unread']);
  expect(before).toEqual([]);
  expect(room.messages).toBe(room.messages);
});

describe.each<TransportKind>(['websocket', 'poll'])('over %s', (kind) => {
  test('a message is there at once, and stays the same one when it was sent', async () => {
    const room = await world.opened({}, { transports: [kind] });
    world.fake.say('theirs');
    await eventually(() => expect(bodies(room)).toEqual(['theirs']));
    const sending = room.send('mine', { replyTo: room.messages[0]?.id ?? 0 });
    expect(bodies(room)).toEqual(['theirs', 'mine']);
    const key = room.messages[1]?.key;
    expect(await sending.outcome).toMatchObject({ status: 'sent', id: 102 });
    await eventually(() => expect(states(room)).toEqual(['sent', 'sent']));
    expect(room.messages[1]).toMatchObject({ key, id: 102, body: 'mine' });
    expect(world.storage.entries('')).toEqual([]);
  });
});

test('the message of one that left is told by the end, and nothing more is sent', async () => {
  const room = await world.opened();
  const ends: number[] = [];
  room.on('end', ({ code }) => ends.push(code));
  world.server.sendRaw({
    type: 'unsubscribed',
    stream: general,
    code: 4003,
    reason: 'access_lost: x',
  });
  await eventually(() => expect(ends).toEqual([4003]));
  expect(() => room.send('hello')).toThrow('over');
});

test('the client counts what it does', async () => {
  const chat = world.chat();
  await status(chat.client, 'live');
  const room = chat.room('general');
  world.fake.refusals = [{ code: 'too_long', message: 'too long' }];
  await room.send('refused').outcome;
  await room.send('taken').outcome;
  world.server.terminateAll();
  await eventually(() => expect(chat.client.metrics().reconnects).toBe(1));
  const { sent, errors, sendLatency } = chat.client.metrics();
  expect({ sent, errors, count: sendLatency.count }).toEqual({ sent: 1, errors: 1, count: 1 });
  expect(sendLatency.p99).toBeGreaterThan(0);
});
