/** A place in a stream: everything up to `seq` has been delivered. `epoch` says which numbering `seq` belongs to. */
export interface Position {
  seq: number;
  epoch?: string;
}

export type Arrival = 'next' | 'seen' | 'gap';

/**
 * Decides, for each event that arrives, whether it is the next one, was seen already, or shows a hole.
 *
 * Invariant: `position.seq` moves by one for each event that was let through, or is set by `start` and `reset`.
 */
export class Cursor {
  #position: Position | undefined;

  constructor(position?: Position) {
    this.#position = position && { ...position };
  }

  get position(): Position | undefined {
    return this.#position && { ...this.#position };
  }

  /** The server took the subscription at `seq`. A position that is known already stays: the server sends what follows it. */
  start(seq: number, epoch: string): void {
    this.#position = { seq: this.#position?.seq ?? seq, epoch };
  }

  /** What was asked for is gone: delivery goes on after `head`. */
  reset(head: number, epoch: string): void {
    this.#position = { seq: head, epoch };
  }

  arrive(seq: number): Arrival {
    // An event before any position is the first that is known: the numbering starts with it.
    const at = this.#position?.seq ?? seq - 1;
    if (seq <= at) return 'seen';
    if (seq > at + 1) return 'gap';
    this.#position = { ...this.#position, seq };
    return 'next';
  }
}
