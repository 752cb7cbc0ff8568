/** What a chat consists of, with the names that the API has for it. */
import type { RefusedError } from '../errors.js';
import type { StreamEvent } from '../events.js';

export interface Person {
  id: number;
  username: string;
}

export interface Reaction {
  emoji: string;
  count: number;
  /** The user of this client is among them. */
  reacted: boolean;
}

/** `queued` waits for its turn or for a connection, `sending` for its answer, `failed` for somebody to decide. */
export type MessageState = 'sent' | 'queued' | 'sending' | 'failed';

export interface Message {
  /** The same from before it is sent until after: for lists that are drawn. */
  key: string;
  state: MessageState;
  author: Person;
  body: string;
  reply_to: number | null;
  client_message_id: string | null;
  edited_at: string | null;
  deleted: boolean;
  reactions: Reaction[];
  /** What the server gave it; absent until it was sent. */
  id?: number;
  seq?: number;
  created_at?: string;
  /** With `failed`: why. */
  error?: RefusedError;
}

/** How far somebody has read; in a conversation also how far it has reached one of their devices. */
export interface Receipt {
  user: Person;
  up_to: number;
  delivered?: number;
}

/** One that the server has. */
export type SentMessage = Message & { id: number; seq: number };

export interface RoomInfo {
  id: number;
  slug: string;
  name: string;
  kind: 'chat' | 'forum' | (string & {});
  private: boolean;
}

export interface HistoryPage {
  messages: SentMessage[];
  has_more: boolean;
}

/** Reads a message as the API and the events tell it; undefined where it is none. */
export function readMessage(from: Record<string, unknown>): SentMessage | undefined {
  const { id, seq, author, body } = from;
  if (typeof id !== 'number' || typeof seq !== 'number' || typeof body !== 'string')
    return undefined;
  if (!isPerson(author)) return undefined;
  const text = (name: string) => (typeof from[name] === 'string' ? from[name] : null);
  const clientMessageId = text('client_message_id');
  const createdAt = text('created_at');
  return {
    key: keyOf(author.id, clientMessageId, id),
    state: 'sent',
    id,
    seq,
    author,
    body,
    reply_to: typeof from['reply_to'] === 'number' ? from['reply_to'] : null,
    client_message_id: clientMessageId,
    edited_at: text('edited_at'),
    deleted: from['deleted'] === true,
    reactions: Array.isArray(from['reactions']) ? (from['reactions'] as Reaction[]) : [],
    ...(createdAt !== null && { created_at: createdAt }),
  };
}

/** An id that the sender made names a message by its sender; what came without one is named by the server's. */
export function keyOf(author: number, clientMessageId: string | null, id?: number): string {
  return clientMessageId === null ? `m${id ?? 0}` : `c${author}:${clientMessageId}`;
}

export function isPerson(value: unknown): value is Person {
  const person = value as Partial<Person> | null | undefined;
  return typeof person?.id === 'number' && typeof person.username === 'string';
}

export function personIn(event: StreamEvent): Person | undefined {
  return isPerson(event['user']) ? event['user'] : undefined;
}
