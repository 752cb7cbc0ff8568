/**
 * Exponential back-off with full jitter: a random delay between nothing and a bound that doubles.
 *
 * Full jitter, because ten thousand clients that lose one server must not come back together.
 */
export class Backoff {
  #attempt = 0;

  constructor(
    private readonly baseMs: number,
    private readonly capMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  next(): number {
    // 2^30 is far above any cap; without the limit the power would overflow to infinity one day.
    const bound = Math.min(this.capMs, this.baseMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt += 1;
    return Math.round(this.random() * bound);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
