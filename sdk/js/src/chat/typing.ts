/** Who is typing: said rarely, and believed for a short time. */
import type { Person } from './types.js';

/** While somebody types, it is said again this often. */
const repeatMs = 3_000;
/** Without a key for so long, they have stopped. */
const pauseMs = 4_000;
/** Without another word for so long, somebody else has stopped. */
const expiryMs = 6_000;

/** Says that the user of this client is typing. */
export class TypingSender {
  #saidAt: number | undefined;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (isTyping: boolean) => void) {}

  /** To be called on each key. */
  key(): void {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.stop(), pauseMs);
    const now = Date.now();
    if (this.#saidAt !== undefined && now - this.#saidAt < repeatMs) return;
    this.#saidAt = now;
    this.send(true);
  }

  /** The text was sent, emptied or left. */
  stop(): void {
    clearTimeout(this.#pause);
    if (this.#saidAt === undefined) return;
    this.#saidAt = undefined;
    this.send(false);
  }
}

/** Who else is typing, as far as is known: a word that it has ended may be lost, and so each ends by itself. */
export class TypingUsers {
  readonly #users = new Map<number, { person: Person; timer: ReturnType<typeof setTimeout> }>();

  constructor(private readonly changed: () => void) {}

  get list(): Person[] {
    return [...this.#users.values()].map(({ person }) => person);
  }

  set(person: Person, isTyping: boolean): void {
    const before = this.#users.get(person.id);
    clearTimeout(before?.timer);
    if (isTyping) {
      const timer = setTimeout(() => this.set(person, false), expiryMs);
      this.#users.set(person.id, { person, timer });
    } else {
      this.#users.delete(person.id);
    }
    if ((before !== undefined) !== isTyping) this.changed();
  }

  clear(): void {
    for (const { timer } of this.#users.values()) clearTimeout(timer);
    const any = this.#users.size > 0;
    this.#users.clear();
    if (any) this.changed();
  }
}
