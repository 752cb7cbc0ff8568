/**
 * Reads a room's pages into its timeline while events go on to arrive.
 *
 * A page is read once the stream's place is fixed, and events that come while it is on its way are applied to it
 * afterwards; all but reactions may be applied twice. Reactions are told as changes of a count, and a page does not say
 * up to where it counts: where one comes near a page, that message is read again.
 */
import { isTemporary } from '../meter.js';
import type { StreamEvent } from '../events.js';
import type { RoomApi } from './api.js';
import type { Timeline } from './timeline.js';
import type { HistoryPage } from './types.js';

export interface RoomHistoryOwner {
  live(): boolean;
  changed(part: 'messages' | 'loading'): void;
  /** An event that was too long for the stream has been read whole. */
  whole(event: StreamEvent): void;
}

/** A page may hold what an event, still on its way for so long, tells. */
const overlapMs = 3_000;
const rereadMs = 500;
const pageSize = 50;

export class RoomHistory {
  #wanted = false;
  #reading = false;
  #older: Promise<number> | undefined;
  /** For each page that is on its way, the events since it was asked for. */
  readonly #early = new Set<StreamEvent[]>();
  /** Until then a reaction may be in a page that was read already; without an end while the stream is behind. */
  #certainFrom = 0;
  readonly #doubtful = new Set<number>();
  #planned = false;

  constructor(
    private readonly api: RoomApi,
    private readonly timeline: Timeline,
    private readonly owner: RoomHistoryOwner,
  ) {}

  get loadingOlder(): boolean {
    return this.#older !== undefined;
  }

  open(): void {
    if (this.timeline.loaded) return;
    this.#wanted = true;
    this.resume();
  }

  /** What is held is no longer what there is. It stays to be seen until the newer one is there. */
  reload(): void {
    if (!this.timeline.loaded && !this.#wanted) return;
    this.#wanted = true;
    this.resume();
  }

  /** To be called when the stream is live: what is wanted is read then. */
  resume(): void {
    if (!this.owner.live()) return;
    if (this.#certainFrom === Infinity) this.#certainFrom = performance.now() + overlapMs;
    if (this.#wanted && !this.#reading) void this.#readNewest();
    if (this.#doubtful.size > 0) this.#planReread();
  }

  older(limit: number): Promise<number> {
    if (!this.timeline.loaded || !this.timeline.hasOlder) return Promise.resolve(0);
    this.#older ??= this.#readOlder(limit).finally(() => {
      this.#older = undefined;
      this.owner.changed('loading');
    });
    this.owner.changed('loading');
    return this.#older;
  }

  /** Returns whether it changed something that is held. */
  apply(event: StreamEvent): boolean {
    for (const early of this.#early) early.push(event);
    const id = this.timeline.apply(event);
    const reaction = event.type === 'reaction_added' || event.type === 'reaction_removed';
    // Its reactions come back with it, and are not told.
    const restored = event.type === 'message_restored';
    if (id !== undefined && (restored || (reaction && this.#doubted))) this.#doubt(id);
    return id !== undefined;
  }

  fetchWhole(event: StreamEvent): void {
    const { seq } = event;
    if (seq === undefined) return;
    this.api
      .event(seq)
      .then((whole) =>
        this.owner.whole({ ...whole, type: String(whole['type']), stream: event.stream }),
      )
      // It is gone, or there is no connection: then the page that follows has the message.
      .catch((error: unknown) => {
        if (isTemporary(error)) this.reload();
      });
  }

  get #doubted(): boolean {
    return this.#early.size > 0 || performance.now() < this.#certainFrom;
  }

  async #readNewest(): Promise<void> {
    this.#reading = true;
    this.owner.changed('loading');
    try {
      await this.#page({ limit: pageSize }, (page) => {
        this.#wanted = false;
        this.timeline.replace(page);
      });
    } catch (error) {
      // Refused for good: the room's end says so by itself. Else it is tried again with the next connection, or soon.
      if (!isTemporary(error)) this.#wanted = false;
      else setTimeout(() => this.resume(), 2_000);
    } finally {
      this.#reading = false;
      this.owner.changed('loading');
      this.owner.changed('messages');
    }
  }

  async #readOlder(limit: number): Promise<number> {
    const oldest = this.timeline.oldest;
    if (!oldest) return 0;
    let count = 0;
    await this.#page({ before_id: oldest.id, limit }, (page) => {
      // Started over meanwhile.
      if (this.timeline.oldest?.id === oldest.id) count = this.timeline.prepend(page);
    });
    this.owner.changed('messages');
    return count;
  }

  /** Takes a page, and then what came while it was on its way. */
  async #page(
    query: { before_id?: number; limit: number },
    take: (page: HistoryPage) => void,
  ): Promise<void> {
    const early: StreamEvent[] = [];
    this.#early.add(early);
    try {
      take(await this.api.history(query));
    } finally {
      this.#early.delete(early);
    }
    this.#certainFrom = this.owner.live() ? performance.now() + overlapMs : Infinity;
    for (const event of early) {
      if (!event.type.startsWith('reaction_')) this.timeline.apply(event);
      else if (typeof event['id'] === 'number') this.#doubt(event['id']);
    }
    if (this.#doubtful.size > 0) this.#planReread();
  }

  #doubt(id: number): void {
    this.#doubtful.add(id);
    this.#planReread();
  }

  #planReread(): void {
    if (this.#planned) return;
    this.#planned = true;
    setTimeout(() => {
      this.#planned = false;
      void this.#readAgain();
    }, rereadMs);
  }

  async #readAgain(): Promise<void> {
    // Where an event is still on its way, reading again settles nothing.
    if (!this.owner.live() || this.#early.size > 0) return;
    for (const id of [...this.#doubtful]) {
      this.#doubtful.delete(id);
      if (!this.timeline.find(id)) continue;
      try {
        const message = await this.api.message(id);
        // Changed again while it was read: once more, later.
        if (this.#doubtful.has(id)) continue;
        if (message) this.timeline.update([message]);
        this.owner.changed('messages');
      } catch {
        // What is shown may be off by one until the next page.
      }
    }
  }
}
