import { expect, test } from 'vitest';
import { UnauthenticatedError, type ConnectionState, type TokenProvider } from '../src/index.js';
import { collect, eventually, status, topic, upTo, useWorld } from './harness.js';

const world = useWorld();

test('what was published while the connection was away arrives once, in order', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  for (let round = 0; round < 10; round += 1) {
    world.server.publish(topic, 'seen');
    world.server.terminateAll();
    world.server.publish(topic, 'missed');
    await eventually(() => expect(seqs).toHaveLength(2 * (round + 1)));
  }
  expect(seqs).toEqual(upTo(20));
});

test('every connection names the same session and both `since` and `epoch`', async () => {
  const client = world.client({ sessionUuid: 'device-1' });
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.publish(topic, 1);
  world.server.terminateAll();
  await eventually(() => expect(world.server.sessions).toEqual(['device-1', 'device-1']));
  await status(client, 'live');
  const subscribes = world.server.frames.filter(({ type }) => type === 'subscribe');
  expect(subscribes.at(-1)).toMatchObject({ since: 1, epoch: 'e1' });
});

test('an event that comes twice is delivered once', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  world.server.publish(topic, 1);
  await eventually(() => expect(seqs).toEqual([1]));
  world.server.sendRaw({ type: 'moved', stream: topic, seq: 1, data: 1 });
  world.server.publish(topic, 2);
  await eventually(() => expect(seqs).toEqual([1, 2]));
});

test('a hole is closed by subscribing again from before it', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  world.server.dropOnce.add(2);
  for (let n = 0; n < 5; n += 1) world.server.publish(topic, n);
  await eventually(() => expect(seqs).toEqual(upTo(5)));
});

test('what a resumed session sends of its own accord is not taken for the answer', async () => {
  const client = world.client();
  const subscription = client.subscribe(topic, { since: 5, epoch: 'e1' });
  for (let n = 0; n < 6; n += 1) world.server.publish(topic, n);
  client.connect();
  await eventually(() => expect(world.server.open.size).toBe(1));
  world.server.sendRaw({ type: 'subscribed', stream: topic, epoch: 'e1', head: 6, since: 1 });
  world.server.sendRaw({ type: 'reset', stream: topic, reason: 'expired', epoch: 'e1', head: 6 });
  await status(client, 'live');
  expect(subscription.position).toEqual({ seq: 6, epoch: 'e1' });
});

test('a subscription that only the resumed session remembers is given up', async () => {
  const client = world.client();
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.sendRaw({ type: 'subscribed', stream: 'old', epoch: 'e1', head: 6, since: 1 });
  await eventually(() =>
    expect(world.server.frames.at(-1)).toEqual({ type: 'unsubscribe', stream: 'old' }),
  );
});

test('a connection on which no byte arrives is given up', async () => {
  const client = world.client({ transports: ['websocket'], timings: { silenceMs: 100 } });
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  await eventually(() => expect(client.state.reason).toBe('silent'));
  await eventually(() => expect(world.server.sessions.length).toBeGreaterThan(1));
});

test.each([1000, 1002, 1003, 1007, 1009, 4000, 4003, 4004])('code %i stops', async (code) => {
  const client = world.client();
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.closeAll(code, 'slug: a sentence');
  await status(client, 'closed');
  expect(client.state).toMatchObject({ code, reason: 'slug: a sentence' });
});

test.each([1011, 4008, 4009])('code %i reconnects', async (code) => {
  const client = world.client();
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.closeAll(code);
  await eventually(() => expect(world.server.sessions).toHaveLength(2));
  await status(client, 'live');
});

test('after goodbye the client comes back when the server says', async () => {
  const client = world.client();
  const states: ConnectionState[] = [];
  client.on('state', (state) => states.push(state));
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.closeAll(1001, 'shutdown', { reason: 'shutdown', reconnect_after_ms: 123 });
  await eventually(() =>
    expect(states).toContainEqual(expect.objectContaining({ retryInMs: 123 })),
  );
  await status(client, 'live');
});

