import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { World } from './world.js';

const world = new World();

/** A network that lets no WebSocket through, as the page sees it. */
async function withoutSockets(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const Real = window.WebSocket;
    window.WebSocket = class extends Real {
      constructor(_url: string | URL, protocols?: string | string[]) {
        // An answer, but no upgrade: what a proxy that knows no WebSockets makes of it.
        super(new URL('/healthz', location.href.replace(/^http/, 'ws')), protocols);
      }
    };
  });
}

/** As above, and event streams are cut too. */
async function withoutStreams(page: Page): Promise<void> {
  await withoutSockets(page);
  await page.route('**/api/v1/events?**', (route, request) =>
    request.headers()['accept'] === 'text/event-stream' ? route.abort() : route.continue(),
  );
}

test.each([
  ['sse', withoutSockets],
  ['poll', withoutStreams],
] as const)('where sockets are blocked the page is still live, by %s', async (kind, prepare) => {
  const anna = await world.signedIn('anna', prepare);
  await anna.reaches('fallback', 40_000);
  expect(await anna.transport()).toBe(kind);
  const before = await world.api.head();
  const task = await world.api.createTask(`Seen by ${kind}`);
  await world.api.setStatus(task.id, 'doing');
  await anna.hasStatus(`Seen by ${kind}`, 'doing');
  const sent = await world.api.seqsAfter(before);
  await anna.showsSeq(sent.at(-1) ?? 0);
  expect((await anna.seqs()).filter((seq) => seq > before)).toEqual(sent);
});
