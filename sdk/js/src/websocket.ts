/**
 * The native protocol over one WebSocket.
 *
 * A stream's frames count only after the server answered our own `subscribe` for it (the `ref` tells): a resumed
 * session brings subscriptions back at older positions first, and those must not be mistaken for ours.
 */
import { reconnectAfterMs } from './closing.js';
import type { StreamEnd, StreamEvent, StreamReset } from './events.js';
import { ConnectionLostError, RefusedError } from './errors.js';
import { Pacer } from './pacer.js';
import type { Timings } from './timings.js';
import type { Followed, Subscribed, Transport, TransportEvents } from './transport.js';
import { Watchdog } from './watchdog.js';

/** What the client uses of a WebSocket: the browser's, Node's own, and npm's `ws` all have it. */
/* eslint-disable @typescript-eslint/no-explicit-any -- each of the three types its events differently */
export interface WebSocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}
/* eslint-enable @typescript-eslint/no-explicit-any */

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

type Frame = Record<string, unknown> & { type?: unknown };
type Answer = (frame: Frame | Error) => void;

/** 1006 is what a browser reports when a connection ended without a close frame. */
const lost = 1006;

export class WebSocketTransport implements Transport {
  readonly kind = 'websocket';
  readonly #socket: WebSocketLike;
  readonly #watchdog: Watchdog;
  readonly #pacer: Pacer;
  readonly #openTimer: ReturnType<typeof setTimeout>;
  readonly #answers = new Map<string, Answer>();
  /** The `ref` of the latest subscribe of each stream; `joined` once it was answered. */
  readonly #streams = new Map<string, { ref: string; joined: boolean }>();
  readonly #waiting = new Map<string, Followed>();
  #lastRef = 0;
  #opened = false;
  #over = false;
  #reconnectAfterMs: number | undefined;

