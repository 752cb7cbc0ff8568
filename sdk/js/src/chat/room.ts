/**
 * One room, or one conversation: its messages in the server's order with the own ones that wait behind them, who is
 * typing, how far everyone has read, and what is unread.
 *
 * `change` comes at most once a frame of the screen, and says which parts are others than before. What a getter returns
 * is the same object until its part changes, and is never changed itself.
 */
import type { Client } from '../client.js';
import { Emitter } from '../emitter.js';
import { RefusedError } from '../errors.js';
import type { StreamEnd, StreamEvent } from '../events.js';
import type { Subscription } from '../subscription.js';
import { RoomApi } from './api.js';
import { FrameBatch } from './frame-batch.js';
import type { Exclusively } from './locks.js';
import { Outbox, type Outcome } from './outbox.js';
import type { Place } from './place.js';
import { Queue } from './queue.js';
import { Reading } from './reading.js';
import { RoomHistory } from './room-history.js';
import type { OutboxStorage } from './storage.js';
import { Timeline } from './timeline.js';
import {
  keyOf,
  personIn,
  type Message,
  type Person,
  type Receipt,
  type RoomInfo,
} from './types.js';
import { TypingSender, TypingUsers } from './typing.js';
import type { Counted, Unread } from './unread.js';

export type RoomPart = 'messages' | 'typing' | 'unread' | 'receipts' | 'loading' | 'info';

export interface RoomEvents {
  change: ReadonlySet<RoomPart>;
  /** A message that was not there before, own ones too: for a sound, or to be read out. */
  message: Message;
  /** The room is over for this user: deleted, or their access is gone. */
  end: StreamEnd;
}

export interface RoomOwner {
  readonly client: Client;
  readonly me: Person;
  readonly storage: OutboxStorage;
  /** Where the user's entries are in it. */
  readonly prefix: string;
  readonly exclusively: Exclusively;
  readonly receiptIntervalMs: number;
  /** A count that cannot be known for sure: ask the server, soon. */
  recount(): void;
  /** Who comes and goes is told on every stream, and belongs to the organisation. */
  presence(event: StreamEvent): void;
  ended(room: Room, end: StreamEnd): void;
}

export interface SendOptions {
  /** The id of a message of the same room. */
  replyTo?: number;
}

export interface Sending {
  clientMessageId: string;
  /** What becomes of it; never rejects. */
  outcome: Promise<Outcome>;
}

export class Room extends Emitter<RoomEvents> {
  readonly stream: string;
  readonly #owner: RoomOwner;
  readonly #api: RoomApi;
  readonly #timeline: Timeline;
  readonly #history: RoomHistory;
  readonly #outbox: Outbox;
  readonly #typing = new TypingUsers(() => this.#changed('typing'));
  readonly #typingSender: TypingSender;
  readonly #reading: Reading;
  readonly #batch = new FrameBatch<RoomPart>((parts) => this.emit('change', parts));
  #subscription: Subscription | undefined;
  #info: RoomInfo | undefined;
  #messages: readonly Message[] = [];
  #stale = true;
  #mayType = true;
  #opened = false;
  #left = false;
  #wasLive = false;

