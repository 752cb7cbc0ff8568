/**
 * Sends what a user writes in one room: in order, one after the other, each with one id however often it is tried.
 *
 * A message leaves the queue when the server has it, or when the user takes it back. One that is refused for good
 * stays, `failed`, and those behind it go on. Several tabs share a queue; the one that holds the lock sends for all.
 */
import { Backoff } from '../backoff.js';
import { RefusedError } from '../errors.js';
import { isTemporary } from '../meter.js';
import type { Timings } from '../timings.js';
import type { Exclusively } from './locks.js';
import type { Queue, Waiting } from './queue.js';

export interface Outgoing extends Waiting {
  state: 'queued' | 'sending' | 'failed';
  error?: RefusedError;
}

/** What became of a message. It is `discarded` where it was taken back, in whatever tab. */
export type Outcome =
  | { status: 'sent'; id: number; seq: number; duplicate: boolean }
  | { status: 'failed'; error: RefusedError }
  | { status: 'discarded' };

export interface Answer {
  id: number;
  seq: number;
  created_at: string;
  duplicate: boolean;
}

export interface OutboxDeps {
  queue: Queue;
  timings: Timings;
  random: () => number;
  exclusively: Exclusively;
  connected(): boolean;
  /** One attempt. */
  send(message: Waiting): Promise<Answer>;
  /** The server has it. */
  onSent(message: Waiting, answer: Answer): void;
  onChange(): void;
}

/** So many may wait in a room; whoever writes on is told. */
const most = 100;

export class Outbox {
  #sending: string | undefined;
  /** Not in the storage any more, and not heard of: another tab has sent it, and its event is on the way. */
  readonly #orphans = new Map<string, Waiting>();
  readonly #known = new Map<string, Waiting>();
  readonly #outcomes = new Map<string, ((outcome: Outcome) => void)[]>();
  #draining = false;
  #again = false;
  #stopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The server said when to come back: a reconnect in between changes nothing about it. */
  #notBefore = 0;
  readonly #backoff: Backoff;

  constructor(private readonly deps: OutboxDeps) {
    const { backoffBaseMs, backoffCapMs } = deps.timings;
    this.#backoff = new Backoff(backoffBaseMs, backoffCapMs, deps.random);
    this.sync();
  }

