/** Gathers acknowledgements: the newest position of each stream, sent at most once in a while. */
export class Acks {
  readonly #newest = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly intervalMs: number,
    /** Returns false where there is no connection that takes acknowledgements: they are kept. */
    private readonly send: (stream: string, seq: number) => boolean,
  ) {}

  note(stream: string, seq: number): void {
    this.#newest.set(stream, Math.max(seq, this.#newest.get(stream) ?? 0));
    this.#timer ??= setTimeout(() => this.flush(), this.intervalMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [stream, seq] of this.#newest) {
      if (!this.send(stream, seq)) return;
      this.#newest.delete(stream);
    }
  }

  forget(stream: string): void {
    this.#newest.delete(stream);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
