/**
 * The event-stream format (WHATWG HTML, "Server-sent events"), fed in pieces of any size.
 *
 * `id` and `retry` are not kept: positions come from the events themselves, and the back-off is the client's.
 */
export interface SseMessage {
  event: string;
  data: string;
}

export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #first = true;
  #sawCr = false;

  constructor(
    private readonly onMessage: (message: SseMessage) => void,
    private readonly maxBytes = 1 << 20,
  ) {}

  /** Throws a RangeError where one event is larger than any that the server sends: memory stays bounded. */
  feed(piece: string): void {
    let text = piece;
    if (this.#first && text !== '') {
      this.#first = false;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    // The second half of a CRLF that was split between two pieces.
    if (this.#sawCr && text.startsWith('\n')) text = text.slice(1);
    if (piece !== '') this.#sawCr = text.endsWith('\r');

    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
    if (
      this.#rest.length + this.#data.reduce((sum, part) => sum + part.length, 0) >
      this.maxBytes
    ) {
      throw new RangeError('an event is too large');
    }
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
  }

  #dispatch(): void {
    const message = { event: this.#event || 'message', data: this.#data.join('\n') };
    const empty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    if (!empty) this.onMessage(message);
  }
}
