/**
 * What server-sent events and long polling share: both are requests to one URL that names every stream and where to
 * start, so a stream that is added, moved or left means a new request with the positions of that moment.
 */
import { closeCodeOfStatus, type Closing } from './closing.js';
import type { Credentials } from './credentials.js';
import { RefusedError } from './errors.js';
import type { StreamEnd, StreamEvent, StreamReset, TransportKind } from './events.js';
import { eventsPath, maxStreamsPerRequest, startOf } from './events-request.js';
import type { Http } from './http.js';
import type { Timings } from './timings.js';
import type { Followed, Transport, TransportEvents } from './transport.js';

export interface Head {
  epoch: string;
  head: number;
}

export interface EventsPage {
  results: StreamEvent[];
  has_more: boolean;
  reset: StreamReset[];
  streams: Record<string, Head>;
}

export interface HttpDeps {
  http: Http;
  credentials: Credentials;
  timings: Timings;
  events: TransportEvents;
  /** The last credentials were refused. */
  refresh: boolean;
}

export abstract class HttpTransport implements Transport {
  abstract readonly kind: TransportKind;
  protected readonly timings: Timings;
  protected readonly events: TransportEvents;
  readonly #http: Http;
  readonly #credentials: Credentials;
  readonly #followed = new Map<string, Followed>();
  #refresh: boolean;
  #opened = false;
  #over = false;
  #request: AbortController | undefined;
  #restarting: ReturnType<typeof setTimeout> | undefined;

  constructor({ http, credentials, timings, events, refresh }: HttpDeps) {
    this.#http = http;
    this.#credentials = credentials;
    this.timings = timings;
    this.events = events;
    this.#refresh = refresh;
    this.#restart();
  }

  /** Delivers until the connection ends or `signal` aborts; what it throws closes the transport. */
  protected abstract run(signal: AbortSignal): Promise<Closing | undefined>;

  follow(followed: Followed): void {
    if (!this.#followed.has(followed.stream) && this.#followed.size >= maxStreamsPerRequest) {
      const reason = `too_many_subscriptions: at most ${maxStreamsPerRequest} without a WebSocket`;
      queueMicrotask(() => this.events.onEnd({ stream: followed.stream, code: 4003, reason }));
      return;
    }
    this.#followed.set(followed.stream, followed);
    this.#restart();
  }

  leave(stream: string): void {
    if (this.#followed.delete(stream)) this.#restart();
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#restarting);
    this.#request?.abort();
  }

  protected get followed(): Followed[] {
    return [...this.#followed.values()];
  }

  /** Every stream with its place at this moment. */
  protected get starts(): string[] {
    return this.followed.map(({ stream, position }) =>
      position ? startOf(stream, position) : stream,
    );
  }

  /** The first byte came through: this way works here. */
  protected opened(): void {
    if (this.#opened || this.#over) return;
    this.#opened = true;
    this.events.onOpen();
  }

  /** The server goes on without this stream. */
  protected ended(end: StreamEnd): void {
    if (this.#followed.delete(end.stream)) this.events.onEnd(end);
  }

  protected async get(path: string, accept: string, signal: AbortSignal): Promise<Response> {
    const refresh = this.#refresh;
    this.#refresh = false;
    return this.#http.send(path, this.#credentials, {
      headers: { accept, ...(await this.#credentials.headers(refresh)) },
      signal,
    });
  }

  protected async page(
    starts: string[],
    rest: Record<string, number>,
    signal: AbortSignal,
  ): Promise<EventsPage> {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(this.timings.silenceMs)]);
    const response = await this.get(eventsPath(starts, rest), 'application/json', bounded);
    const {
      results = [],
      has_more = false,
      reset = [],
      streams = {},
    } = (await response.json()) as Partial<EventsPage>;
    return { results, has_more, reset, streams };
  }

  /** Everything followed in one turn goes into one request. */
  #restart(): void {
    this.#request?.abort();
    this.#restarting ??= setTimeout(() => {
      this.#restarting = undefined;
      void this.#runOnce();
    });
  }

  async #runOnce(): Promise<void> {
    if (this.#over) return;
    const request = new AbortController();
    this.#request = request;
    // Behind a proxy that holds answers back, nothing would ever arrive.
    const openTimer = setTimeout(() => {
      if (!this.#opened) this.#end(request, { code: 1006, reason: 'no answer', opened: false });
    }, this.timings.openMs);
    try {
      if (this.#followed.size === 0) {
        await this.#greet(request.signal);
        return;
      }
      await this.#findStarts(request.signal);
      const closing = await this.run(request.signal);
      this.#end(request, closing ?? { code: 1006, reason: 'ended', opened: this.#opened });
    } catch (error) {
      if (request.signal.aborted) return;
      if (error instanceof RefusedError && error.status === 404) {
        if (await this.#endMissing(request)) {
          this.#restart();
          return;
        }
        // None of them is missing by itself: something changed meanwhile, and another attempt will show it.
        this.#end(request, { code: 1011, reason: error.message, opened: this.#opened });
      }
      this.#end(request, closingOf(error, this.#opened));
    } finally {
      clearTimeout(openTimer);
    }
  }

  #end(request: AbortController, closing: Closing): void {
    if (this.#over || this.#request !== request || request.signal.aborted) return;
    this.close();
    this.events.onClose({ ...closing, opened: this.#opened });
  }

  /** With nothing to follow, any answer of the API shows that the way is open. */
  async #greet(signal: AbortSignal): Promise<void> {
    try {
      await this.get('me', 'application/json', signal);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status === 401) throw error;
    }
    this.opened();
  }

  /** A stream that has no position yet starts at its head, less what is wanted of the newest. */
  async #findStarts(signal: AbortSignal): Promise<void> {
    const fresh = this.followed.filter((each) => each.position === undefined);
    if (fresh.length === 0) return;
    const { streams } = await this.page(
      fresh.map((each) => each.stream),
      { limit: 1 },
      signal,
    );
    if (signal.aborted) return;
    for (const { stream, last } of fresh) {
      const at = streams[stream];
      if (!at) throw new Error(`the server did not tell the head of ${stream}`);
      this.events.onPlaced(stream, { seq: Math.max(0, at.head - last), epoch: at.epoch });
    }
  }

  /** One stream that is not for the caller makes the whole answer 404: ask for each, and end those that are missing. */
  async #endMissing({ signal }: AbortController): Promise<boolean> {
    let found = false;
    for (const { stream, position } of this.followed) {
      try {
        await this.page([position ? startOf(stream, position) : stream], { limit: 1 }, signal);
      } catch (error) {
        if (signal.aborted) return true;
        if (!(error instanceof RefusedError) || error.status !== 404) continue;
        found = true;
        this.ended({ stream, code: 4004, reason: `${error.code}: ${error.message}` });
      }
    }
    return found;
  }
}

function closingOf(error: unknown, opened: boolean): Closing {
  if (!(error instanceof RefusedError)) return { code: 1006, reason: String(error), opened };
  // Without a code of the API's it was said by something in between, and may pass.
  const ours = !error.code.startsWith('http_');
  return {
    code: ours ? closeCodeOfStatus(error.status ?? 0) : 1006,
    reason: `${error.code}: ${error.message}`,
    opened,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  };
}
