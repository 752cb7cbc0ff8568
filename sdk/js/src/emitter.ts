/**
 * Typed events. A listener that throws disturbs neither the others nor the delivery: its error goes to `onThrow`.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  constructor(
    private readonly onThrow: (error: unknown) => void = (error) => {
      console.error('an Indaba listener threw', error);
    },
  ) {}

  /** Returns the function that takes the listener away again. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  protected emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    // A copy: a listener may take itself or another one away.
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (value: Events[Name]) => void)(value);
      } catch (error) {
        this.onThrow(error);
      }
    }
  }
}
