/**
 * The chat of one organisation, over a client that may serve other things too: rooms, conversations, what is unread in
 * each, and who is online. One connection for all of it.
 */
import type { Client } from '../client.js';
import { Emitter } from '../emitter.js';
import { RefusedError } from '../errors.js';
import type { StreamEvent } from '../events.js';
import type { Subscription } from '../subscription.js';
import { FrameBatch } from './frame-batch.js';
import { exclusively, type Exclusively } from './locks.js';
import { conversationPlace, roomPlace, type Place } from './place.js';
import { PresenceMap } from './presence.js';
import { prefixOf } from './queue.js';
import { Room, type RoomOwner } from './room.js';
import { defaultStorage, type OutboxStorage } from './storage.js';
import type { Person, RoomInfo } from './types.js';
import type { Counted } from './unread.js';

export interface ChatOptions {
  org: string;
  /** Who is signed in. */
  me: Person;
  /** Where messages wait until they are sent: `localStorage` in a browser, memory elsewhere. */
  storage?: OutboxStorage;
  /** So many rooms are followed from the start [25]; others when they are opened. Without a socket 32 streams are the most. */
  follow?: number;
  /** At most one receipt of a room in this time [1000]. */
  receiptIntervalMs?: number;
  /** How one tab at a time is made to send; by default with Web Locks, where there are any. */
  exclusively?: Exclusively;
}

export type ChatPart = 'rooms' | 'conversations' | 'unread' | 'presence' | 'problem';

interface ChatEvents {
  /** At most once a frame of the screen: which parts are others than before. */
  change: ReadonlySet<ChatPart>;
}

/** Requests that follow an event of many, such as a restart of the server, are spread over this time. */
const spreadMs = 1_500;
const recountMs = 200;

/** What is told on `me`, as far as it concerns a chat. */
interface OwnEvent extends StreamEvent {
  room?: { slug?: unknown };
  org?: { slug?: unknown };
  conversation?: { user_id?: number };
}

interface UnreadEverywhere {
  orgs?: { slug: string; rooms?: (Counted & { slug: string })[] }[];
}

export class Chat extends Emitter<ChatEvents> {
  readonly client: Client;
  readonly org: string;
  readonly me: Person;
  readonly presence = new PresenceMap();
  readonly #owner: RoomOwner;
  readonly #follow: number;
  readonly #byStream = new Map<string, Room>();
  readonly #batch = new FrameBatch<ChatPart>((parts) => this.emit('change', parts));
  #rooms: Room[] = [];
  #conversations: { user: Person; room: Room }[] | undefined;
  #problem: unknown;
  #loaded = false;
  #started = false;
  #connected = false;
  #subscription: Subscription | undefined;
  #ends: (() => void)[] = [];
  #recount: ReturnType<typeof setTimeout> | undefined;
  #presenceTimer: ReturnType<typeof setTimeout> | undefined;
  /** What was told while the whole state is asked for: the answer may be older. */
  #presenceWhileAsked: StreamEvent[] | undefined;

