/**
 * The client: subscriptions that outlive connections, and one connection that serves them all.
 *
 * What a connection is and when there is one is the connector's; what of it a stream's reader sees is the
 * subscription's. This file ties the two together.
 */
import { Acks } from './acks.js';
import { Connector, type Phase } from './connector.js';
import {
  cookieCredentials,
  tokenCredentials,
  type Credentials,
  type TokenOptions,
  type TokenProvider,
} from './credentials.js';
import { Emitter } from './emitter.js';
import { ConnectionLostError, RefusedError, TransportUnavailableError } from './errors.js';
import type { ConnectionState, StreamEnd, TransportKind } from './events.js';
import { Http, type Fetch } from './http.js';
import { Meter, type Metrics } from './meter.js';
import { PollTransport } from './poll.js';
import { Publisher, type Published, type PublishOptions } from './publisher.js';
import { SseTransport } from './sse.js';
import { Subscription, type SubscribeOptions } from './subscription.js';
import { defaultTimings, type Timings } from './timings.js';
import type { Transport, TransportEvents } from './transport.js';
import { onWake } from './wake.js';
import { WebSocketTransport, type WebSocketConstructor } from './websocket.js';

export interface ClientOptions extends TokenOptions {
  /** The server's origin, such as `https://chat.example.com`; in a browser, by default the page's own. */
  url?: string;
  /** Gives the access token; without it the browser's session cookie is used. */
  token?: TokenProvider;
  /** Where the platform has none: Node before 22 takes npm's `ws`. */
  WebSocket?: WebSocketConstructor;
  fetch?: Fetch;
  /** Which ways may be used, best first. */
  transports?: TransportKind[];
  /** Names this client's session (1 to 64 of `A-Z a-z 0-9 _ -`). Two clients that run at once must not share one. */
  sessionUuid?: string;
  /** `auto` confirms what listeners have been given; with `manual` call `subscription.ack()`. */
  ack?: 'auto' | 'manual';
  timings?: Partial<Timings>;
  random?: () => number;
  /** Hears what a listener threw; by default the console does. */
  onListenerError?: (error: unknown) => void;
}

interface ClientEvents {
  state: ConnectionState;
  /** Any subscription's end, for those who do not listen on each. */
  end: StreamEnd;
}

/** Holes in a row, each followed by a new subscribe, after which the connection itself is given up. */
const maxGaps = 3;

export class Client extends Emitter<ClientEvents> {
  readonly #options: ClientOptions;
  readonly #timings: Timings;
  readonly #base: string;
  readonly #http: Http;
  readonly #credentials: Credentials;
  readonly #session: string;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #connector: Connector;
  readonly #publisher: Publisher;
  readonly #acks: Acks;
  readonly #meter = new Meter();
  #gaps = 0;
  #stopWake: (() => void) | undefined;
  #state: ConnectionState;

