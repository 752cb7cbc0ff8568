/**
 * One stream as an application sees it: events in order, each once, and a word when some are gone for good.
 *
 * It outlives connections. Whatever brings an event, the cursor decides whether it is delivered.
 */
import { Cursor, type Position } from './cursor.js';
import { Emitter } from './emitter.js';
import type { StreamEnd, StreamEvent, StreamReset } from './events.js';
import type { Followed, Subscribed } from './transport.js';

export interface SubscribeOptions {
  /** Replay what came after this place, as `position` gave it on an earlier visit. */
  since?: number;
  epoch?: string;
  /** Without `since`: replay the newest n first. */
  last?: number;
}

export interface SubscriptionEvents {
  event: StreamEvent;
  /** Events are gone for good: fetch the state anew. Delivery goes on after `head`. */
  reset: StreamReset;
  /** The stream is over for this client; nothing follows. */
  end: StreamEnd;
  /** Everything that had been missed was delivered (true), or there is something to catch up on (false). */
  live: boolean;
}

/** What the client does for a subscription. */
export interface SubscriptionOwner {
  leave(subscription: Subscription): void;
  acknowledge(stream: string, seq: number): void;
  /** A hole was seen: deliver again from the position. */
  refollow(subscription: Subscription): void;
  liveChanged(): void;
}

export class Subscription extends Emitter<SubscriptionEvents> implements Followed {
  readonly stream: string;
  readonly last: number;
  readonly #cursor: Cursor;
  readonly #owner: SubscriptionOwner;
  #head = 0;
  #joined = false;
  #live = false;
  #ended = false;

  /** Made by `client.subscribe`. */
  constructor(
    owner: SubscriptionOwner,
    stream: string,
    { since, epoch, last = 0 }: SubscribeOptions,
    onThrow?: (error: unknown) => void,
  ) {
    super(onThrow);
    this.#owner = owner;
    this.stream = stream;
    this.last = last;
    this.#cursor = new Cursor(
      since === undefined ? undefined : { seq: since, ...(epoch !== undefined && { epoch }) },
    );
  }

  /** Where to go on: keep it to resume after the page or program was closed. */
  get position(): Position | undefined {
    return this.#cursor.position;
  }

  /** Connected, and everything that was missed has been delivered. */
  get live(): boolean {
    return this.#live;
  }

  get ended(): boolean {
    return this.#ended;
  }

  unsubscribe(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.leave(this);
  }

  /** Tells the server that this device has processed everything up to `seq`, where the client was made with `ack: 'manual'`. */
  ack(seq = this.position?.seq): void {
    if (seq !== undefined && !this.#ended) this.#owner.acknowledge(this.stream, seq);
  }

  // What follows is called by the client, as its transport reports.

  /** @internal */
  placed({ seq, epoch }: Required<Position>): void {
    this.#cursor.start(seq, epoch);
  }

  /** @internal */
  subscribed({ since, epoch, head }: Subscribed): void {
    this.#cursor.start(since, epoch);
    this.#head = head;
    this.#joined = true;
    this.#updateLive();
  }

  /** @internal Returns whether the event was delivered. */
  deliver(event: StreamEvent): boolean {
    if (this.#ended) return false;
    if (event.seq === undefined) {
      this.emit('event', event);
      return true;
    }
    const arrival = this.#cursor.arrive(event.seq);
    if (arrival === 'gap') this.#owner.refollow(this);
    if (arrival !== 'next') return false;
    this.emit('event', event);
    this.#updateLive();
    return true;
  }

  /** @internal */
  reset(reset: StreamReset): void {
    if (this.#ended) return;
    this.#cursor.reset(reset.head, reset.epoch);
    this.#head = reset.head;
    this.emit('reset', reset);
    this.#updateLive();
  }

  /** @internal */
  end(end: StreamEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.emit('end', end);
  }

  /** @internal The connection is gone. */
  disconnected(): void {
    this.#joined = false;
    this.#updateLive();
  }

  #updateLive(): void {
    const live = this.#joined && (this.position?.seq ?? 0) >= this.#head;
    if (live === this.#live) return;
    this.#live = live;
    this.emit('live', live);
    this.#owner.liveChanged();
  }
}
