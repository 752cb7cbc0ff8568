/**
 * What is unread in one room: from what the server counted at a place of the stream, and the messages that came behind
 * it. Two tabs that have the same stream have the same count.
 */
export interface Unread {
  unread: number;
  last_read_seq: number;
}

/** What the server counted, and up to where: the head at that moment. */
export interface Counted extends Unread {
  head: number;
}

export class UnreadCount {
  #base: Counted = { unread: 0, last_read_seq: 0, head: 0 };
  /** Messages of others behind the base's head. */
  #after: number[] = [];
  #counted = false;

  get value(): Unread {
    const { unread, last_read_seq } = this.#base;
    return { unread: unread + this.#after.length, last_read_seq };
  }

  /** The server has counted at least once. */
  get known(): boolean {
    return this.#counted;
  }

  get lastRead(): number {
    return this.#base.last_read_seq;
  }

  /** The server has counted: what it counted in is not counted again. */
  counted(counted: Counted): void {
    this.#counted = true;
    this.#base = { ...counted };
    this.#after = this.#after.filter((seq) => seq > counted.head);
  }

  message(seq: number, own: boolean): void {
    if (seq <= this.#base.head || this.#after.includes(seq)) return;
    // Whoever writes has read what stands above.
    if (own) this.#readUpTo(seq);
    else if (seq > this.#base.last_read_seq) this.#after.push(seq);
  }

  /**
   * This or another device has read on, or back. `unread` is the server's count, if it came with it, and `head` what
   * this client has seen of the stream. Returns false where the count cannot be known for sure: ask the server.
   */
  read(lastRead: number, unread: number | undefined, head: number): boolean {
    if (this.#counted && lastRead >= this.#base.head) {
      this.#readUpTo(lastRead);
      return true;
    }
    if (unread === undefined) {
      // Between two places that the server has counted: all that is known is that it is no more than before.
      this.#base.last_read_seq = Math.max(lastRead, this.#base.last_read_seq);
      return false;
    }
    this.#base = { unread, last_read_seq: lastRead, head };
    this.#after = this.#after.filter((seq) => seq > head);
    return false;
  }

  #readUpTo(seq: number): void {
    if (seq < this.#base.last_read_seq) return;
    this.#after = this.#after.filter((each) => each > seq);
    this.#base = { unread: 0, last_read_seq: seq, head: Math.max(seq, this.#base.head) };
  }
}
