/** The messages of one user and room that wait to be sent, in their order, as the storage has them. */
import type { OutboxStorage } from './storage.js';

export interface Waiting {
  client_message_id: string;
  body: string;
  reply_to: number | null;
  /** Its place among those that wait. A number that is counted up, not a time. */
  place: number;
  /** Refused for good: waits for a word of the user's. */
  failed?: { code: string; message: string };
}

const root = 'indaba.outbox';

/** Where all that a user wrote is kept, whatever room it is for. */
export function prefixOf(server: string, user: number): string {
  return `${root}:${server}:${user}:`;
}

export class Queue {
  readonly prefix: string;
  /** What could not be stored, and so is known to this page alone. */
  readonly #unstored = new Map<string, Waiting>();

  constructor(
    private readonly storage: OutboxStorage,
    userPrefix: string,
    stream: string,
  ) {
    this.prefix = `${userPrefix}${stream}:`;
  }

  list(): Waiting[] {
    const stored = this.storage
      .entries(this.prefix)
      .map(([, value]) => parse(value))
      .filter((each) => each !== undefined);
    return [...stored, ...this.#unstored.values()].sort(
      (one, other) =>
        one.place - other.place || (one.client_message_id < other.client_message_id ? -1 : 1),
    );
  }

  add(message: Omit<Waiting, 'place'>): Waiting {
    const waiting = { ...message, place: (this.list().at(-1)?.place ?? 0) + 1 };
    this.put(waiting);
    return waiting;
  }

  put(waiting: Waiting): void {
    const kept = this.storage.set(this.prefix + waiting.client_message_id, JSON.stringify(waiting));
    if (kept) this.#unstored.delete(waiting.client_message_id);
    else this.#unstored.set(waiting.client_message_id, waiting);
  }

  remove(clientMessageId: string): void {
    this.#unstored.delete(clientMessageId);
    this.storage.remove(this.prefix + clientMessageId);
  }
}

/** What else writes to the same storage, an older version of this library for one, must not break this one. */
function parse(value: string): Waiting | undefined {
  try {
    const parsed = JSON.parse(value) as Partial<Waiting> | null;
    const known =
      typeof parsed?.client_message_id === 'string' &&
      typeof parsed.body === 'string' &&
      typeof parsed.place === 'number';
    return known ? ({ reply_to: null, ...parsed } as Waiting) : undefined;
  } catch {
    return undefined;
  }
}