  /** Made by `chat.room` and `chat.conversation`. */
  constructor(owner: RoomOwner, place: Place, info?: RoomInfo) {
    super();
    this.#owner = owner;
    this.#info = info;
    this.stream = place.stream;
    this.#api = new RoomApi(owner.client, place);
    this.#timeline = new Timeline(owner.me.id);
    this.#history = new RoomHistory(this.#api, this.#timeline, {
      live: () => this.#subscription?.live === true,
      changed: (part) => this.#changed(part),
      whole: (event) => this.#onEvent(event),
    });
    this.#typingSender = new TypingSender((isTyping) => this.#sayTyping(isTyping));
    this.#reading = new Reading(this.#api, {
      receiptIntervalMs: owner.receiptIntervalMs,
      connected: () => owner.client.connected,
      head: () => this.#subscription && (this.#subscription.position?.seq ?? 0),
      changed: (part) => this.#changed(part),
      recount: () => owner.recount(),
    });
    this.#outbox = new Outbox({
      queue: new Queue(owner.storage, owner.prefix, place.stream),
      timings: owner.client.timings,
      random: owner.client.random,
      exclusively: owner.exclusively,
      connected: () => owner.client.connected,
      send: (message) => this.#api.send(message),
      onSent: ({ client_message_id, body, reply_to }, { id, seq, created_at }) => {
        const key = keyOf(owner.me.id, client_message_id);
        this.#timeline.add({
          ...{ key, id, seq, created_at, client_message_id, body, reply_to },
          ...{ state: 'sent', author: owner.me, edited_at: null, deleted: false, reactions: [] },
        });
        this.#reading.message(seq, true);
      },
      onChange: () => this.#changed('messages'),
    });
  }

  get info(): RoomInfo | undefined {
    return this.#info;
  }

  /** Oldest first; what is not sent yet stands last, in the order in which it was written. */
  get messages(): readonly Message[] {
    if (this.#stale) {
      this.#stale = false;
      this.#messages = [...this.#timeline.messages, ...this.#waiting()];
    }
    return this.#messages;
  }

  /** The newest messages were read once: what `messages` has is what there is. */
  get loaded(): boolean {
    return this.#timeline.loaded;
  }

  get hasOlder(): boolean {
    return this.#timeline.hasOlder;
  }

  get loadingOlder(): boolean {
    return this.#history.loadingOlder;
  }

  get typingUsers(): Person[] {
    return this.#typing.list;
  }

  get unread(): Unread {
    return this.#reading.unread;
  }

  /** How far everybody has read, this user too; of rooms of up to 200 people. */
  get receipts(): Receipt[] {
    return this.#reading.receipts;
  }

  /** New is what has a greater `seq`: stays where it is while the room is read, until `moveDivider`. */
  get divider(): number {
    return this.#reading.divider;
  }

  get ended(): boolean {
    return this.#subscription?.ended === true;
  }

  /** Follows the room: its count of unread messages is live from now on. */
  follow(): void {
    if (this.#subscription || this.#left) return;
    const { client } = this.#owner;
    const subscription = client.subscribe(this.stream);
    this.#subscription = subscription;
    subscription.on('event', (event) => this.#onEvent(event));
    subscription.on('reset', () => {
      this.#history.reload();
      this.#reading.readReceipts(true);
      this.#owner.recount();
    });
    subscription.on('live', (live) => this.#onLive(live));
    subscription.on('end', (end) => {
      // Without a socket only so many streams are read at once: this one is there, but not followed.
      if (end.reason.startsWith('too_many_subscriptions')) {
        this.#subscription = undefined;
        return;
      }
      this.#owner.ended(this, end);
      this.emit('end', end);
      this.#changed('info');
    });
  }

  /** Follows the room and reads its newest messages. May be called each time that the room is shown. */
  open(): void {
    this.#opened = true;
    this.follow();
    this.moveDivider();
    this.#history.open();
    this.#reading.readReceipts();
  }

  /** Reads the page before the oldest message; returns how many there were. */
  loadOlder(limit = 50): Promise<number> {
    return this.#history.older(limit);
  }

  /** Lets go of all but the newest messages; the others can be read again. */
  trim(count = 200): void {
    this.#timeline.trim(count);
    this.#changed('messages');
  }

  /**
   * Shows the message at once and sends it as soon as there is a connection, in the order of the calls, until the server
   * has it or refuses it for good. Throws a `RefusedError` (`outbox_full`) where a hundred wait already.
   */
  send(body: string, { replyTo }: SendOptions = {}): Sending {
    if (body === '') throw new RangeError('a message has at least one character');
    if (this.ended) throw new RefusedError('not_found', 'the room is over for this user');
    this.#typingSender.stop();
    const clientMessageId = crypto.randomUUID();
    const outcome = this.#outbox.add({
      client_message_id: clientMessageId,
      body,
      reply_to: replyTo ?? null,
    });
    return { clientMessageId, outcome };
  }

  /** Sends again what failed, with the same id. */
  retry(clientMessageId: string): void {
    this.#outbox.retry(clientMessageId);
  }

  /** Takes back a message that was not sent yet, or that failed. */
  discard(clientMessageId: string): void {
    this.#outbox.discard(clientMessageId);
  }

  edit(id: number, body: string): Promise<void> {
    return this.#api.edit(id, body);
  }

  delete(id: number): Promise<void> {
    return this.#api.remove(id);
  }

  /** For moderators. */
  restore(id: number): Promise<void> {
    return this.#api.restore(id);
  }

  react(id: number, emoji: string, remove = false): Promise<void> {
    return this.#api.react(id, emoji, remove);
  }

  /** To be called on each key that changes the text: tells the others now and then. */
  typing(): void {
    if (!this.ended) this.#typingSender.key();
  }

  stopTyping(): void {
    this.#typingSender.stop();
  }

  /** Everything up to this `seq` was before the user's eyes. Told to the server at most once a second. */
  seen(seq: number): void {
    this.#reading.seen(seq);
  }

  /** Makes this message and all after it unread again, on all of the user's devices. Nobody else is told. */
  async markUnread(id: number): Promise<void> {
    const message = this.#timeline.find(id);
    await this.#api.markUnread(id);
    // The count comes by itself, as it does to the other devices.
    if (message) this.#reading.divider = message.seq - 1;
  }

  /** Starts the new messages after what was read by now. */
  moveDivider(): void {
    this.#reading.moveDivider();
  }

  /** Stops to follow the room. What waits to be sent is still sent. */
  leave(): void {
    this.#left = true;
    this.#subscription?.unsubscribe();
    this.#typingSender.stop();
    this.#typing.clear();
    this.#reading.stop();
    this.#batch.stop();
  }

  // What follows is called by the chat.

  /** @internal */
  setInfo(info: RoomInfo): void {
    this.#info = info;
    this.#changed('info');
  }

  /** @internal The server's own count. */
  counted(counted: Counted): void {
    this.#reading.counted(counted);
  }

  /** @internal This user has read on, or back, on some device. */
  readElsewhere(lastRead: number, unread: number): void {
    this.#reading.readElsewhere(lastRead, unread);
  }

  /** @internal There is a connection: what waits may go. */
  connected(): void {
    this.#mayType = true;
    this.#outbox.drain();
    this.#reading.flush();
    this.#history.resume();
    if (this.#opened) this.#reading.readReceipts();
  }

  /** @internal Another tab changed what waits. */
  outboxChanged(): void {
    this.#outbox.sync();
    this.#outbox.drain();
  }

  /** @internal The user has signed out. */
  stop(): void {
    this.#outbox.stop();
    this.leave();
  }

  #waiting(): Message[] {
    const author = this.#owner.me;
    return this.#outbox.messages.map(({ client_message_id, body, reply_to, state, error }) => ({
      key: keyOf(author.id, client_message_id),
      ...{ state, author, body, reply_to, client_message_id },
      ...{ edited_at: null, deleted: false, reactions: [] },
      ...(error && { error }),
    }));
  }

  #onLive(live: boolean): void {
    if (!live) return this.#typing.clear();
    if (!this.#wasLive) this.#owner.recount();
    this.#wasLive = true;
    this.#history.resume();
    this.#outbox.drain();
    this.#reading.flush();
  }

  #onEvent(event: StreamEvent): void {
    if (event.truncated) return this.#history.fetchWhole(event);
    const user = personIn(event);
    switch (event.type) {
      case 'typing':
        if (user && user.id !== this.#owner.me.id)
          this.#typing.set(user, event['is_typing'] === true);
        return;
      case 'presence':
        return this.#owner.presence(event);
      case 'read_receipt':
      case 'delivery_receipt':
        return this.#reading.receipt(event);
      case 'message':
        return this.#onMessage(event);
      default:
        if (this.#history.apply(event)) this.#changed('messages');
    }
  }

  #onMessage(event: StreamEvent): void {
    const {
      author,
      client_message_id: clientMessageId,
      id,
    } = event as StreamEvent & {
      author?: Person;
      client_message_id?: string | null;
      id?: number;
    };
    if (!author || id === undefined || event.seq === undefined) return;
    const isNew = this.#history.apply(event);
    const own = author.id === this.#owner.me.id;
    if (own && typeof clientMessageId === 'string') {
      this.#outbox.confirm(clientMessageId, { id, seq: event.seq });
    }
    this.#typing.set(author, false);
    this.#reading.message(event.seq, own);
    if (!isNew) return;
    this.#changed('messages');
    const message = this.#timeline.find(id);
    if (message) this.emit('message', message);
  }

  #sayTyping(isTyping: boolean): void {
    if (!this.#mayType) return;
    this.#api.typing(isTyping).catch((error: unknown) => {
      // A server that knows no typing, or a room where it is not told: not asked again on this connection.
      if (error instanceof RefusedError && !error.temporary) this.#mayType = false;
    });
  }

  #changed(part: RoomPart): void {
    if (part === 'messages') this.#stale = true;
    this.#batch.add(part);
  }
}