test('a goodbye without a time leaves it to the back-off', async () => {
  const client = world.client({ random: () => 1, timings: { backoffBaseMs: 77 } });
  const states: ConnectionState[] = [];
  client.on('state', (state) => states.push(state));
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.closeAll(4009, 'stalled', { reason: 'stalled', reconnect_after_ms: 0 });
  await eventually(() =>
    expect(states).toContainEqual(expect.objectContaining({ code: 4009, retryInMs: 50 })),
  );
});

test('4029 waits at least the time for overload, also when the network changes', async () => {
  const client = world.client({ timings: { overloadMs: 30_000 } });
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.closeAll(4029);
  await status(client, 'offline');
  expect(client.state.retryInMs).toBeGreaterThanOrEqual(30_000);
  expect(client.state.retryInMs).toBeLessThanOrEqual(60_000);
});

test('4001 asks for a new token and connects with it', async () => {
  world.server.tokens = new Set(['second']);
  const asked: boolean[] = [];
  const token: TokenProvider = ({ refresh }) => {
    asked.push(refresh);
    return refresh ? 'second' : 'first';
  };
  const client = world.client({ token });
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  expect(asked).toEqual([false, true]);
});

test.each(['websocket', 'sse', 'poll'] as const)(
  'tokens that are refused again and again end in `closed` over %s',
  async (kind) => {
    let asked = 0;
    const token = () => `wrong-${(asked += 1)}`;
    const client = world.client({ token, transports: [kind] });
    client.subscribe(topic);
    client.connect();
    await status(client, 'closed');
    expect(client.state.code).toBe(4001);
    expect(asked).toBe(4);
  },
);

test('a provider that says that there is no session stops the client', async () => {
  const token = () => Promise.reject(new UnauthenticatedError('signed out'));
  const client = world.client({ token });
  client.connect();
  await status(client, 'closed');
  expect(client.state).toMatchObject({ code: 4001, reason: 'signed out' });
});

test('a provider that fails for a moment is asked again', async () => {
  let asked = 0;
  const token = () => {
    asked += 1;
    if (asked < 3) throw new TypeError('fetch failed');
    return 'good';
  };
  const client = world.client({ token });
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
});

test('a token is renewed over the open socket before it expires', async () => {
  const exp = Math.floor(Date.now() / 1000) + 61;
  const jwt = (n: number) => `h.${btoa(JSON.stringify({ exp, n }))}.s`.replace(/=/g, '');
  let made = 0;
  world.server.tokens = new Set([jwt(1), jwt(2), jwt(3)]);
  const client = world.client({
    token: () => jwt((made += 1)),
    timings: { silenceMs: 45_000 },
  });
  client.subscribe(topic);
  client.connect();
  await eventually(() =>
    expect(world.server.frames).toContainEqual(
      expect.objectContaining({ type: 'auth', token: jwt(2) }),
    ),
  );
});

test('with `socket-token` every connection trades the token for a new ticket', async () => {
  const client = world.client({ via: 'socket-token' });
  client.subscribe(topic);
  client.connect();
  await status(client, 'live');
  world.server.terminateAll();
  await eventually(() => expect(world.server.sessions).toHaveLength(2));
  await status(client, 'live');
  expect(world.server.requests).toEqual(Array(2).fill('POST /api/v1/auth/ws-token'));
});

test('what listeners were given is confirmed to the server', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  for (let n = 0; n < 20; n += 1) world.server.publish(topic, n);
  await eventually(() => expect(seqs).toHaveLength(20));
  await eventually(() => expect(world.server.acks.get(topic)).toBe(20));
});

test('a hundred subscriptions are made without more than fifty frames in a second', async () => {
  const client = world.client();
  for (let n = 0; n < 100; n += 1) client.subscribe(`orgs/acme/topics/t${n}`);
  client.connect();
  const before = Date.now();
  await status(client, 'live');
  expect(Date.now() - before).toBeGreaterThan(1000);
});

test('after `close` and another `connect` nothing was missed', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  client.close();
  expect(client.state.status).toBe('closed');
  world.server.publish(topic, 'while closed');
  client.connect();
  await eventually(() => expect(seqs).toEqual([1]));
});
