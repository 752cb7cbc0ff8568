/**
 * The seam between the client and the three ways to a stream. A transport is used for one connection and then
 * thrown away; it speaks of streams and positions, never of sockets, so that all three are resumed alike.
 */
import type { Closing } from './closing.js';
import type { Position } from './cursor.js';
import type { StreamEnd, StreamEvent, StreamReset, TransportKind } from './events.js';
import type { RefusedError } from './errors.js';

/** What a transport needs to know of a subscription. The position is read at the moment of asking. */
export interface Followed {
  readonly stream: string;
  readonly position: Position | undefined;
  /** Where there is no position: how many of the newest events are wanted first. */
  readonly last: number;
}

export interface Subscribed {
  stream: string;
  epoch: string;
  head: number;
  since: number;
}

export interface TransportEvents {
  /** The server answered as ours: subscriptions may be followed now. Comes at most once. */
  onOpen(): void;
  /** A stream without a position was given one; nothing is delivered yet. */
  onPlaced(stream: string, position: Required<Position>): void;
  onSubscribed(subscribed: Subscribed): void;
  onEvent(event: StreamEvent): void;
  onReset(reset: StreamReset): void;
  onEnd(end: StreamEnd): void;
  /** Following was refused for now; ask again after the time that the error names. */
  onRefused(stream: string, error: RefusedError): void;
  /** Comes exactly once, unless `close` was called; nothing follows it. */
  onClose(closing: Closing): void;
}

export interface Transport {
  readonly kind: TransportKind;
  /** Starts to deliver after the subscription's position; for a stream that is followed already, again from there. */
  follow(followed: Followed): void;
  leave(stream: string): void;
  /** Says goodbye and goes silent: no callback comes after it. */
  close(): void;

  // Only a WebSocket can do these; the others do without or use plain HTTP.
  acknowledge?(stream: string, seq: number): void;
  renew?(token: string): void;
  probe?(): void;
  /** Sends a frame and waits for its direct answer. */
  request?(frame: Record<string, unknown>): Promise<Record<string, unknown>>;
}
