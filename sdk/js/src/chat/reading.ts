/**
 * How far a room has been read: by this user, on this and other devices, and by everybody else.
 *
 * The count is the server's, and the messages that came behind it; what is seen before the server has counted waits for
 * the count, so that the divider stands where the reader stopped.
 */
import type { StreamEvent } from '../events.js';
import type { RoomApi } from './api.js';
import { ReceiptBatcher } from './receipts.js';
import { personIn, type Receipt } from './types.js';
import { UnreadCount, type Counted, type Unread } from './unread.js';

export interface ReadingOwner {
  receiptIntervalMs: number;
  connected(): boolean;
  /** How far the stream was followed; undefined where it is not. */
  head(): number | undefined;
  changed(part: 'unread' | 'receipts'): void;
  /** The count cannot be known for sure: ask the server, soon. */
  recount(): void;
}

/** After so long without the server's count, what was seen is told all the same. */
const countMs = 3_000;

export class Reading {
  readonly #api: RoomApi;
  readonly #owner: ReadingOwner;
  readonly #batcher: ReceiptBatcher;
  readonly #count = new UnreadCount();
  readonly #everybody = new Map<number, Receipt>();
  #shown: Unread = { unread: 0, last_read_seq: 0 };
  #divider = 0;
  #early = 0;
  #wantsReceipts = true;

  constructor(api: RoomApi, owner: ReadingOwner) {
    this.#api = api;
    this.#owner = owner;
    this.#batcher = new ReceiptBatcher({
      intervalMs: owner.receiptIntervalMs,
      connected: () => owner.connected(),
      send: (upTo) => api.read(upTo),
    });
  }

  get unread(): Unread {
    return this.#shown;
  }

  get receipts(): Receipt[] {
    return [...this.#everybody.values()];
  }

  get divider(): number {
    return this.#divider;
  }

  set divider(seq: number) {
    this.#divider = seq;
    this.#owner.changed('unread');
  }

  moveDivider(): void {
    this.divider = this.#count.lastRead;
  }

  seen(seq: number): void {
    if (seq <= this.#count.lastRead) return;
    if (!this.#count.known) {
      this.#seenEarly(seq);
      return;
    }
    this.#count.read(seq, undefined, this.#owner.head() ?? 0);
    this.#batcher.note(seq);
    this.#show();
  }

  /** The server's own count. */
  counted(counted: Counted): void {
    const first = !this.#count.known;
    this.#count.counted(counted);
    this.#batcher.known(counted.last_read_seq);
    this.#seenMeanwhile();
    if (first) {
      this.divider = counted.last_read_seq;
      this.seen(this.#early);
    }
    this.#show();
  }

  /** This user has read on, or back, on some device. */
  readElsewhere(lastRead: number, unread: number): void {
    const head = this.#owner.head();
    if (head === undefined)
      return this.counted({ unread, last_read_seq: lastRead, head: lastRead });
    if (lastRead < this.#count.lastRead && unread > this.#shown.unread) {
      this.#batcher.movedBack(lastRead);
    }
    this.#batcher.known(lastRead);
    if (!this.#count.read(lastRead, unread, head)) this.#owner.recount();
    this.#seenMeanwhile();
    this.#show();
  }

  message(seq: number, own: boolean): void {
    this.#count.message(seq, own);
    // Whoever writes has read what stands above.
    if (own) this.#batcher.known(seq);
    this.#show();
  }

  /** A `read_receipt` or `delivery_receipt`. */
  receipt(event: StreamEvent): void {
    const user = personIn(event);
    const upTo = event['up_to'];
    if (!user || typeof upTo !== 'number') return;
    this.#take({ user, up_to: event.type === 'read_receipt' ? upTo : 0, delivered: upTo });
  }

  /** Asks how far everybody is, once; `anew` where events about it were missed. */
  readReceipts(anew = false): void {
    this.#wantsReceipts ||= anew;
    if (!this.#wantsReceipts || !this.#owner.connected()) return;
    this.#wantsReceipts = false;
    this.#api
      .receipts()
      .then((receipts) => {
        for (const receipt of receipts) this.#take(receipt);
      })
      .catch(() => {
        this.#wantsReceipts = true;
      });
  }

  /** There is a connection: what is due may go. */
  flush(): void {
    this.#batcher.flush();
  }

  stop(): void {
    this.#batcher.stop();
  }

  /** What is read has arrived; neither goes back. */
  #take({ user, up_to: upTo, delivered = 0 }: Receipt): void {
    const before = this.#everybody.get(user.id);
    const read = Math.max(upTo, before?.up_to ?? 0);
    const arrived = Math.max(read, delivered, before?.delivered ?? 0);
    if (read === before?.up_to && arrived === before.delivered) return;
    this.#everybody.set(user.id, { user, up_to: read, delivered: arrived });
    this.#owner.changed('receipts');
  }

  /** What is on its way to the server was not counted by it. */
  #seenMeanwhile(): void {
    const { wanted } = this.#batcher;
    if (wanted > this.#count.lastRead) {
      this.#count.read(wanted, undefined, this.#owner.head() ?? 0);
    }
  }

  #seenEarly(seq: number): void {
    if (this.#early === 0) {
      setTimeout(() => {
        if (!this.#count.known) this.counted({ unread: 0, last_read_seq: 0, head: 0 });
      }, countMs);
    }
    this.#early = Math.max(this.#early, seq);
  }

  #show(): void {
    const now = this.#count.value;
    const { unread, last_read_seq } = this.#shown;
    if (now.unread === unread && now.last_read_seq === last_read_seq) return;
    this.#shown = now;
    this.#owner.changed('unread');
  }
}
