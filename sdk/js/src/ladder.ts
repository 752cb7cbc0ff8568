/**
 * Which way to try next. A WebSocket gets two attempts, since one may fail by accident; each fallback gets one, and
 * after the last it starts over: then not sockets are blocked but the server is away.
 */
import type { TransportKind } from './events.js';

export class Ladder {
  #rung = 0;
  #failures = 0;

  constructor(private readonly kinds: readonly TransportKind[]) {
    if (kinds.length === 0) throw new RangeError('at least one transport is needed');
  }

  get kind(): TransportKind {
    return this.kinds[this.#rung] as TransportKind;
  }

  /** Whether a better way than the present one is worth a try. */
  get canClimb(): boolean {
    return this.#rung > 0 && this.kinds[0] === 'websocket';
  }

  failed(): void {
    this.#failures += 1;
    if (this.#failures < (this.kind === 'websocket' ? 2 : 1)) return;
    this.#failures = 0;
    this.#rung = (this.#rung + 1) % this.kinds.length;
  }

  opened(): void {
    this.#failures = 0;
  }

  climbed(): void {
    this.#rung = 0;
    this.#failures = 0;
  }
}