  constructor(client: Client, options: ChatOptions) {
    super();
    this.client = client;
    this.org = options.org;
    this.me = options.me;
    this.#follow = options.follow ?? 25;
    this.#owner = {
      client,
      me: options.me,
      storage: options.storage ?? defaultStorage(),
      prefix: prefixOf(client.url, options.me.id),
      exclusively: options.exclusively ?? exclusively,
      receiptIntervalMs: options.receiptIntervalMs ?? 1_000,
      recount: () => this.#planRecount(),
      presence: (event) => {
        this.presence.apply(event);
        this.#presenceWhileAsked?.push(event);
        this.#batch.add('presence');
      },
      ended: (room) => this.#remove(room),
    };
  }

  /** The organisation's rooms that this user may see, oldest first. */
  get rooms(): readonly Room[] {
    return this.#rooms;
  }

  /** Undefined where the server has no conversations. */
  get conversations(): readonly { user: Person; room: Room }[] | undefined {
    return this.#conversations;
  }

  /** The list of rooms was read. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the list of rooms could not be read; it is tried again with the next connection, or by `refresh`. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Reads what there is and keeps it up to date, as long as the client is connected. Sends what waits. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#listen();
    this.#reviveWaiting();
    this.#onState();
  }

  /** One room; the same object each time. It is followed once it is opened, or among the first of the list. */
  room(slug: string): Room {
    return this.#at(roomPlace(this.org, slug));
  }

  conversation(userId: number): Room {
    return this.#at(conversationPlace(userId));
  }

  /** Reads the lists again: nobody is told of a new public room. */
  async refresh(): Promise<void> {
    try {
      const rooms = await this.#readRooms();
      this.#rooms = rooms.map((info) => {
        const room = this.room(info.slug);
        room.setInfo(info);
        return room;
      });
      await this.#readConversations();
      this.#followFirst();
      this.#loaded = true;
      this.#problem = undefined;
      this.#planRecount();
    } catch (error) {
      this.#problem = error;
      this.#batch.add('problem');
    }
    this.#batch.add('rooms');
  }

  /** Ends what `start` began. What waits to be sent is kept for the next start. */
  stop(): void {
    this.#started = false;
    for (const end of this.#ends) end();
    this.#ends = [];
    clearTimeout(this.#recount);
    clearTimeout(this.#presenceTimer);
    this.#batch.stop();
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    for (const room of this.#byStream.values()) room.stop();
    this.#byStream.clear();
    this.#rooms = [];
  }

  /** To be called when the user signs out: what they wrote and was not sent is forgotten on this device. */
  forget(): void {
    this.stop();
    forgetWaiting(this.client.url, this.me.id, this.#owner.storage);
  }

  /** A third of what may be followed is kept for conversations, where there are so many. */
  #followFirst(): void {
    const talks = (this.#conversations ?? []).slice(0, Math.ceil(this.#follow / 3));
    for (const { room } of talks) room.follow();
    for (const room of this.#rooms.slice(0, this.#follow - talks.length)) room.follow();
  }

  #listen(): void {
    const shared = this.client.subscription('me');
    this.#subscription = shared ? undefined : this.client.subscribe('me');
    const own = shared ?? this.#subscription;
    if (own) {
      this.#ends.push(
        own.on('event', (event) => this.#onOwnEvent(event)),
        own.on('reset', () => this.#planRecount()),
      );
    }
    this.#ends.push(this.client.on('state', () => this.#onState()));
    const ended = this.#owner.storage.onChange?.((key) => this.#onStored(key));
    if (ended) this.#ends.push(ended);
  }

  #onState(): void {
    const { connected } = this.client;
    if (connected === this.#connected) return;
    this.#connected = connected;
    if (!connected) return;
    for (const room of this.#byStream.values()) room.connected();
    if (!this.#loaded) void this.refresh();
    this.#planPresence();
  }

  #onOwnEvent(event: StreamEvent): void {
    const { room, org, conversation, unread, last_read_seq: lastRead } = event as OwnEvent;
    if (event.type === 'unread' && typeof unread === 'number' && typeof lastRead === 'number') {
      if (org?.slug === this.org && typeof room?.slug === 'string') {
        this.room(room.slug).readElsewhere(lastRead, unread);
      } else if (typeof conversation?.user_id === 'number') {
        this.conversation(conversation.user_id).readElsewhere(lastRead, unread);
      }
    } else if (event.type.startsWith('member_') && room && org?.slug === this.org) {
      void this.refresh();
    }
    const peer = conversation?.user_id;
    // Somebody has begun one.
    if (peer !== undefined && !this.#conversations?.some(({ user }) => user.id === peer)) {
      this.#planRecount();
    }
  }

  #onStored(key: string): void {
    const stream = streamIn(key, this.#owner.prefix);
    if (stream !== undefined) this.#byStream.get(stream)?.outboxChanged();
  }

  /** What was written before a reload waits for rooms that nobody has opened yet. */
  #reviveWaiting(): void {
    const { storage, prefix } = this.#owner;
    for (const [key] of storage.entries(prefix)) {
      const stream = streamIn(key, prefix) ?? '';
      const [, slug] = new RegExp(`^orgs/${this.org}/rooms/([^/]+)$`).exec(stream) ?? [];
      const [, user] = /^conversations\/(\d+)$/.exec(stream) ?? [];
      if (slug !== undefined) this.room(slug);
      else if (user !== undefined) this.conversation(Number(user));
    }
  }

  #at(place: Place): Room {
    const known = this.#byStream.get(place.stream);
    if (known) return known;
    const room = new Room(this.#owner, place);
    this.#byStream.set(place.stream, room);
    room.on('change', (parts) => {
      if (parts.has('unread')) this.#batch.add('unread');
    });
    if (this.client.connected) room.connected();
    return room;
  }

  #remove(room: Room): void {
    this.#rooms = this.#rooms.filter((each) => each !== room);
    this.#conversations = this.#conversations?.filter((each) => each.room !== room);
    this.#byStream.delete(room.stream);
    this.#batch.add('rooms');
  }

  async #readRooms(): Promise<RoomInfo[]> {
    const all: RoomInfo[] = [];
    let cursor: unknown;
    do {
      const after = typeof cursor === 'string' ? `&cursor=${encodeURIComponent(cursor)}` : '';
      const page = await this.client.call('GET', `orgs/${this.org}/rooms?limit=200${after}`);
      all.push(...(page['results'] as RoomInfo[]));
      cursor = page['next_cursor'];
    } while (typeof cursor === 'string');
    return all;
  }

  async #readConversations(): Promise<void> {
    try {
      const { results } = await this.client.call('GET', 'conversations');
      const listed = (Array.isArray(results) ? results : []) as (Counted & { user: Person })[];
      this.#conversations = listed.map((each) => {
        const room = this.conversation(each.user.id);
        room.counted(each);
        return { user: each.user, room };
      });
      this.#batch.add('conversations');
    } catch (error) {
      if (!(error instanceof RefusedError) || error.status !== 404) throw error;
      this.#conversations = undefined;
    }
  }

  #planRecount(): void {
    if (!this.#started) return;
    this.#recount ??= setTimeout(() => {
      this.#recount = undefined;
      this.#count().catch(() => undefined);
    }, recountMs);
  }

  async #count(): Promise<void> {
    const { orgs } = await this.client.call<UnreadEverywhere>('GET', 'me/unread');
    for (const counted of orgs?.find(({ slug }) => slug === this.org)?.rooms ?? []) {
      this.#byStream.get(roomPlace(this.org, counted.slug).stream)?.counted(counted);
    }
    await this.#readConversations();
    this.#followFirst();
  }

  #planPresence(): void {
    clearTimeout(this.#presenceTimer);
    this.#presenceTimer = setTimeout(
      () => void this.#readPresence().catch(() => undefined),
      spreadMs * this.client.random(),
    );
  }

  async #readPresence(): Promise<void> {
    const told: StreamEvent[] = (this.#presenceWhileAsked = []);
    try {
      this.presence.replace(await this.#askPresence());
      for (const event of told) this.presence.apply(event);
      this.#batch.add('presence');
    } finally {
      if (this.#presenceWhileAsked === told) this.#presenceWhileAsked = undefined;
    }
  }

  async #askPresence(): Promise<Record<string, unknown>> {
    try {
      return await this.client.call('GET', `orgs/${this.org}/presence`);
    } catch (error) {
      // A server that tells it by socket alone.
      const notifications = this.client.subscription(`orgs/${this.org}/notifications`);
      const stream = (notifications ?? this.#rooms[0])?.stream;
      if (!(error instanceof RefusedError) || error.status !== 404 || !stream) throw error;
      return this.client.request({ type: 'presence', stream });
    }
  }
}

/** Forgets what a user wrote and was not sent, where there is no `Chat` at hand. */
export function forgetWaiting(url: string, userId: number, storage = defaultStorage()): void {
  for (const [key] of storage.entries(prefixOf(url, userId))) storage.remove(key);
}

function streamIn(key: string, prefix: string): string | undefined {
  const end = key.lastIndexOf(':');
  return key.startsWith(prefix) && end > prefix.length ? key.slice(prefix.length, end) : undefined;
}
