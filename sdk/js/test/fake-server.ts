/**
 * A strict double of the server for the client's own tests: it keeps streams in memory and speaks the three
 * transports. Whatever a client sends that the real server would refuse is noted in `violations`, and a test fails on
 * any. Faults are switched on by its public members.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

interface Event {
  type: string;
  seq: number;
  data: unknown;
  [member: string]: unknown;
}

interface Stream {
  epoch: string;
  oldest: number;
  events: Event[];
  keys: Map<string, number>;
}

interface Reader {
  streams: Map<string, number>;
  /** Sends what the reader has not had. */
  push(stream: string): void;
}

/** The status and body; nothing where the request is not for the feature. */
export type Answered = [number, unknown] | undefined;

/** What a feature adds to the double: frames and requests of its own. */
export interface FakeFeature {
  frames: Record<string, { required: string[]; optional: string[] }>;
  /** Returns the direct answer, or nothing where there is none. */
  onFrame(frame: Record<string, unknown>): Record<string, unknown> | undefined;
  onRequest(method: string, url: URL, body: unknown): Answered | Promise<Answered>;
}

const allowed: Record<string, { required: string[]; optional: string[] }> = {
  subscribe: { required: ['stream'], optional: ['since', 'epoch', 'last', 'ref'] },
  unsubscribe: { required: ['stream'], optional: ['ref'] },
  ack: { required: ['stream', 'seq'], optional: ['ref'] },
  auth: { required: ['token'], optional: ['ref'] },
  ping: { required: [], optional: ['ref'] },
  publish: {
    required: ['stream', 'event', 'data'],
    optional: ['dedupe_key', 'ephemeral', 'ref'],
  },
};

