import { describe, expect, test } from 'vitest';
import type { StreamEnd, StreamReset, TransportKind } from '../src/index.js';
import { collect, eventually, status, topic, upTo, useWorld } from './harness.js';

const world = useWorld();

describe.each<TransportKind>(['websocket', 'sse', 'poll'])('over %s', (kind) => {
  const only = { transports: [kind] };
  const up = kind === 'websocket' ? 'live' : 'fallback';

  test('what is published after subscribing arrives in order', async () => {
    world.server.publish(topic, 'before');
    const client = world.client(only);
    const seqs = collect(client.subscribe(topic));
    client.connect();
    await status(client, up);
    for (let n = 0; n < 50; n += 1) world.server.publish(topic, n);
    await eventually(() => expect(seqs).toEqual(upTo(51, 2)));
  });

  test('`since` replays what came after it, and then goes on live', async () => {
    for (let n = 0; n < 300; n += 1) world.server.publish(topic, n);
    const client = world.client(only);
    const seqs = collect(client.subscribe(topic, { since: 7, epoch: 'e1' }));
    client.connect();
    await status(client, up);
    world.server.publish(topic, 'live');
    await eventually(() => expect(seqs).toEqual(upTo(301, 8)));
  });

  test('`last` replays the newest n', async () => {
    for (let n = 0; n < 10; n += 1) world.server.publish(topic, n);
    const client = world.client(only);
    const seqs = collect(client.subscribe(topic, { last: 3 }));
    client.connect();
    await eventually(() => expect(seqs).toEqual([8, 9, 10]));
  });

  test('a position that is gone is told as a reset, and delivery goes on after the head', async () => {
    for (let n = 0; n < 10; n += 1) world.server.publish(topic, n);
    world.server.expire(topic, 5);
    const client = world.client(only);
    const subscription = client.subscribe(topic, { since: 2, epoch: 'e1' });
    const seqs = collect(subscription);
    const resets: StreamReset[] = [];
    subscription.on('reset', (reset) => resets.push(reset));
    client.connect();
    await status(client, up);
    expect(resets).toMatchObject([{ reason: 'expired', oldest: 6, head: 10 }]);
    world.server.publish(topic, 'next');
    await eventually(() => expect(seqs).toEqual([11]));
  });

  test('a new epoch is a reset, although the number would fit', async () => {
    const client = world.client(only);
    const subscription = client.subscribe(topic, { since: 3, epoch: 'old' });
    for (let n = 0; n < 5; n += 1) world.server.publish(topic, n);
    const reasons: string[] = [];
    subscription.on('reset', ({ reason }) => reasons.push(reason));
    client.connect();
    await status(client, up);
    expect(reasons).toEqual(['epoch_changed']);
    expect(subscription.position).toEqual({ seq: 5, epoch: 'e1' });
  });

  test('a stream that is not for the caller ends, and the others go on', async () => {
    world.server.missing.add('orgs/other/notifications');
    const client = world.client(only);
    const ends: StreamEnd[] = [];
    client.on('end', (end) => ends.push(end));
    const seqs = collect(client.subscribe(topic));
    client.subscribe('orgs/other/notifications', { since: 1, epoch: 'e1' });
    client.connect();
    await status(client, up);
    await eventually(() => expect(ends).toMatchObject([{ code: 4004 }]));
    await status(client, up);
    world.server.publish(topic, 'still here');
    await eventually(() => expect(seqs).toEqual([1]));
  });

  test('a stream that is added later misses nothing of those that are read', async () => {
    const client = world.client(only);
    const first = collect(client.subscribe(topic));
    client.connect();
    await status(client, up);
    world.server.publish(topic, 1);
    const second = client.subscribe('me', { since: 0, epoch: 'e1' });
    const own = collect(second);
    world.server.publish('me', 1);
    world.server.publish(topic, 2);
    await eventually(() => expect([first, own]).toEqual([[1, 2], [1]]));
    second.unsubscribe();
    world.server.publish(topic, 3);
    world.server.publish('me', 2);
    await eventually(() => expect([first, own]).toEqual([[1, 2, 3], [1]]));
  });

  test('a listener that throws disturbs nobody', async () => {
    const thrown: unknown[] = [];
    const client = world.client({ ...only, onListenerError: (error) => thrown.push(error) });
    const subscription = client.subscribe(topic);
    subscription.on('event', () => {
      throw new Error('a bug of the application');
    });
    const seqs = collect(subscription);
    client.connect();
    await status(client, up);
    world.server.publish(topic, 1);
    world.server.publish(topic, 2);
    await eventually(() => expect(seqs).toEqual([1, 2]));
    expect(thrown).toHaveLength(2);
  });
});