  constructor(
    WebSocket: WebSocketConstructor,
    url: string,
    protocols: string[],
    private readonly timings: Timings,
    private readonly events: TransportEvents,
  ) {
    // First, since it throws where a policy forbids sockets: no timer may be left behind then.
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    this.#watchdog = new Watchdog(timings.silenceMs, () => this.#end(lost, 'silent'));
    this.#openTimer = setTimeout(() => this.#end(lost, 'no answer'), timings.openMs);
    this.#pacer = new Pacer((frame) => socket.send(frame));
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data);
    socket.onclose = ({ code, reason }: { code: number; reason: string }) =>
      this.#end(code, reason);
    // A close event follows; without a listener, `ws` would throw.
    socket.onerror = () => undefined;
  }

  follow(followed: Followed): void {
    if (this.#opened) this.#subscribe(followed);
    else this.#waiting.set(followed.stream, followed);
  }

  #subscribe({ stream, position, last }: Followed): void {
    const ref = this.#nextRef();
    this.#streams.set(stream, { ref, joined: false });
    this.#answers.set(ref, (answer) => {
      if (answer instanceof Error) return;
      const refusal = refusalIn(answer);
      if (refusal && this.#streams.get(stream)?.ref === ref) this.#refused(stream, refusal);
    });
    const start = position
      ? { since: position.seq, ...(position.epoch !== undefined && { epoch: position.epoch }) }
      : last > 0 && { last };
    this.#send({ type: 'subscribe', stream, ...start, ref });
  }

  leave(stream: string): void {
    this.#waiting.delete(stream);
    if (this.#streams.delete(stream)) this.#send({ type: 'unsubscribe', stream });
  }

  acknowledge(stream: string, seq: number): void {
    this.#send({ type: 'ack', stream, seq });
  }

  renew(token: string): void {
    // Where it is refused, the server closes with 4001 when the old token ends; nothing to do before.
    this.request({ type: 'auth', token }).catch(() => undefined);
  }

  probe(): void {
    this.#send({ type: 'ping' });
    this.#watchdog.expectWithin(this.timings.probeMs);
  }

  request(frame: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (this.#over) return Promise.reject(new ConnectionLostError('the connection is closed'));
    const ref = this.#nextRef();
    return new Promise((resolve, reject) => {
      this.#answers.set(ref, (answer) => {
        const error = answer instanceof Error ? answer : refusalIn(answer);
        if (error) reject(error);
        else resolve(answer as Frame);
      });
      this.#send({ ...frame, ref });
    });
  }

  close(): void {
    if (this.#over) return;
    this.#silence();
    this.#closeSocket();
  }

  #nextRef(): string {
    this.#lastRef += 1;
    return `r${this.#lastRef}`;
  }

  #send(frame: Frame): void {
    if (!this.#over) this.#pacer.push(JSON.stringify(frame));
  }

  #receive(data: unknown): void {
    if (this.#over || typeof data !== 'string') return;
    this.#watchdog.feed();
    let frame: unknown;
    try {
      frame = JSON.parse(data);
    } catch {
      return this.#end(lost, 'not the expected protocol');
    }
    if (typeof frame === 'object' && frame !== null) this.#handle(frame as Frame);
  }

  #handle(frame: Frame): void {
    this.#answer(frame);
    switch (frame.type) {
      case 'welcome':
        clearTimeout(this.#openTimer);
        this.#opened = true;
        this.events.onOpen();
        for (const followed of this.#waiting.values()) this.#subscribe(followed);
        this.#waiting.clear();
        return;
      case 'subscribed':
        return this.#subscribed(frame as unknown as Subscribed & { ref?: string });
      case 'reset':
        if (this.#joined(frame)) this.events.onReset(frame as unknown as StreamReset);
        return;
      case 'unsubscribed':
        return this.#unsubscribed(frame as unknown as StreamEnd);
      case 'goodbye':
        this.#reconnectAfterMs = reconnectAfterMs(frame);
        return;
      case 'heartbeat':
      case 'ok':
      case 'pong':
      case 'error':
      case 'published':
      case 'message_sent':
      case 'presence_state':
        return;
      default:
        if (this.#joined(frame)) this.events.onEvent(frame as unknown as StreamEvent);
    }
  }

  #answer(frame: Frame): void {
    if (typeof frame['ref'] !== 'string') return;
    const answer = this.#answers.get(frame['ref']);
    this.#answers.delete(frame['ref']);
    answer?.(frame);
  }

  #joined(frame: Frame): boolean {
    return this.#streams.get(String(frame['stream']))?.joined === true;
  }

  #subscribed(frame: Subscribed & { ref?: string }): void {
    const stream = this.#streams.get(frame.stream);
    // A resumed session still had it, and we do not want it any more.
    if (!stream) return this.#send({ type: 'unsubscribe', stream: frame.stream });
    if (frame.ref !== stream.ref) return;
    stream.joined = true;
    this.events.onSubscribed(frame);
  }

  #unsubscribed(end: StreamEnd & { code?: number }): void {
    // Without a code it is the answer to our own `unsubscribe`.
    if (typeof end.code === 'number' && this.#streams.delete(end.stream)) this.events.onEnd(end);
  }

  #refused(stream: string, error: RefusedError): void {
    this.#streams.delete(stream);
    if (error.temporary) return this.events.onRefused(stream, error);
    const code = error.code === 'not_found' ? 4004 : 4003;
    this.events.onEnd({ stream, code, reason: `${error.code}: ${error.message}` });
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    const closing = {
      code,
      reason,
      opened: this.#opened,
      ...(this.#reconnectAfterMs !== undefined && { retryAfterMs: this.#reconnectAfterMs }),
    };
    this.#silence();
    this.#closeSocket();
    this.events.onClose(closing);
  }

  /** From here on nothing is heard of the socket: a half-open one may take minutes to notice that it is closed. */
  #silence(): void {
    this.#over = true;
    clearTimeout(this.#openTimer);
    this.#watchdog.stop();
    this.#pacer.stop();
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    const answers = [...this.#answers.values()];
    this.#answers.clear();
    for (const answer of answers) answer(new ConnectionLostError('the connection ended'));
  }

  #closeSocket(): void {
    try {
      this.#socket.close(1000);
    } catch {
      // It was never open, or is closed already.
    }
  }
}

function refusalIn(frame: Frame): RefusedError | undefined {
  if (frame.type !== 'error') return undefined;
  const error = (frame['error'] ?? {}) as Record<string, unknown>;
  return new RefusedError(
    typeof error['code'] === 'string' ? error['code'] : 'internal',
    typeof error['message'] === 'string' ? error['message'] : 'refused',
    undefined,
    typeof error['retry_after_ms'] === 'number' ? error['retry_after_ms'] : undefined,
  );
}
