import { expect, test } from 'vitest';
import type { TransportKind } from '../src/index.js';
import { collect, eventually, status, topic, upTo, useWorld } from './harness.js';

const world = useWorld();

test.each(['destroy', 'silent', 1000] as const)(
  'where sockets are blocked (%s) events arrive by SSE',
  async (how) => {
    world.server.sockets = how;
    world.server.publish(topic, 1);
    const client = world.client();
    const seqs = collect(client.subscribe(topic, { since: 0, epoch: 'e1' }));
    client.connect();
    await status(client, 'fallback');
    expect(client.state.transport).toBe('sse');
    world.server.publish(topic, 2);
    await eventually(() => expect(seqs).toEqual([1, 2]));
  },
);

test.each(['destroy', 'buffered'] as const)(
  'where event streams do not get through either (%s) events arrive by long poll',
  async (how) => {
    world.server.sockets = 'destroy';
    world.server.sse = how;
    const client = world.client();
    const seqs = collect(client.subscribe(topic));
    client.connect();
    await status(client, 'fallback');
    expect(client.state.transport).toBe('poll');
    world.server.publish(topic, 1);
    await eventually(() => expect(seqs).toEqual([1]));
  },
);

test('without any WebSocket in the platform the client falls back', async () => {
  const client = world.client({
    WebSocket: function () {
      throw new TypeError('forbidden by a policy');
    } as never,
  });
  client.subscribe(topic);
  client.connect();
  await status(client, 'fallback');
});

test('when sockets work again the client goes back to them without a gap', async () => {
  world.server.sockets = 'destroy';
  const client = world.client({ timings: { upgradeMs: 80 } });
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'fallback');
  const publishing = setInterval(() => world.server.publish(topic, 0), 2);
  world.server.sockets = 'ok';
  await status(client, 'live');
  clearInterval(publishing);
  const { seq: last } = world.server.publish(topic, 'end');
  await eventually(() => expect(seqs.at(-1)).toBe(last));
  expect(seqs).toEqual(upTo(last));
});

test('after a climb a lost socket is opened again', async () => {
  world.server.sockets = 'destroy';
  const client = world.client({ timings: { upgradeMs: 80 } });
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'fallback');
  world.server.sockets = 'ok';
  await status(client, 'live');
  world.server.terminateAll();
  world.server.publish(topic, 1);
  await eventually(() => expect(seqs).toEqual([1]));
  expect(client.state.transport).toBe('websocket');
});

test('moving between all three at random misses nothing and repeats nothing', async () => {
  const client = world.client({ timings: { upgradeMs: 40 } });
  const seqs = collect(client.subscribe(topic));
  const used = new Set<TransportKind>();
  client.on('state', ({ status: now, transport }) => {
    if (now === 'live' || now === 'fallback') used.add(transport);
  });
  client.connect();
  await status(client, 'live');
  const publishing = setInterval(() => world.server.publish(topic, 0), 3);
  for (const sse of ['ok', 'destroy', 'ok', 'destroy'] as const) {
    world.server.sockets = 'destroy';
    world.server.sse = sse;
    world.server.terminateAll();
    await status(client, 'fallback');
    world.server.sockets = 'ok';
    await status(client, 'live');
  }
  clearInterval(publishing);
  const { seq: last } = world.server.publish(topic, 'end');
  await eventually(() => expect(seqs.at(-1)).toBe(last));
  expect(seqs).toEqual(upTo(last));
  expect([...used].sort()).toEqual(['poll', 'sse', 'websocket']);
});

test('a client without subscriptions finds a way too', async () => {
  world.server.sockets = 'destroy';
  const client = world.client();
  client.connect();
  await status(client, 'fallback');
});

test('an event stream that ends for a shutdown is opened again', async () => {
  const client = world.client({ transports: ['sse'] });
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'fallback');
  world.server.endStreams({ reason: 'shutdown', code: 1001, reconnect_after_ms: 5 });
  world.server.publish(topic, 1);
  await eventually(() => expect(seqs).toEqual([1]));
});

test('access to one stream ends over SSE without the others', async () => {
  const client = world.client({ transports: ['sse'] });
  const seqs = collect(client.subscribe(topic));
  const other = client.subscribe('orgs/other/notifications');
  client.connect();
  await status(client, 'fallback');
  world.server.unsubscribeSse('orgs/other/notifications');
  await eventually(() => expect(other.ended).toBe(true));
  world.server.publish(topic, 1);
  await eventually(() => expect(seqs).toEqual([1]));
});

test('access to the only stream ends over SSE with that stream, not with the client', async () => {
  const client = world.client({ transports: ['sse'] });
  const only = client.subscribe(topic);
  client.connect();
  await status(client, 'fallback');
  world.server.missing.add(topic);
  world.server.endStreams({ reason: 'access_lost', code: 4003, reconnect_after_ms: 0 });
  await eventually(() => expect(only.ended).toBe(true));
  expect(client.state.status).not.toBe('closed');
});
