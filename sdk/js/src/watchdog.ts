/**
 * Notices silence. A half-open socket reports nothing at all, so time since the last byte is all there is to see.
 *
 * The timer is not moved at every byte: it looks at the last one when it fires. That also serves a machine that
 * slept: its timer fires late, and the silence is then long enough at once.
 */
export class Watchdog {
  #last = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly silenceMs: number,
    private readonly onSilent: () => void,
  ) {
    this.#arm(silenceMs);
  }

  feed(): void {
    this.#last = Date.now();
  }

  /** Expect a byte within this time, counted from now. */
  expectWithin(ms: number): void {
    const asked = Date.now();
    setTimeout(() => {
      if (this.#timer !== undefined && this.#last < asked) this.#bark();
    }, ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#last + this.silenceMs - Date.now();
      if (left <= 0) this.#bark();
      else this.#arm(left);
    }, ms);
  }

  #bark(): void {
    this.stop();
    this.onSilent();
  }
}
