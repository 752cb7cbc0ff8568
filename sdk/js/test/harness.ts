/** A server, and clients that are closed with it, for one test each. */
import { WebSocket } from 'ws';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { Client, type ClientOptions, type StreamEvent, type Subscription } from '../src/index.js';
import { FakeServer } from './fake-server.js';

export const topic = 'orgs/acme/topics/prices';

export interface World {
  server: FakeServer;
  url: string;
  client(options?: ClientOptions): Client;
}

/** Time spans that make a test quick; none of them decides whether it passes. */
export const quick = {
  openMs: 1_000,
  silenceMs: 2_000,
  probeMs: 100,
  stableMs: 50,
  backoffBaseMs: 10,
  backoffCapMs: 50,
  overloadMs: 60,
  ackMs: 10,
  upgradeMs: 60_000,
  pollWaitSeconds: 1,
};

export function useWorld(): World {
  const world = {} as World;
  let clients: Client[] = [];
  beforeEach(async () => {
    world.server = new FakeServer();
    world.url = await world.server.start();
    world.client = (options = {}) => {
      const client = new Client({
        url: world.url,
        token: () => 'good',
        WebSocket,
        ...options,
        timings: { ...quick, ...options.timings },
      });
      clients.push(client);
      return client;
    };
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    clients = [];
    await world.server.stop();
    expect(world.server.violations).toEqual([]);
  });
  return world;
}

export function collect(subscription: Subscription): number[] {
  const seqs: number[] = [];
  subscription.on('event', (event: StreamEvent) => seqs.push(event.seq ?? -1));
  return seqs;
}

export function upTo(n: number, from = 1): number[] {
  return Array.from({ length: n - from + 1 }, (_, index) => from + index);
}

export async function status(client: Client, wanted: string): Promise<void> {
  await vi.waitFor(() => expect(client.state.status).toBe(wanted), {
    timeout: 20_000,
    interval: 5,
  });
}

export async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 5 });
}
