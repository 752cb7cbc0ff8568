import { expect, test } from 'vitest';
import { RefusedError, UnknownOutcomeError } from '../src/index.js';
import { collect, eventually, status, topic, useWorld } from './harness.js';

const world = useWorld();

test('a published event is answered with its seq, and arrives', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  expect(await client.publish(topic, 'moved', { x: 1 })).toMatchObject({
    seq: 1,
    duplicate: false,
  });
  await eventually(() => expect(seqs).toEqual([1]));
});

test('an event whose answer was lost is repeated and is still one event', async () => {
  const client = world.client();
  const seqs = collect(client.subscribe(topic));
  client.connect();
  await status(client, 'live');
  world.server.swallowPublished = 1;
  expect(await client.publish(topic, 'moved', { x: 1 })).toMatchObject({ seq: 1, duplicate: true });
  await eventually(() => expect(seqs).toEqual([1]));
});

test('without a socket it goes over plain HTTP', async () => {
  const client = world.client({ transports: ['poll'] });
  const published = await client.publish(topic, 'moved', {}, { dedupeKey: 'k' });
  expect(published).toEqual({ seq: 1, dedupeKey: 'k', duplicate: false });
});

test('a definite refusal is not repeated', async () => {
  const client = world.client();
  await expect(client.publish('me', 'moved', {})).rejects.toThrow(RefusedError);
});

test('without an answer in time the outcome is unknown', async () => {
  await world.server.stop();
  const client = world.client();
  await expect(client.publish(topic, 'moved', {}, { timeoutMs: 100 })).rejects.toThrow(
    UnknownOutcomeError,
  );
  world.url = await world.server.start();
});