  constructor(options: ClientOptions = {}) {
    super(options.onListenerError);
    this.#options = options;
    this.#timings = { ...defaultTimings, ...options.timings };
    this.#base = baseOf(options.url);
    this.#session = options.sessionUuid ?? crypto.randomUUID();
    this.#http = new Http(this.#base, options.fetch ?? globalThis.fetch.bind(globalThis));
    this.#credentials = this.#credentialsOf(options);
    const random = options.random ?? Math.random;
    this.#connector = new Connector({
      timings: this.#timings,
      kinds: options.transports ?? ['websocket', 'sse', 'poll'],
      credentials: this.#credentials,
      random,
      create: (kind, events, refresh) => this.#create(kind, events, refresh),
      delivery: this.#delivery(),
      onTransport: (transport) => this.#followAll(transport),
      onPhase: (phase) => this.#onPhase(phase),
    });
    this.#publisher = new Publisher({
      http: this.#http,
      credentials: this.#credentials,
      timings: this.#timings,
      random,
      transport: () => this.#openTransport(),
    });
    this.#acks = new Acks(this.#timings.ackMs, (stream, seq) => this.#sendAck(stream, seq));
    this.#state = { status: 'offline', transport: this.#connector.kind };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Opens the connection and keeps it open until `close`. Subscriptions may be made before or after. */
  connect(): void {
    this.#stopWake ??= onWake(() => this.#connector.nudge());
    this.#connector.start();
  }

  /** Ends the connection. Subscriptions keep their positions, and go on from there after another `connect`. */
  close(): void {
    this.#acks.flush();
    this.#acks.stop();
    this.#stopWake?.();
    this.#stopWake = undefined;
    this.#connector.stop(1000, 'closed by the application');
  }

  /** Starts to read a stream. Asking for one that is read already is an error: share the subscription. */
  subscribe(stream: string, options: SubscribeOptions = {}): Subscription {
    if (this.#subscriptions.has(stream)) throw new Error(`${stream} is subscribed already`);
    const subscription = new Subscription(
      {
        leave: (left) => this.#leave(left),
        acknowledge: (name, seq) => this.#acks.note(name, seq),
        refollow: (holed) => this.#refollow(holed),
        liveChanged: () => this.#updateState(),
      },
      stream,
      options,
      this.#options.onListenerError,
    );
    this.#subscriptions.set(stream, subscription);
    this.#connector.transport?.follow(subscription);
    this.#updateState();
    return subscription;
  }

  /** The server's origin. */
  get url(): string {
    return this.#base;
  }

  /** The subscription of a stream that is read already: to share it. */
  subscription(stream: string): Subscription | undefined {
    return this.#subscriptions.get(stream);
  }

  /** Publishes on a topic; resolves when the event is durable (or, if ephemeral, accepted). */
  publish(
    stream: string,
    type: string,
    data: unknown,
    options?: PublishOptions,
  ): Promise<Published> {
    return this.#meter.send(() => this.#publisher.publish(stream, type, data, options));
  }

  /** A connection is open: on a socket, or by one of the ways without. */
  get connected(): boolean {
    return this.#openTransport() !== undefined;
  }

  /** Frames can be sent: a socket is open. */
  get hasSocket(): boolean {
    return this.#openTransport()?.request !== undefined;
  }

  /**
   * Sends one frame over the socket and resolves to its direct answer. A refusal is thrown as a `RefusedError`; a
   * connection that is not there, or ends before the answer, as a `ConnectionLostError`. Nothing is repeated.
   */
  request(frame: Record<string, unknown>): Promise<Record<string, unknown>> {
    const transport = this.#openTransport();
    return transport?.request
      ? transport.request(frame)
      : Promise.reject(new ConnectionLostError('there is no open socket'));
  }

  /**
   * Asks the API over plain HTTP, with this client's credentials; `path` is what follows `/api/v1/`. A refusal is thrown
   * as a `RefusedError`, and no answer as whatever `fetch` throws.
   */
  async call<Answer = Record<string, unknown>>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Answer> {
    const once = async (refresh: boolean) => {
      const headers = await this.#credentials.headers(refresh);
      const answer = await this.#http.json(method, path, this.#credentials, headers, body, signal);
      return answer as Answer;
    };
    try {
      return await once(false);
    } catch (error) {
      const refused = error instanceof RefusedError && error.status === 401;
      if (!refused || !this.#credentials.renewable) throw error;
      return once(true);
    }
  }

  /** What this client did so far: counts, and how long sends take. */
  metrics(): Metrics {
    return this.#meter.snapshot();
  }

  // What follows is for the parts of this library that are built on the client.

  /** @internal */
  get meter(): Meter {
    return this.#meter;
  }

  /** @internal */
  get timings(): Timings {
    return this.#timings;
  }

  /** @internal */
  get random(): () => number {
    return this.#options.random ?? Math.random;
  }

  #credentialsOf({ token, scheme, via }: ClientOptions): Credentials {
    if (!token) return cookieCredentials();
    return tokenCredentials(
      token,
      (path, headers) => this.#http.post(path, { cookies: false }, headers, {}),
      { ...(scheme && { scheme }), ...(via && { via }) },
    );
  }

  async #create(
    kind: TransportKind,
    events: TransportEvents,
    refresh: boolean,
  ): Promise<Transport> {
    if (kind === 'websocket') return this.#createWebSocket(events, refresh);
    const deps = {
      http: this.#http,
      credentials: this.#credentials,
      timings: this.#timings,
      events,
      refresh,
    };
    return kind === 'sse' ? new SseTransport(deps) : new PollTransport(deps);
  }

  async #createWebSocket(events: TransportEvents, refresh: boolean): Promise<Transport> {
    const WebSocket = this.#options.WebSocket ?? globalThis.WebSocket;
    const { protocols, query } = await this.#credentials.forSocket(refresh);
    const parameters = new URLSearchParams({ session_uuid: this.#session, ...query });
    const url = `${this.#base.replace(/^http/, 'ws')}/ws?${parameters.toString()}`;
    try {
      return new WebSocketTransport(
        WebSocket,
        url,
        ['indaba.v1', ...protocols],
        this.#timings,
        events,
      );
    } catch (error) {
      throw new TransportUnavailableError(`no WebSocket could be made: ${String(error)}`);
    }
  }

  #delivery(): Omit<TransportEvents, 'onOpen' | 'onClose'> {
    const find = (stream: string) => this.#subscriptions.get(stream);
    return {
      onPlaced: (stream, position) => find(stream)?.placed(position),
      onSubscribed: (subscribed) => find(subscribed.stream)?.subscribed(subscribed),
      onReset: (reset) => find(reset.stream)?.reset(reset),
      onEnd: (end) => this.#onEnd(end),
      onRefused: (stream, error) => this.#onRefused(stream, error),
      onEvent: (event) => {
        if (!find(event.stream)?.deliver(event)) return;
        this.#meter.received();
        if (event.seq === undefined) return;
        this.#gaps = 0;
        if (this.#options.ack !== 'manual') this.#acks.note(event.stream, event.seq);
      },
    };
  }

  #followAll(transport: Transport): void {
    for (const subscription of this.#subscriptions.values()) transport.follow(subscription);
  }

  #leave(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.stream);
    this.#acks.forget(subscription.stream);
    this.#connector.transport?.leave(subscription.stream);
    this.#updateState();
  }

  #onEnd(end: StreamEnd): void {
    const subscription = this.#subscriptions.get(end.stream);
    if (!subscription) return;
    this.#subscriptions.delete(end.stream);
    this.#acks.forget(end.stream);
    subscription.end(end);
    this.emit('end', end);
    this.#updateState();
  }

  /** Refused for now: asks again on the same connection, if it is still there. */
  #onRefused(stream: string, error: RefusedError): void {
    const transport = this.#connector.transport;
    const delay = error.retryAfterMs ?? this.#timings.backoffBaseMs * (1 + Math.random());
    setTimeout(() => {
      const subscription = this.#subscriptions.get(stream);
      if (subscription && transport === this.#connector.transport) transport?.follow(subscription);
    }, delay);
  }

  #refollow(subscription: Subscription): void {
    this.#gaps += 1;
    if (this.#gaps > maxGaps) {
      this.#gaps = 0;
      this.#connector.reconnect(`${subscription.stream} has a hole that does not close`);
    } else {
      this.#connector.transport?.follow(subscription);
    }
  }

  #openTransport(): Transport | undefined {
    return this.#connector.phase.name === 'open' ? this.#connector.transport : undefined;
  }

  #sendAck(stream: string, seq: number): boolean {
    const transport = this.#openTransport();
    if (!transport) return false;
    // Over plain HTTP positions are the client's alone: there is nothing to confirm.
    transport.acknowledge?.(stream, seq);
    return true;
  }

  #onPhase(phase: Phase): void {
    if (phase.name === 'open') {
      // A socket that takes over from a fallback is no reconnect.
      if (['connecting', 'offline', 'closed'].includes(this.#state.status)) this.#meter.opened();
      this.#acks.flush();
    }
    if (phase.name !== 'open') {
      for (const subscription of this.#subscriptions.values()) subscription.disconnected();
    }
    this.#updateState();
  }

  #updateState(): void {
    const state = this.#describe();
    const before = this.#state;
    this.#state = state;
    if (JSON.stringify(state) !== JSON.stringify(before)) this.emit('state', state);
  }

  #describe(): ConnectionState {
    const { phase, kind: transport } = this.#connector;
    switch (phase.name) {
      case 'idle':
        return { status: 'offline', transport };
      case 'opening':
        return { status: 'connecting', transport };
      case 'waiting': {
        const { retryInMs, code, reason } = phase;
        return { status: 'offline', transport, retryInMs, code, reason };
      }
      case 'stopped':
        return { status: 'closed', transport, code: phase.code, reason: phase.reason };
      case 'open':
        if ([...this.#subscriptions.values()].some((each) => !each.live)) {
          return { status: 'catching-up', transport };
        }
        return { status: transport === 'websocket' ? 'live' : 'fallback', transport };
    }
  }
}

function baseOf(url: string | undefined): string {
  const base = url ?? (typeof location === 'undefined' ? undefined : location.origin);
  if (base === undefined) throw new Error('`url` is needed outside a browser');
  return new URL(base).href.replace(/^ws/, 'http').replace(/\/+$/, '');
}
