/**
 * Keeps one connection open: opens it, decides by its close code what comes next, and waits in between.
 *
 * One transport at a time delivers. While a fallback delivers, a WebSocket is tried beside it now and then, and takes
 * over once it is welcomed; positions make the change seamless.
 */
import { Backoff } from './backoff.js';
import { looksBlocked, verdictOn, type Closing } from './closing.js';
import type { Credentials } from './credentials.js';
import { RefusedError, TransportUnavailableError, UnauthenticatedError } from './errors.js';
import type { TransportKind } from './events.js';
import { Ladder } from './ladder.js';
import type { Timings } from './timings.js';
import type { Transport, TransportEvents } from './transport.js';

export type Phase =
  | { name: 'idle' }
  | { name: 'opening' }
  | { name: 'open' }
  | { name: 'waiting'; retryInMs: number; code: number; reason: string }
  | { name: 'stopped'; code: number; reason: string };

type Delivery = Omit<TransportEvents, 'onOpen' | 'onClose'>;

export interface ConnectorDeps {
  timings: Timings;
  kinds: readonly TransportKind[];
  credentials: Credentials;
  random: () => number;
  create(kind: TransportKind, events: TransportEvents, refresh: boolean): Promise<Transport>;
  delivery: Delivery;
  /** A transport was made, or took over: have it follow everything. */
  onTransport(transport: Transport): void;
  onPhase(phase: Phase): void;
}

/** Refusals in a row, each with a new token, after which a new token will not help either. */
const maxRefusals = 3;

