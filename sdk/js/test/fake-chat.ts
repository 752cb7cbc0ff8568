/** The chat of the double: rooms, messages, receipts, as the server has them. */
import type { Answered, FakeFeature, FakeServer } from './fake-server.js';

export interface FakeMessage {
  id: number;
  seq: number;
  author: { id: number; username: string };
  body: string;
  client_message_id: string | null;
  reply_to: number | null;
  created_at: string;
  edited_at: null;
  deleted: boolean;
  reactions: { emoji: string; count: number; reacted: boolean }[];
}

export const anna = { id: 7, username: 'anna' };
export const ben = { id: 8, username: 'ben' };
export const general = 'orgs/acme/rooms/general';

interface Refusal {
  code: string;
  message: string;
  retry_after_ms?: number;
}

export class FakeChat implements FakeFeature {
  readonly frames = {
    message: { required: ['stream', 'client_message_id', 'body'], optional: ['reply_to', 'ref'] },
    read_receipt: { required: ['stream', 'up_to'], optional: ['ref'] },
    typing: { required: ['stream', 'is_typing'], optional: ['ref'] },
    presence: { required: ['stream'], optional: ['ref'] },
  };
  readonly messages: FakeMessage[] = [];
  readonly reads: number[] = [];
  readonly typing: boolean[] = [];
  rooms = ['general'];
  lastRead = 0;
  conversations: unknown;
  presence: unknown = { users: [], count: 0 };
  /** What an answer about presence waits for. */
  beforePresence: () => Promise<void> = () => Promise.resolve();
  /** The next sends are refused so, one after the other; `lost` takes the message and breaks the connection. */
  refusals: (Refusal | 'lost')[] = [];
  /** Called once a page was made and before it is sent. */
  beforePage: (() => void) | undefined;
  #nextId = 100;

  constructor(private readonly server: FakeServer) {
    server.feature = this;
  }

  /** Somebody else, or this user elsewhere, writes. */
  say(body: string, author = ben, clientMessageId: string | null = null): FakeMessage {
    const message: FakeMessage = {
      id: (this.#nextId += 1),
      seq: this.server.head(general) + 1,
      author,
      body,
      client_message_id: clientMessageId,
      reply_to: null,
      created_at: '2026-01-12T09:30:00.123Z',
      edited_at: null,
      deleted: false,
      reactions: [],
    };
    this.messages.push(message);
    const { id, client_message_id, reply_to } = message;
    this.tell({ type: 'message', id, author, body, client_message_id, reply_to });
    if (author.id === anna.id) this.lastRead = message.seq;
    return message;
  }

  tell(event: Record<string, unknown> & { type: string }): number {
    return this.server.append(general, event);
  }

  onFrame(frame: Record<string, unknown>): Record<string, unknown> | undefined {
    switch (frame['type']) {
      case 'message':
        return this.#send(frame);
      case 'read_receipt':
        this.#read(frame['up_to'] as number);
        return { type: 'ok' };
      case 'typing':
        this.typing.push(frame['is_typing'] as boolean);
        return { type: 'ok' };
      default:
        return { type: 'presence_state', stream: frame['stream'], users: [anna], count_online: 1 };
    }
  }

  onRequest(method: string, url: URL, body: unknown): Answered | Promise<Answered> {
    const path = url.pathname.replace('/api/v1/', '');
    if (path === 'orgs/acme/rooms') {
      const results = this.rooms.map((slug, index) => ({
        ...{ id: index + 1, slug, name: slug, kind: 'chat', private: false },
      }));
      return [200, { results, next_cursor: null }];
    }
    if (path === 'conversations') {
      return this.conversations ? [200, this.conversations] : [404, { code: 'not_found' }];
    }
    if (path === 'orgs/acme/presence') {
      const answer: Answered = this.presence ? [200, this.presence] : [404, { code: 'not_found' }];
      return this.beforePresence().then(() => answer);
    }
    if (path === 'me/unread') return [200, { orgs: [{ slug: 'acme', rooms: this.#counts() }] }];
    if (path === `${general}/receipts`) {
      return [200, { results: [{ user: ben, up_to: this.messages[0]?.seq ?? 0 }] }];
    }
    if (path === `${general}/unread`) {
      const from = this.messages.find(({ id }) => id === (body as { from_id: number }).from_id);
      this.lastRead = (from?.seq ?? 1) - 1;
      this.#tellUnread();
      return [200, {}];
    }
    if (path === `${general}/read`) {
      this.#read((body as { up_to: number }).up_to);
      return [200, {}];
    }
    if (path === `${general}/messages` && method === 'POST') return this.#post(body);
    if (path === `${general}/messages`) return [200, this.#page(url.searchParams)];
    return undefined;
  }

  #post(body: unknown): [number, unknown] {
    const answer = this.#send(body as Record<string, unknown>);
    const error = answer?.['error'] as Refusal | undefined;
    return error ? [error.code === 'rate_limited' ? 429 : 422, error] : [201, answer];
  }

  #send(frame: Record<string, unknown>): Record<string, unknown> | undefined {
    const refusal = this.refusals.shift();
    if (refusal && refusal !== 'lost') return { type: 'error', error: refusal };
    const key = frame['client_message_id'] as string;
    const first = this.messages.find((each) => each.client_message_id === key);
    const message = first ?? this.say(frame['body'] as string, anna, key);
    if (refusal === 'lost') {
      this.server.terminateAll();
      return undefined;
    }
    const { id, seq, created_at } = message;
    const duplicate = first !== undefined;
    return { type: 'message_sent', client_message_id: key, id, seq, created_at, duplicate };
  }

  #read(upTo: number): void {
    this.reads.push(upTo);
    if (upTo <= this.lastRead) return;
    this.lastRead = upTo;
    this.tell({ type: 'read_receipt', user: anna, up_to: upTo });
    this.#tellUnread();
  }

  #tellUnread(): void {
    this.server.append('me', {
      type: 'unread',
      room: { id: 1, slug: 'general' },
      org: { id: 1, slug: 'acme' },
      unread: this.#unread(),
      last_read_seq: this.lastRead,
    });
  }

  #unread(): number {
    return this.messages.filter(({ seq }) => seq > this.lastRead).length;
  }

  #counts() {
    const head = this.server.head(general);
    return [{ id: 1, slug: 'general', unread: this.#unread(), last_read_seq: this.lastRead, head }];
  }

  #page(query: URLSearchParams) {
    const limit = Number(query.get('limit') ?? 50);
    const around = query.get('around_id');
    const before = Number(query.get('before_id') ?? Infinity);
    const older = this.messages.filter(({ id }) =>
      around === null ? id < before : id === Number(around),
    );
    const messages = structuredClone(older.slice(-limit).reverse());
    const page = { messages, has_more: older.length > limit, has_newer: false };
    this.beforePage?.();
    return page;
  }
}
