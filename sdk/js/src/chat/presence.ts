/** Who is online in the organisation, as far as this client was told. */
import { isPerson, type Person } from './types.js';

export interface Presence {
  user: Person;
  status: 'online' | 'offline';
  last_seen?: string;
}

export class PresenceMap {
  #users = new Map<number, Presence>();
  #count = 0;
  #whole = true;

  get(userId: number): Presence | undefined {
    return this.#users.get(userId);
  }

  get online(): Presence[] {
    return [...this.#users.values()].filter(({ status }) => status === 'online');
  }

  /** How many are online; where there are many, this is all that is told. */
  get count(): number {
    return this.#whole ? this.online.length : this.#count;
  }

  /** The whole state, as the API or a `presence_state` frame tells it. */
  replace(answer: Record<string, unknown>): void {
    const users = Array.isArray(answer['users']) ? answer['users'] : [];
    this.#users = new Map();
    for (const each of users) this.#take(each, 'online');
    const count = answer['count_online'] ?? answer['count'];
    this.#count = typeof count === 'number' ? count : this.online.length;
    // Only the number is told of a large organisation.
    this.#whole = users.length > 0 || this.#count === 0;
  }

  /** A `presence` event: changes, or only a number. */
  apply(event: Record<string, unknown>): void {
    if (typeof event['count_online'] === 'number') {
      this.#count = event['count_online'];
      this.#whole = false;
      this.#users.clear();
    }
    if (Array.isArray(event['changes'])) for (const each of event['changes']) this.#take(each);
  }

  #take(value: unknown, otherwise?: Presence['status']): void {
    const entry = value as { user?: unknown; status?: unknown; last_seen?: unknown };
    // The shorter form is the person alone.
    const user = isPerson(entry.user) ? entry.user : value;
    const status =
      entry.status === 'online' || entry.status === 'offline' ? entry.status : otherwise;
    if (!isPerson(user) || status === undefined) return;
    this.#users.set(user.id, {
      user: { id: user.id, username: user.username },
      status,
      ...(typeof entry.last_seen === 'string' && { last_seen: entry.last_seen }),
    });
  }
}
