/** Gathers what was seen, and says how far at most once a second. It moves forward alone. */
import { RefusedError } from '../errors.js';
import { isTemporary } from '../meter.js';

export interface ReceiptDeps {
  intervalMs: number;
  connected(): boolean;
  send(upTo: number): Promise<unknown>;
}

/** Several messages come into view in one movement: they are one receipt. */
const gatherMs = 50;

export class ReceiptBatcher {
  #wanted = 0;
  #told = 0;
  /** Grows when the position is moved back: what was on its way then says nothing about it. */
  #turn = 0;
  #sentAt = -Infinity;
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly deps: ReceiptDeps) {}

  /** How far was seen here, whether or not the server knows it yet. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Everything up to there was seen. */
  note(seq: number): void {
    if (seq <= this.#wanted) return;
    this.#wanted = seq;
    this.flush();
  }

  /** What the server knows already, from another device or by an own message. */
  known(seq: number): void {
    this.#told = Math.max(this.#told, seq);
  }

  /** The position was moved back, by the user's own wish: what is seen again is told again. */
  movedBack(seq: number): void {
    this.#turn += 1;
    this.#told = seq;
    this.#wanted = seq;
  }

  /** Sends what is due. To be called when there is a connection again. */
  flush(): void {
    if (this.#busy || this.#timer !== undefined || !this.#due || !this.deps.connected()) return;
    const wait = Math.max(gatherMs, this.#sentAt + this.deps.intervalMs - performance.now());
    this.#plan(wait);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wanted = 0;
  }

  get #due(): boolean {
    return this.#wanted > this.#told;
  }

  #plan(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, ms);
  }

  async #send(): Promise<void> {
    if (!this.#due || !this.deps.connected()) return;
    const upTo = this.#wanted;
    const turn = this.#turn;
    this.#busy = true;
    this.#sentAt = performance.now();
    let wait: number | undefined;
    try {
      await this.deps.send(upTo);
      if (turn === this.#turn) this.known(upTo);
    } catch (error) {
      // Refused for good, it would be refused again.
      if (!isTemporary(error)) this.known(upTo);
      else wait = error instanceof RefusedError ? error.retryAfterMs : undefined;
    } finally {
      this.#busy = false;
    }
    if (wait === undefined) this.flush();
    else this.#plan(Math.max(wait, this.deps.intervalMs));
  }
}