export class FakeServer {
  readonly violations: string[] = [];
  readonly acks = new Map<string, number>();
  readonly frames: Record<string, unknown>[] = [];
  readonly requests: string[] = [];
  tokens = new Set(['good']);
  socketTokens = new Set<string>();
  /** `destroy` is a firewall; `silent` accepts and never says a word; a number is a close code after the 101. */
  sockets: 'ok' | 'destroy' | 'silent' | number = 'ok';
  sse: 'ok' | 'destroy' | 'buffered' = 'ok';
  /** Leaves these out when it sends: a hole on the wire. */
  dropOnce = new Set<number>();
  missing = new Set<string>();
  swallowPublished = 0;
  sessions: string[] = [];
  feature: FakeFeature | undefined;
  readonly open = new Set<WebSocket>();
  readonly #streams = new Map<string, Stream>();
  readonly #readers = new Set<Reader>();
  readonly #sse = new Set<ServerResponse>();
  readonly #http: Server;
  readonly #ws = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) =>
      offered.has('indaba.v1') ? 'indaba.v1' : offered.has('Bearer') ? 'Bearer' : false,
  });

  constructor() {
    this.#http = createServer((request, response) => void this.#onRequest(request, response));
    this.#http.on('upgrade', (request, socket, head) => {
      if (this.sockets === 'destroy') return void socket.destroy();
      this.#ws.handleUpgrade(request, socket, head, (ws) => this.#onSocket(ws, request));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.open) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  publish(name: string, data: unknown, key?: string): { seq: number; duplicate: boolean } {
    const stream = this.stream(name);
    const before = key === undefined ? undefined : stream.keys.get(key);
    if (before !== undefined) return { seq: before, duplicate: true };
    const seq = this.#head(stream) + 1;
    if (key !== undefined) stream.keys.set(key, seq);
    this.append(name, { type: 'moved', data });
    return { seq, duplicate: false };
  }

  /** Adds an event of any kind, and returns its `seq`. */
  append(name: string, event: Record<string, unknown> & { type: string }): number {
    const stream = this.stream(name);
    const seq = this.#head(stream) + 1;
    stream.events.push({ data: undefined, created_at: '2026-01-12T09:30:00.123Z', ...event, seq });
    for (const reader of [...this.#readers]) reader.push(name);
    return seq;
  }

  head(name: string): number {
    return this.#head(this.stream(name));
  }

  stream(name: string): Stream {
    const stream = this.#streams.get(name) ?? {
      epoch: 'e1',
      oldest: 1,
      events: [],
      keys: new Map<string, number>(),
    };
    this.#streams.set(name, stream);
    return stream;
  }

  /** Starts the stream over, as a restore from a backup does. */
  restore(name: string, epoch: string): void {
    this.#streams.set(name, { epoch, oldest: 1, events: [], keys: new Map() });
  }

  /** Lets go of everything up to `seq`. */
  expire(name: string, seq: number): void {
    const stream = this.stream(name);
    stream.oldest = seq + 1;
  }

  closeAll(code: number, reason = '', goodbye?: Record<string, unknown>): void {
    for (const socket of this.open) {
      if (goodbye) socket.send(JSON.stringify({ type: 'goodbye', ...goodbye }));
      socket.close(code, reason);
    }
  }

  terminateAll(): void {
    for (const socket of this.open) socket.terminate();
  }

  /** Says goodbye on every event stream, and ends it. */
  endStreams(goodbye: Record<string, unknown>): void {
    for (const response of this.#sse) {
      response.end(`event: goodbye\ndata: ${JSON.stringify(goodbye)}\n\n`);
    }
  }

  /** Ends one stream on every event stream that has others too. */
  unsubscribeSse(stream: string): void {
    const frame = { type: 'unsubscribed', stream, code: 4003, reason: 'access_lost: removed' };
    for (const response of this.#sse) {
      response.write(`event: unsubscribed\ndata: ${JSON.stringify(frame)}\n\n`);
    }
  }

  sendRaw(frame: Record<string, unknown>): void {
    for (const socket of this.open) socket.send(JSON.stringify(frame));
  }

  #head(stream: Stream): number {
    return stream.events.at(-1)?.seq ?? stream.oldest - 1;
  }

  #eventsAfter(name: string, seq: number): Record<string, unknown>[] {
    const stream = this.stream(name);
    return stream.events
      .filter((event) => event.seq > seq && event.seq >= stream.oldest)
      .map((event) => ({ ...event, stream: name }));
  }

  /** Where a subscription starts, and the reset that goes with it if its place is gone. */
  #place(name: string, since: number | undefined, epoch: string | undefined, last = 0) {
    const stream = this.stream(name);
    const head = this.#head(stream);
    const at = { stream: name, epoch: stream.epoch, head, oldest: stream.oldest };
    if (since === undefined) return { at, since: Math.max(0, head - last), reason: undefined };
    const reason =
      epoch !== undefined && epoch !== stream.epoch
        ? 'epoch_changed'
        : since > head
          ? 'ahead'
          : since + 1 < stream.oldest
            ? 'expired'
            : undefined;
    return { at, since: reason ? head : since, reason };
  }

  #onSocket(ws: WebSocket, request: IncomingMessage): void {
    if (this.sockets === 'silent') return;
    if (typeof this.sockets === 'number') return ws.close(this.sockets, 'refused: by the test');
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(/, */);
    const ticket = query.get('token') ?? '';
    const known =
      this.tokens.has(offered[offered.indexOf('Bearer') + 1] ?? '') ||
      this.socketTokens.delete(ticket);
    if (!known) return ws.close(4001, 'token_expired: get a new one');
    this.sessions.push(query.get('session_uuid') ?? '');
    this.open.add(ws);
    let count = 0;
    const send = (frame: Record<string, unknown>) => ws.send(JSON.stringify(frame));
    const reader: Reader = {
      streams: new Map(),
      push: (name) => {
        const at = reader.streams.get(name);
        if (at === undefined) return;
        for (const event of this.#eventsAfter(name, at)) {
          reader.streams.set(name, event['seq'] as number);
          if (!this.dropOnce.delete(event['seq'] as number)) send(event);
        }
      },
    };
    this.#readers.add(reader);
    ws.on('close', () => {
      this.open.delete(ws);
      this.#readers.delete(reader);
    });
    send({ type: 'welcome', connection_id: 'c', session_uuid: query.get('session_uuid') });
    ws.on('message', (data: Buffer) => {
      count += 1;
      const frame = JSON.parse(data.toString()) as Record<string, unknown>;
      this.#check(frame);
      this.frames.push(frame);
      this.#onFrame(frame, reader, (answer) =>
        send({ ...answer, ...(frame['ref'] !== undefined && { ref: frame['ref'] }), count }),
      );
    });
  }

  #check(frame: Record<string, unknown>): void {
    const type = String(frame['type']);
    const shape = allowed[type] ?? this.feature?.frames[type];
    if (!shape) return void this.violations.push(`unknown_type ${String(frame['type'])}`);
    for (const name of shape.required) {
      if (!(name in frame)) this.violations.push(`missing_field ${name}`);
    }
    for (const name of Object.keys(frame)) {
      if (name === 'type' || shape.required.includes(name) || shape.optional.includes(name))
        continue;
      this.violations.push(`unknown field ${name} in ${String(frame['type'])}`);
    }
    if (frame['since'] !== undefined && frame['epoch'] === undefined) {
      this.violations.push('since without epoch');
    }
  }

  #onFrame(
    frame: Record<string, unknown>,
    reader: Reader,
    answer: (frame: Record<string, unknown>) => void,
  ): void {
    const name = frame['stream'] as string;
    switch (frame['type']) {
      case 'subscribe': {
        if (this.missing.has(name)) {
          return answer({ type: 'error', error: { code: 'not_found', message: 'no such stream' } });
        }
        const { at, since, reason } = this.#place(
          name,
          frame['since'] as number | undefined,
          frame['epoch'] as string | undefined,
          frame['last'] as number | undefined,
        );
        answer({ type: 'subscribed', ...at, since });
        reader.streams.set(name, since);
        if (reason) answer({ type: 'reset', reason, ...at });
        return reader.push(name);
      }
      case 'unsubscribe':
        reader.streams.delete(name);
        return answer({ type: 'unsubscribed', stream: name });
      case 'ack':
        this.acks.set(name, frame['seq'] as number);
        return;
      case 'auth':
        return answer({ type: 'ok' });
      case 'ping':
        return answer({ type: 'pong' });
      case 'publish': {
        const result = this.publish(name, frame['data'], frame['dedupe_key'] as string | undefined);
        if (this.swallowPublished > 0) {
          this.swallowPublished -= 1;
          return this.terminateAll();
        }
        return answer({ type: 'published', stream: name, ...result });
      }
      default: {
        const direct = this.feature?.onFrame(frame);
        if (direct) answer(direct);
      }
    }
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const url = new URL(request.url ?? '', 'http://x');
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    if (!this.tokens.has(token)) {
      this.#problem(response, 401, 'token_expired');
      return;
    }
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (url.pathname === '/api/v1/auth/ws-token') {
      const ticket = `ticket-${Math.random()}`;
      this.socketTokens.add(ticket);
      this.#json(response, { token: ticket, expires_in: 60 });
      return;
    }
    const parsed = body === '' ? undefined : (JSON.parse(body) as unknown);
    const answered = await this.feature?.onRequest(request.method ?? '', url, parsed);
    if (answered) {
      const [status, answer] = answered;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(status === 204 ? undefined : JSON.stringify(answer));
      return;
    }
    if (url.pathname.endsWith('/events') && request.method === 'POST') {
      const name = url.pathname.replace('/api/v1/', '').replace(/\/events$/, '');
      const event = JSON.parse(body) as { data: unknown; dedupe_key?: string };
      this.#json(response, { results: [this.publish(name, event.data, event.dedupe_key)] });
      return;
    }
    if (url.pathname !== '/api/v1/events') {
      this.#problem(response, 404, 'not_found');
      return;
    }
    const starts = url.searchParams.getAll('stream').map(parseStart);
    if (starts.length === 0 || starts.length > 32) this.violations.push('1 to 32 streams');
    if (starts.some(({ name }) => this.missing.has(name))) {
      this.#problem(response, 404, 'not_found');
      return;
    }
    if (request.headers.accept === 'text/event-stream') {
      this.#onSse(response, starts);
      return;
    }
    this.#onPage(response, starts, url.searchParams);
  }

  #onSse(response: ServerResponse, starts: Start[]): void {
    if (this.sse === 'destroy') return void response.destroy();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    if (this.sse === 'buffered') return;
    const message = (event: string, data: unknown) =>
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    const places = starts.map((start) => ({
      ...this.#place(start.name, start.since, start.epoch),
      name: start.name,
    }));
    response.write('retry: 2000\n\n');
    message('subscribed', {
      streams: Object.fromEntries(places.map(({ name, at }) => [name, at])),
    });
    const reader: Reader = {
      streams: new Map(places.map(({ name, since }) => [name, since])),
      push: (name) => {
        if (response.writableEnded) return;
        for (const event of this.#eventsAfter(name, reader.streams.get(name) ?? Infinity)) {
          reader.streams.set(name, event['seq'] as number);
          response.write(`id: x\ndata: ${JSON.stringify(event)}\n\n`);
        }
      },
    };
    for (const { reason, at } of places)
      if (reason) message('reset', { type: 'reset', reason, ...at });
    this.#readers.add(reader);
    this.#sse.add(response);
    response.on('close', () => {
      this.#sse.delete(response);
      this.#readers.delete(reader);
    });
    for (const { name } of places) reader.push(name);
  }

  #onPage(response: ServerResponse, starts: Start[], query: URLSearchParams): void {
    const limit = Number(query.get('limit') ?? 100);
    const wait = Number(query.get('wait') ?? 0);
    const places = starts.map((start) => this.#place(start.name, start.since, start.epoch));
    const answer = () => {
      const all = places.flatMap(({ at, since }) => this.#eventsAfter(at.stream, since));
      const reset = places.filter(({ reason }) => reason);
      if (all.length === 0 && reset.length === 0 && wait > 0) return false;
      this.#json(response, {
        results: all.slice(0, limit),
        cursor: 'opaque',
        has_more: all.length > limit,
        reset: reset.map(({ at, reason }) => ({ type: 'reset', reason, ...at })),
        streams: Object.fromEntries(
          places.map(({ at }) => [
            at.stream,
            { epoch: at.epoch, head: this.#head(this.stream(at.stream)) },
          ]),
        ),
      });
      return true;
    };
    if (answer()) return;
    const reader: Reader = {
      streams: new Map(),
      push: () => {
        if (answer()) this.#readers.delete(reader);
      },
    };
    this.#readers.add(reader);
    response.on('close', () => this.#readers.delete(reader));
  }

  #json(response: ServerResponse, body: unknown): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  #problem(response: ServerResponse, status: number, code: string): void {
    response.writeHead(status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ type: 'about:blank', title: code, status, code }));
  }
}

interface Start {
  name: string;
  since: number | undefined;
  epoch: string | undefined;
}

function parseStart(text: string): Start {
  const match = /^([^@]+)(?:@(\d+)(?::(.+))?)?$/.exec(text);
  return {
    name: match?.[1] ?? '',
    since: match?.[2] === undefined ? undefined : Number(match[2]),
    epoch: match?.[3],
  };
}