export class Connector {
  readonly #backoff: Backoff;
  readonly #ladder: Ladder;
  readonly #climbs: Backoff;
  #phase: Phase = { name: 'idle' };
  #transport: Transport | undefined;
  #candidate: Transport | undefined;
  /** Grows with every attempt: what an older one still reports is not for us. */
  #attempt = 0;
  #refusals = 0;
  #mayHurry = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #stableTimer: ReturnType<typeof setTimeout> | undefined;
  #climbTimer: ReturnType<typeof setTimeout> | undefined;
  #renewTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly deps: ConnectorDeps) {
    const { backoffBaseMs, backoffCapMs } = deps.timings;
    this.#backoff = new Backoff(backoffBaseMs, backoffCapMs, deps.random);
    this.#ladder = new Ladder(deps.kinds);
    // Soon at first, since sockets may have failed only because the server was starting.
    const { upgradeMs } = deps.timings;
    this.#climbs = new Backoff(upgradeMs / 8, upgradeMs, () => 0.5 + deps.random() / 2);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get kind(): TransportKind {
    return this.#transport?.kind ?? this.#ladder.kind;
  }

  get transport(): Transport | undefined {
    return this.#transport;
  }

  start(): void {
    if (this.#phase.name === 'idle' || this.#phase.name === 'stopped') {
      this.#refusals = 0;
      this.#backoff.reset();
      void this.#open();
    }
  }

  stop(code: number, reason: string): void {
    this.#drop();
    this.#enter({ name: 'stopped', code, reason });
  }

  /** The network changed or the page woke up: try now, or see whether the connection still lives. */
  nudge(): void {
    if (this.#phase.name === 'open') this.#transport?.probe?.();
    if (this.#phase.name !== 'waiting' || !this.#mayHurry) return;
    // What failed on the network that was says nothing about the one that is.
    this.#ladder.climbed();
    this.#backoff.reset();
    void this.#open();
  }

  /** The connection delivers nonsense: start over from the positions. */
  reconnect(reason: string): void {
    if (this.#phase.name === 'open') this.#closed({ code: 1006, reason, opened: true });
  }

  async #open(): Promise<void> {
    this.#drop();
    const attempt = this.#attempt;
    this.#enter({ name: 'opening' });
    try {
      const transport = await this.deps.create(
        this.#ladder.kind,
        {
          ...this.deps.delivery,
          onOpen: () => attempt === this.#attempt && this.#opened(),
          onClose: (closing) => attempt === this.#attempt && this.#closed(closing),
        },
        this.#refusals > 0,
      );
      if (attempt !== this.#attempt) {
        transport.close();
        return;
      }
      this.#transport = transport;
      this.deps.onTransport(transport);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      // No new attempt can help where the provider says itself that there is no session.
      if (error instanceof UnauthenticatedError) this.stop(4001, error.message);
      else this.#closed(closingOf(error));
    }
  }

  #opened(): void {
    this.#refusals = 0;
    this.#ladder.opened();
    this.#stableTimer = setTimeout(() => this.#backoff.reset(), this.deps.timings.stableMs);
    this.#climbs.reset();
    this.#planClimb();
    this.#planRenewal();
    this.#enter({ name: 'open' });
  }

  #closed(closing: Closing): void {
    this.#drop();
    if (looksBlocked(closing)) this.#ladder.failed();
    // The server itself says that it is going away: that, and nothing in between, is why sockets failed.
    else if (closing.code === 1001) this.#ladder.climbed();
    switch (verdictOn(closing)) {
      case 'stop':
        return this.#enter({ name: 'stopped', code: closing.code, reason: closing.reason });
      case 'reauthenticate':
        return this.#reauthenticate(closing);
      case 'slow-down':
        return this.#wait(closing, this.deps.timings.overloadMs * (1 + this.deps.random()), false);
      case 'reconnect':
        return closing.retryAfterMs === undefined
          ? this.#wait(closing, this.#backoff.next(), true)
          : this.#wait(closing, closing.retryAfterMs, false);
    }
  }

  #reauthenticate(closing: Closing): void {
    this.#refusals += 1;
    if (!this.deps.credentials.renewable || this.#refusals > maxRefusals) {
      return this.#enter({ name: 'stopped', code: closing.code, reason: closing.reason });
    }
    this.#wait(closing, this.#refusals === 1 ? 0 : this.#backoff.next(), true);
  }

  #wait({ code, reason, retryAfterMs = 0 }: Closing, delayMs: number, mayHurry: boolean): void {
    const retryInMs = Math.max(delayMs, retryAfterMs);
    this.#mayHurry = mayHurry;
    this.#retryTimer = setTimeout(() => void this.#open(), retryInMs);
    this.#enter({ name: 'waiting', retryInMs, code, reason });
  }

  #drop(): void {
    this.#attempt += 1;
    for (const timer of [this.#retryTimer, this.#stableTimer, this.#climbTimer, this.#renewTimer]) {
      clearTimeout(timer);
    }
    this.#transport?.close();
    this.#candidate?.close();
    this.#transport = undefined;
    this.#candidate = undefined;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.deps.onPhase(phase);
  }

  #planClimb(): void {
    if (!this.#ladder.canClimb) return;
    this.#climbTimer = setTimeout(() => void this.#climb(), this.#climbs.next());
  }

  async #climb(): Promise<void> {
    const attempt = this.#attempt;
    const stale = () => attempt !== this.#attempt;
    let candidate: Transport | undefined;
    try {
      candidate = await this.deps.create(
        'websocket',
        {
          ...this.deps.delivery,
          onOpen: () => !stale() && this.#climbed(),
          onClose: (closing) => {
            if (stale()) return;
            if (this.#transport === candidate) return this.#closed(closing);
            this.#candidate = undefined;
            this.#planClimb();
          },
        },
        false,
      );
      if (stale()) {
        candidate.close();
        return;
      }
      this.#candidate = candidate;
    } catch {
      if (!stale()) this.#planClimb();
    }
  }

  /** The candidate was welcomed. It keeps its attempt: the same callbacks now speak for the connection. */
  #climbed(): void {
    const candidate = this.#candidate;
    if (!candidate) return;
    this.#candidate = undefined;
    this.#transport?.close();
    this.#transport = candidate;
    this.#ladder.climbed();
    this.deps.onTransport(candidate);
    this.#enter({ name: 'open' });
  }

  #planRenewal(): void {
    const { credentials, timings } = this.deps;
    const expiresAt = credentials.expiresAt?.();
    if (expiresAt === undefined) return;
    const delay = Math.max(expiresAt - Date.now() - timings.renewAheadMs, 1_000);
    // Longer than a timer can wait: such a connection will not live to see it.
    if (delay >= 2 ** 31) return;
    this.#renewTimer = setTimeout(() => void this.#renew(), delay);
  }

  async #renew(): Promise<void> {
    const attempt = this.#attempt;
    try {
      const token = await this.deps.credentials.token?.(true);
      if (attempt !== this.#attempt || token === undefined) return;
      this.#transport?.renew?.(token);
      this.#planRenewal();
    } catch {
      // The old token still serves; when it ends, 4001 comes and a new one is asked for again.
    }
  }
}

function closingOf(error: unknown): Closing {
  const reason = error instanceof Error ? error.message : String(error);
  const retryAfterMs = error instanceof RefusedError ? error.retryAfterMs : undefined;
  return {
    code: error instanceof RefusedError && error.status === 401 ? 4001 : 1006,
    reason,
    // If only credentials were missing, another transport would miss them too.
    opened: !(error instanceof TransportUnavailableError),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}
