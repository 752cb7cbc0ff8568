/** The token provider says that there is no session any more: the client stops and does not ask again. */
export class UnauthenticatedError extends Error {
  override name = 'UnauthenticatedError';
}

/** The connection went away before the answer came: whether the server acted is not known. */
export class ConnectionLostError extends Error {
  override name = 'ConnectionLostError';
}

/** The server refused; `code` is stable. */
export class RefusedError extends Error {
  override name = 'RefusedError';

  constructor(
    readonly code: string,
    message: string,
    readonly status?: number,
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later. */
  get temporary(): boolean {
    return (
      ['rate_limited', 'unavailable', 'internal'].includes(this.code) ||
      this.status === 429 ||
      (this.status ?? 0) >= 500
    );
  }
}

/** Nothing definite was heard in time: the request may or may not have been done. Repeat it with the same key. */
export class UnknownOutcomeError extends Error {
  override name = 'UnknownOutcomeError';
}

/** A transport could not even be made: there is no WebSocket here, or a policy forbids it. */
export class TransportUnavailableError extends Error {
  override name = 'TransportUnavailableError';
}
