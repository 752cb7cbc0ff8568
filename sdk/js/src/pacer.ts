/**
 * Keeps outgoing frames under the server's limit for one connection (50 a second): after a reconnect a client with
 * a hundred subscriptions would otherwise be closed for its own eagerness.
 *
 * A token bucket; what does not fit waits in order.
 */
export class Pacer {
  readonly #waiting: string[] = [];
  #tokens: number;
  #refilled = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly send: (frame: string) => void,
    private readonly burst = 10,
    private readonly perSecond = 38,
  ) {
    this.#tokens = burst;
  }

  push(frame: string): void {
    this.#waiting.push(frame);
    if (this.#timer === undefined) this.#drain();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
  }

  #drain(): void {
    this.#timer = undefined;
    const now = Date.now();
    const earned = ((now - this.#refilled) / 1000) * this.perSecond;
    this.#tokens = Math.min(this.burst, this.#tokens + Math.max(0, earned));
    this.#refilled = now;
    while (this.#tokens >= 1) {
      const frame = this.#waiting.shift();
      if (frame === undefined) return;
      this.#tokens -= 1;
      this.send(frame);
    }
    this.#timer = setTimeout(() => this.#drain(), 1000 / this.perSecond);
  }
}
