/**
 * Gathers changes for one frame of a screen, so that a hundred events are one drawing.
 *
 * A timer and not `requestAnimationFrame`: a tab in the background draws nothing, and still wants to know.
 */
export class FrameBatch<Part extends string> {
  #parts = new Set<Part>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly deliver: (parts: ReadonlySet<Part>) => void,
    private readonly frameMs = 16,
  ) {}

  add(part: Part): void {
    this.#parts.add(part);
    this.#timer ??= setTimeout(() => this.flush(), this.frameMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#parts.size === 0) return;
    const parts = this.#parts;
    this.#parts = new Set();
    this.deliver(parts);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#parts.clear();
  }
}
