/**
 * Server-sent events over `fetch`: unlike `EventSource` it can send an Authorization header, sees the status of a
 * refusal, and leaves the back-off to us.
 */
import { reconnectAfterMs, type Closing } from './closing.js';
import type { StreamEnd, StreamEvent, StreamReset } from './events.js';
import { eventsPath } from './events-request.js';
import { HttpTransport, type Head } from './http-transport.js';
import { SseParser, type SseMessage } from './sse-parser.js';
import { Watchdog } from './watchdog.js';

export class SseTransport extends HttpTransport {
  readonly kind = 'sse';

  protected override async run(signal: AbortSignal): Promise<Closing | undefined> {
    const silent = new AbortController();
    const watchdog = new Watchdog(this.timings.silenceMs, () => silent.abort());
    try {
      const either = AbortSignal.any([signal, silent.signal]);
      const response = await this.get(eventsPath(this.starts), 'text/event-stream', either);
      const type = response.headers.get('content-type');
      if (!response.body || !type?.startsWith('text/event-stream')) {
        throw new Error('the answer is no event stream');
      }
      return await this.#read(response.body.getReader(), watchdog, signal);
    } finally {
      watchdog.stop();
    }
  }

  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    watchdog: Watchdog,
    signal: AbortSignal,
  ): Promise<Closing | undefined> {
    let closing: Closing | undefined;
    const parser = new SseParser((message) => {
      // A listener may have moved a stream: what is left of this answer belongs to the old place.
      if (!signal.aborted) closing = this.#handle(message) ?? closing;
    });
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return closing;
      watchdog.feed();
      this.opened();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  #handle({ event, data }: SseMessage): Closing | undefined {
    const body = JSON.parse(data) as Record<string, unknown>;
    switch (event) {
      case 'message':
        this.events.onEvent(body as unknown as StreamEvent);
        return undefined;
      case 'subscribed':
        this.#subscribed((body['streams'] ?? {}) as Record<string, Head>);
        return undefined;
      case 'reset':
        this.events.onReset(body as unknown as StreamReset);
        return undefined;
      case 'unsubscribed':
        this.ended(body as unknown as StreamEnd);
        return undefined;
      case 'goodbye':
        return goodbye(body);
      default:
        return undefined;
    }
  }

  #subscribed(heads: Record<string, Head>): void {
    for (const { stream, position } of this.followed) {
      const head = heads[stream];
      if (head && position) this.events.onSubscribed({ stream, ...head, since: position.seq });
    }
  }
}

function goodbye(body: Record<string, unknown>): Closing {
  const { code, reason } = body;
  const retryAfterMs = reconnectAfterMs(body);
  // Where access to a stream ended, the next request learns which one and ends only that.
  const ofStream = code === 4003 || code === 4004;
  return {
    code: typeof code === 'number' && !ofStream ? code : 1001,
    reason: typeof reason === 'string' ? reason : 'goodbye',
    opened: true,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}
