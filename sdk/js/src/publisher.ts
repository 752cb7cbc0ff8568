/**
 * Publishing with one outcome: an event is repeated with the same dedupe key until the server says yes or no, so a
 * connection that broke between the send and its answer costs neither a loss nor a second event.
 */
import { Backoff } from './backoff.js';
import type { Credentials } from './credentials.js';
import { ConnectionLostError, RefusedError, UnknownOutcomeError } from './errors.js';
import type { Http } from './http.js';
import type { Timings } from './timings.js';
import type { Transport } from './transport.js';

export interface PublishOptions {
  /** The same key on the same stream is one event. Made up where it is left out. */
  dedupeKey?: string;
  /** Never stored, the first to be dropped; not repeated. */
  ephemeral?: boolean;
  /** How long to try. After it the outcome is unknown. */
  timeoutMs?: number;
}

export interface Published {
  /** Absent where the event is ephemeral. */
  seq?: number;
  dedupeKey?: string;
  duplicate: boolean;
}

export interface PublisherDeps {
  http: Http;
  credentials: Credentials;
  timings: Timings;
  random: () => number;
  /** The transport that is open, if there is one. */
  transport(): Transport | undefined;
}

interface Message {
  stream: string;
  type: string;
  data: unknown;
  dedupeKey: string | undefined;
  ephemeral: boolean;
}

const topicName = /^orgs\/([^/]+)\/topics\/([^/]+)$/;

export class Publisher {
  constructor(private readonly deps: PublisherDeps) {}

  async publish(
    stream: string,
    type: string,
    data: unknown,
    { dedupeKey, ephemeral = false, timeoutMs = 30_000 }: PublishOptions = {},
  ): Promise<Published> {
    const key = ephemeral ? dedupeKey : (dedupeKey ?? crypto.randomUUID());
    const message = { stream, type, data, dedupeKey: key, ephemeral };
    const signal = AbortSignal.timeout(timeoutMs);
    const backoff = new Backoff(
      this.deps.timings.backoffBaseMs,
      this.deps.timings.backoffCapMs,
      this.deps.random,
    );
    for (;;) {
      try {
        const { seq, duplicate } = await this.#once(message, signal);
        return {
          ...(typeof seq === 'number' && { seq }),
          ...(key !== undefined && { dedupeKey: key }),
          duplicate: duplicate === true,
        };
      } catch (error) {
        if (signal.aborted) throw new UnknownOutcomeError('no answer in time');
        if (error instanceof RefusedError && !error.temporary) throw error;
        if (ephemeral) throw error;
        const told = error instanceof RefusedError ? (error.retryAfterMs ?? 0) : 0;
        await pause(Math.max(told, backoff.next()), signal);
      }
    }
  }

  #once(message: Message, signal: AbortSignal): Promise<Record<string, unknown>> {
    const transport = this.deps.transport();
    if (!transport?.request) return this.#overHttp(message, signal);
    const { stream, type, data, dedupeKey, ephemeral } = message;
    const frame = {
      type: 'publish',
      stream,
      event: type,
      data,
      ...(dedupeKey !== undefined && { dedupe_key: dedupeKey }),
      ...(ephemeral && { ephemeral }),
    };
    return untilAborted(transport.request(frame), signal);
  }

  async #overHttp(message: Message, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { stream, type, data, dedupeKey, ephemeral } = message;
    const [, org, topic] = topicName.exec(stream) ?? [];
    if (org === undefined || topic === undefined) {
      throw new RefusedError(
        'invalid_field',
        `${stream} is no topic: only topics are published to`,
      );
    }
    const { http, credentials } = this.deps;
    const answer = await http.post(
      `orgs/${org}/topics/${topic}/events`,
      credentials,
      await credentials.headers(false),
      {
        type,
        data,
        ...(dedupeKey !== undefined && { dedupe_key: dedupeKey }),
        ...(ephemeral && { ephemeral }),
      },
      signal,
    );
    const [result] = answer['results'] as Record<string, unknown>[];
    return result ?? {};
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new ConnectionLostError('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Ends early where time is up: the caller then sees that its signal is aborted. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await untilAborted(new Promise<void>((resolve) => setTimeout(resolve, ms)), signal).catch(
    () => undefined,
  );
  if (signal.aborted) throw new UnknownOutcomeError('no answer in time');
}
