import { expect, test } from 'vitest';
import { forgetWaiting, MemoryStorage } from '../src/index.js';
import { bodies, states, useChat } from './chat-world.js';
import { anna } from './fake-chat.js';
import { eventually, status } from './harness.js';

const world = useChat();

function said(): string[] {
  return world.fake.messages.map(({ body }) => body);
}

test('messages are sent in the order in which they were written, one id each', async () => {
  const room = await world.opened();
  for (let n = 1; n <= 20; n += 1) room.send(`m${n}`);
  await eventually(() => expect(said()).toHaveLength(20));
  expect(said()).toEqual(Array.from({ length: 20 }, (_, n) => `m${n + 1}`));
  await eventually(() => expect(new Set(states(room))).toEqual(new Set(['sent'])));
  expect(bodies(room)).toEqual(said());
});

test('a message whose answer was lost is sent again with its id, and is there once', async () => {
  const room = await world.opened();
  world.fake.refusals = ['lost', 'lost'];
  const outcomes = await Promise.all([room.send('one').outcome, room.send('two').outcome]);
  expect(outcomes).toMatchObject([{ status: 'sent' }, { status: 'sent' }]);
  expect(said()).toEqual(['one', 'two']);
  await eventually(() => expect(bodies(room)).toEqual(['one', 'two']));
});

test('a refusal for good stays on its message, which can be tried again or taken back', async () => {
  const room = await world.opened();
  world.fake.refusals = [
    { code: 'too_long', message: 'too long' },
    { code: 'forbidden', message: 'muted' },
  ];
  const first = room.send('one');
  const second = room.send('two');
  const third = room.send('three');
  expect(await first.outcome).toMatchObject({ status: 'failed', error: { code: 'too_long' } });
  expect(await third.outcome).toMatchObject({ status: 'sent' });
  await eventually(() => expect(states(room)).toEqual(['sent', 'failed', 'failed']));
  expect(room.messages[1]?.error?.message).toBe('too long');
  room.retry(first.clientMessageId);
  room.discard(second.clientMessageId);
  await eventually(() => expect(said()).toEqual(['three', 'one']));
  await eventually(() => expect(bodies(room)).toEqual(['three', 'one']));
  await eventually(() => expect(world.storage.entries('')).toEqual([]));
});

test('whoever writes too fast waits as long as the server says, and nothing is lost', async () => {
  const room = await world.opened();
  world.fake.refusals = [{ code: 'rate_limited', message: 'slowly', retry_after_ms: 300 }];
  const started = performance.now();
  room.send('one');
  const { outcome } = room.send('two');
  expect(await outcome).toMatchObject({ status: 'sent' });
  expect(performance.now() - started).toBeGreaterThan(290);
  expect(said()).toEqual(['one', 'two']);
});

test('what is written offline is there after a reload, and goes out in order', async () => {
  const before = world.chat();
  await status(before.client, 'live');
  before.client.close();
  const offline = before.room('general');
  for (const body of ['one', 'two', 'three']) offline.send(body);
  expect(states(offline)).toEqual(['queued', 'queued', 'queued']);
  before.stop();
  // The page is loaded again: nothing is left but the storage.
  const after = world.chat();
  expect(bodies(after.room('general'))).toEqual(['one', 'two', 'three']);
  await eventually(() => expect(said()).toEqual(['one', 'two', 'three']));
});

test('a message that had arrived before the reload is not there twice', async () => {
  const before = world.chat();
  await status(before.client, 'live');
  before.client.close();
  const { clientMessageId } = before.room('general').send('hello');
  before.stop();
  world.fake.say('hello', anna, clientMessageId);
  const room = await world.opened();
  await eventually(() => expect(states(room)).toEqual(['sent']));
  expect(said()).toEqual(['hello']);
});

test('two tabs that share a storage send everything once', async () => {
  const locks = new Map<string, Promise<unknown>>();
  const exclusively = (name: string, work: () => Promise<void>) => {
    const after = (locks.get(name) ?? Promise.resolve()).then(work);
    locks.set(
      name,
      after.catch(() => undefined),
    );
    return after;
  };
  const first = await world.opened({ exclusively });
  const second = await world.opened({ exclusively });
  for (let n = 1; n <= 10; n += 1) {
    first.send(`first ${n}`);
    second.send(`second ${n}`);
  }
  await eventually(() => {
    expect(bodies(first)).toHaveLength(20);
    expect(bodies(second)).toEqual(bodies(first));
    expect(new Set([...states(first), ...states(second)])).toEqual(new Set(['sent']));
  });
  const ids = world.fake.messages.map((message) => message.client_message_id);
  expect(new Set(ids).size).toBe(20);
  expect(said().filter((body) => body.startsWith('first'))).toEqual(
    Array.from({ length: 10 }, (_, n) => `first ${n + 1}`),
  );
});

test('a hundred may wait in a room, and the next is refused', async () => {
  const chat = world.chat();
  await status(chat.client, 'live');
  chat.client.close();
  const room = chat.room('general');
  for (let n = 0; n < 100; n += 1) room.send(`m${n}`);
  expect(() => room.send('too many')).toThrow('100 messages');
  expect(bodies(room)).toHaveLength(100);
});

test('where nothing can be stored, a message lives as long as the page', async () => {
  class Full extends MemoryStorage {
    override set() {
      return false;
    }
  }
  const chat = world.chat({ storage: new Full() });
  await status(chat.client, 'live');
  const { outcome } = chat.room('general').send('hello');
  expect(await outcome).toMatchObject({ status: 'sent' });
});

test('signing out forgets what one user wrote, and nobody else’s', async () => {
  const chat = world.chat();
  await status(chat.client, 'live');
  chat.client.close();
  chat.room('general').send('mine');
  world.storage.set('indaba.outbox:elsewhere:7:orgs/acme/rooms/general:x', '{}');
  chat.forget();
  expect(world.storage.entries('').map(([key]) => key)).toEqual([
    'indaba.outbox:elsewhere:7:orgs/acme/rooms/general:x',
  ]);
  forgetWaiting('elsewhere', 7, world.storage);
  expect(world.storage.entries('')).toEqual([]);
});

test('entries that nobody can read are left alone', async () => {
  const url = new URL(world.url).href.replace(/\/$/, '');
  world.storage.set(`indaba.outbox:${url}:7:orgs/acme/rooms/general:x`, 'not json');
  const room = await world.opened();
  expect(await room.send('hello').outcome).toMatchObject({ status: 'sent' });
});