  /** What waits, in order. */
  get messages(): Outgoing[] {
    const all = [...this.#known.values(), ...this.#orphans.values()];
    return all
      .sort((one, other) => one.place - other.place)
      .map((waiting) => ({
        ...waiting,
        state: waiting.failed
          ? 'failed'
          : this.#sending === waiting.client_message_id ||
              this.#orphans.has(waiting.client_message_id)
            ? 'sending'
            : 'queued',
        ...(waiting.failed && {
          error: new RefusedError(waiting.failed.code, waiting.failed.message),
        }),
      }));
  }

  add(message: Pick<Waiting, 'client_message_id' | 'body' | 'reply_to'>): Promise<Outcome> {
    if (this.#known.size >= most) {
      throw new RefusedError('outbox_full', `${most} messages of this room wait already`);
    }
    const waiting = this.deps.queue.add(message);
    this.#known.set(waiting.client_message_id, waiting);
    const outcome = this.#outcomeOf(waiting.client_message_id);
    this.deps.onChange();
    this.drain();
    return outcome;
  }

  /** Tries again what was refused. */
  retry(clientMessageId: string): void {
    const waiting = this.#known.get(clientMessageId);
    if (!waiting?.failed) return;
    const again = { ...waiting };
    delete again.failed;
    this.deps.queue.put(again);
    this.#known.set(clientMessageId, again);
    this.deps.onChange();
    this.drain();
  }

  /** Takes back what was not sent. One that is on its way may arrive all the same. */
  discard(clientMessageId: string): void {
    this.deps.queue.remove(clientMessageId);
    this.#known.delete(clientMessageId);
    this.#settle(clientMessageId, { status: 'discarded' });
    this.deps.onChange();
  }

  /** Its event was seen: it is there, whoever sent it and whether or not an answer comes. */
  confirm(clientMessageId: string, { id, seq }: { id: number; seq: number }): void {
    const known = this.#known.delete(clientMessageId);
    if (!this.#orphans.delete(clientMessageId) && !known) return;
    this.deps.queue.remove(clientMessageId);
    this.#settle(clientMessageId, { status: 'sent', id, seq, duplicate: false });
    this.deps.onChange();
  }

  /** Another tab may have written, sent or discarded. */
  sync(): void {
    const stored = new Map(this.deps.queue.list().map((each) => [each.client_message_id, each]));
    for (const [id, waiting] of this.#known) {
      if (stored.has(id) || this.#sending === id) continue;
      this.#known.delete(id);
      if (waiting.failed) this.#settle(id, { status: 'discarded' });
      else this.#adoptOrphan(id, waiting);
    }
    for (const [id, waiting] of stored) {
      if (waiting.failed && !this.#known.get(id)?.failed) this.#settleFailed(waiting);
      this.#known.set(id, waiting);
    }
    this.deps.onChange();
  }

  /** Sends what waits, where there is a connection. To be called whenever there may be one. */
  drain(): void {
    clearTimeout(this.#timer);
    this.#again = true;
    if (this.#draining || this.#stopped || !this.deps.connected()) return;
    if (this.#next() === undefined) return;
    const wait = this.#notBefore - Date.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.drain(), wait);
      return;
    }
    this.#draining = true;
    void this.deps
      .exclusively(`${this.deps.queue.prefix}send`, () => this.#drainAll())
      .catch(() => undefined)
      .finally(() => {
        this.#draining = false;
        if (this.#again && this.#next() !== undefined) this.drain();
      });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #drainAll(): Promise<void> {
    this.#again = false;
    this.sync();
    for (let next = this.#next(); next && this.#mayGoOn(); next = this.#next()) {
      const retryInMs = await this.#sendOne(next);
      if (retryInMs !== undefined) {
        this.#again = false;
        this.#timer = setTimeout(() => this.drain(), retryInMs);
        return;
      }
      this.sync();
    }
  }

  /** Returns how long to wait where it has to be tried again. */
  async #sendOne(message: Waiting): Promise<number | undefined> {
    const id = message.client_message_id;
    this.#sending = id;
    this.deps.onChange();
    try {
      const answer = await this.deps.send(message);
      this.#backoff.reset();
      this.deps.queue.remove(id);
      this.#known.delete(id);
      this.#orphans.delete(id);
      this.deps.onSent(message, answer);
      this.#settle(id, { status: 'sent', ...answer });
      return undefined;
    } catch (error) {
      if (isTemporary(error)) {
        const told = error instanceof RefusedError ? (error.retryAfterMs ?? 0) : 0;
        this.#notBefore = Date.now() + told;
        return Math.max(told, this.#backoff.next());
      }
      // Taken back, or seen to have arrived, in the meantime.
      if (!this.#known.has(id)) return undefined;
      const { code, message: text } = error as RefusedError;
      const failed = { ...message, failed: { code, message: text } };
      this.deps.queue.put(failed);
      this.#known.set(id, failed);
      this.#settleFailed(failed);
      return undefined;
    } finally {
      this.#sending = undefined;
      this.deps.onChange();
    }
  }

  #next(): Waiting | undefined {
    return [...this.#known.values()]
      .filter((each) => !each.failed)
      .sort((one, other) => one.place - other.place)[0];
  }

  #mayGoOn(): boolean {
    return !this.#stopped && this.deps.connected();
  }

  #adoptOrphan(id: string, waiting: Waiting): void {
    this.#orphans.set(id, waiting);
    // Had it been sent, its event would have come by then.
    setTimeout(() => {
      if (!this.#orphans.delete(id)) return;
      this.#settle(id, { status: 'discarded' });
      this.deps.onChange();
    }, 10_000);
  }

  #outcomeOf(id: string): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#outcomes.set(id, [...(this.#outcomes.get(id) ?? []), resolve]);
    });
  }

  #settleFailed({ client_message_id: id, failed }: Waiting): void {
    if (failed)
      this.#settle(id, { status: 'failed', error: new RefusedError(failed.code, failed.message) });
  }

  #settle(id: string, outcome: Outcome): void {
    const waiting = this.#outcomes.get(id) ?? [];
    this.#outcomes.delete(id);
    for (const resolve of waiting) resolve(outcome);
  }
}
