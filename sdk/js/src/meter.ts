/** Counts what a client does, for those who watch over it. The newest latencies are kept, not all of them. */
import { RefusedError } from './errors.js';

export interface Metrics {
  /** Events that were given to listeners. */
  received: number;
  /** Messages and published events that the server took. */
  sent: number;
  /** Sends that were refused, or whose answer never came; a repeat counts again. */
  errors: number;
  /** How often the connection was open again after it had been open before. */
  reconnects: number;
  /** From a send to its answer, in milliseconds, over the newest of them; 0 where there was none yet. */
  sendLatency: { count: number; p50: number; p99: number };
}

/** How many latencies are kept. */
const kept = 512;

export class Meter {
  #received = 0;
  #sent = 0;
  #errors = 0;
  #opened = 0;
  readonly #latencies: number[] = [];

  received(): void {
    this.#received += 1;
  }

  opened(): void {
    this.#opened += 1;
  }

  /** Times one send. A refusal is an error too. */
  async send<T>(work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      const answer = await work();
      this.#latencies[this.#sent % kept] = performance.now() - started;
      this.#sent += 1;
      return answer;
    } catch (error) {
      this.#errors += 1;
      throw error;
    }
  }

  snapshot(): Metrics {
    const sorted = [...this.#latencies].sort((one, other) => one - other);
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      received: this.#received,
      sent: this.#sent,
      errors: this.#errors,
      reconnects: Math.max(0, this.#opened - 1),
      sendLatency: { count: sorted.length, p50: at(0.5), p99: at(0.99) },
    };
  }
}

/** Whether the same request may do later: the connection went, the server is busy, or the credentials ran out. */
export function isTemporary(error: unknown): boolean {
  return !(error instanceof RefusedError) || error.temporary || error.status === 401;
}
