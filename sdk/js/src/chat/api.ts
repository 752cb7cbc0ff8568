/** What a room asks of the server: by the socket where there is one, by plain HTTP where there is none. */
import type { Client } from '../client.js';
import { ConnectionLostError } from '../errors.js';
import type { Answer } from './outbox.js';
import type { Place } from './place.js';
import type { Waiting } from './queue.js';
import { readMessage, type HistoryPage, type Receipt, type SentMessage } from './types.js';

export interface HistoryQuery {
  before_id?: number;
  around_id?: number;
  limit?: number;
}

/** An answer that has not come by then will not come. */
const answerMs = 15_000;

export class RoomApi {
  constructor(
    private readonly client: Client,
    private readonly place: Place,
  ) {}

  async history(query: HistoryQuery): Promise<HistoryPage> {
    const parameters = new URLSearchParams(
      Object.entries(query).map(([name, value]) => [name, String(value)]),
    );
    const answer = await this.#call('GET', `${this.#messages}?${parameters.toString()}`);
    const messages = (answer['messages'] as Record<string, unknown>[]).map(readMessage);
    return {
      messages: messages.filter((message) => message !== undefined),
      has_more: answer['has_more'] === true,
    };
  }

  async message(id: number): Promise<SentMessage | undefined> {
    const { messages } = await this.history({ around_id: id, limit: 1 });
    return messages.find((message) => message.id === id);
  }

  /** The event of that number, which was too long to be sent whole. */
  event(seq: number): Promise<Record<string, unknown>> {
    return this.#call('GET', `${this.place.path}/events/${seq}`);
  }

  async send(message: Waiting): Promise<Answer> {
    const { client_message_id, body, reply_to } = message;
    const content = { client_message_id, body, ...(reply_to !== null && { reply_to }) };
    const answer = await this.client.meter.send(() =>
      this.client.hasSocket
        ? this.#frame({ type: 'message', stream: this.place.stream, ...content })
        : this.#call('POST', this.#messages, content),
    );
    return answer as unknown as Answer;
  }

  read(upTo: number): Promise<unknown> {
    return this.client.hasSocket
      ? this.#frame({ type: 'read_receipt', stream: this.place.stream, up_to: upTo })
      : this.#call('POST', `${this.place.path}/read`, { up_to: upTo });
  }

  async receipts(): Promise<Receipt[]> {
    const { results } = await this.#call('GET', `${this.place.path}/receipts`);
    return Array.isArray(results) ? (results as Receipt[]) : [];
  }

  async markUnread(fromId: number): Promise<void> {
    await this.#call('POST', `${this.place.path}/unread`, { from_id: fromId });
  }

  /** Nothing but a socket can say it. */
  async typing(isTyping: boolean): Promise<void> {
    if (!this.client.hasSocket) return;
    await this.#frame({ type: 'typing', stream: this.place.stream, is_typing: isTyping });
  }

  async edit(id: number, body: string): Promise<void> {
    await this.#call('PATCH', `messages/${id}`, { body });
  }

  async remove(id: number): Promise<void> {
    await this.#call('DELETE', `messages/${id}`);
  }

  async restore(id: number): Promise<void> {
    await this.#call('POST', `messages/${id}/restore`);
  }

  async react(id: number, emoji: string, remove: boolean): Promise<void> {
    const path = `messages/${id}/reactions/${encodeURIComponent(emoji)}`;
    await this.#call(remove ? 'DELETE' : 'PUT', path);
  }

  get #messages(): string {
    return `${this.place.path}/messages`;
  }

  #call(
    method: Parameters<Client['call']>[0],
    path: string,
    body?: unknown,
  ): Promise<Record<string, unknown>> {
    return this.client.call(method, path, body, AbortSignal.timeout(answerMs));
  }

  #frame(frame: Record<string, unknown>): Promise<Record<string, unknown>> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new ConnectionLostError('no answer in time')), answerMs);
    });
    return Promise.race([this.client.request(frame), late]).finally(() => clearTimeout(timer));
  }
}
