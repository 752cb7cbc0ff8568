/**
 * The messages of a room that the server has, in its order: by `seq`, never by time.
 *
 * Invariants: each message once; nothing is missing between the oldest and the newest one that is held. What lies
 * before the oldest is fetched by the room, page by page.
 */
import type { StreamEvent } from '../events.js';
import { personIn, readMessage, type HistoryPage, type SentMessage } from './types.js';

export class Timeline {
  #messages: SentMessage[] = [];
  #loaded = false;
  #hasOlder = false;

  constructor(
    private readonly me: number,
    /** So many are held at most; the oldest go first, and can be fetched again. */
    private readonly most = 5_000,
  ) {}

  get messages(): readonly SentMessage[] {
    return this.#messages;
  }

  /** The newest page was read: events have something to follow. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  get oldest(): SentMessage | undefined {
    return this.#messages[0];
  }

  find(id: number): SentMessage | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** Starts over with the newest page. */
  replace({ messages, has_more }: HistoryPage): void {
    this.#messages = [...messages].sort(bySeq);
    this.#loaded = true;
    this.#hasOlder = has_more;
  }

  /** Takes the page that ends before the oldest message. Returns how many of it were new. */
  prepend({ messages, has_more }: HistoryPage): number {
    const first = this.oldest?.seq ?? Infinity;
    const older = messages.filter(({ seq }) => seq < first).sort(bySeq);
    this.#messages = [...older, ...this.#messages];
    this.#hasOlder = has_more;
    return older.length;
  }

  /** The newer words on messages that are held; others are left out. */
  update(messages: readonly SentMessage[]): void {
    for (const message of messages) this.#change(message.id, () => message);
  }

  /** Forgets the oldest but `count`. */
  trim(count: number): void {
    if (this.#messages.length <= count) return;
    this.#messages = this.#messages.slice(-count);
    this.#hasOlder = true;
  }

  /**
   * Puts a message in its place; returns whether it was new. One that belongs before the oldest is left out, where
   * others may be missing in between.
   */
  add(message: SentMessage): boolean {
    if (!this.#loaded) return false;
    if (this.#hasOlder && message.seq < (this.oldest?.seq ?? 0)) return false;
    let at = this.#messages.length;
    while (at > 0 && (this.#messages[at - 1]?.seq ?? 0) > message.seq) at -= 1;
    if (this.#messages[at - 1]?.seq === message.seq) return false;
    this.#messages = [...this.#messages.slice(0, at), message, ...this.#messages.slice(at)];
    if (this.#messages.length > this.most) this.trim(Math.ceil(this.most * 0.9));
    return true;
  }

  /** Applies what an event tells; returns the id of the message that it changed. Twice is once. */
  apply(event: StreamEvent): number | undefined {
    const id = event['id'];
    if (typeof id !== 'number' || !this.#loaded) return undefined;
    switch (event.type) {
      case 'message': {
        const message = readMessage(event);
        return message && this.add(message) ? id : undefined;
      }
      case 'message_edited':
      case 'message_restored':
        return this.#change(id, (message) => ({
          ...message,
          body: typeof event['body'] === 'string' ? event['body'] : message.body,
          edited_at: typeof event['edited_at'] === 'string' ? event['edited_at'] : null,
          deleted: false,
        }));
      case 'message_deleted':
        return this.#change(id, (message) => ({
          ...message,
          body: '',
          deleted: true,
          reactions: [],
        }));
      case 'reaction_added':
      case 'reaction_removed':
        return this.#react(id, event);
      default:
        return undefined;
    }
  }

  #react(id: number, event: StreamEvent): number | undefined {
    const emoji = event['emoji'];
    const user = personIn(event);
    if (typeof emoji !== 'string' || !user) return undefined;
    const added = event.type === 'reaction_added';
    return this.#change(id, (message) => {
      const own = user.id === this.me;
      const before = message.reactions.find((each) => each.emoji === emoji) ?? {
        emoji,
        count: 0,
        reacted: false,
      };
      // A page that was read meanwhile may have it already.
      if (own && before.reacted === added) return message;
      const after = {
        emoji,
        count: before.count + (added ? 1 : -1),
        reacted: own ? added : before.reacted,
      };
      const known = message.reactions.some((each) => each.emoji === emoji);
      const all = known
        ? message.reactions.map((each) => (each.emoji === emoji ? after : each))
        : [...message.reactions, after];
      return { ...message, reactions: all.filter(({ count }) => count > 0) };
    });
  }

  #change(id: number, change: (message: SentMessage) => SentMessage): number | undefined {
    const at = this.#messages.findIndex((message) => message.id === id);
    const before = this.#messages[at];
    if (!before) return undefined;
    const after = change(before);
    if (after === before) return undefined;
    this.#messages = this.#messages.with(at, after);
    return id;
  }
}

function bySeq(one: SentMessage, other: SentMessage): number {
  return one.seq - other.seq;
}
