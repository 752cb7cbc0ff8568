/**
 * What each close code asks of a client. HTTP transports translate their statuses into the same codes, so that
 * there is one table.
 */
export interface Closing {
  code: number;
  reason: string;
  /** Whether the server had answered as ours before it ended. */
  opened: boolean;
  /** The server's own word on when to come back. */
  retryAfterMs?: number;
}

export type Verdict = 'stop' | 'reauthenticate' | 'slow-down' | 'reconnect';

const stops = new Set([1000, 1002, 1003, 1007, 1009, 4000, 4003, 4004]);

export function verdictOn({ code, opened }: Closing): Verdict {
  // The server never says "done" to a connection that it has not welcomed: something in between did.
  if (code === 1000 && !opened) return 'reconnect';
  if (stops.has(code)) return 'stop';
  if (code === 4001) return 'reauthenticate';
  if (code === 4029) return 'slow-down';
  return 'reconnect';
}

/** Whether the way itself seems closed: it ended before the server answered, with no word of the server's. */
export function looksBlocked({ code, opened }: Closing): boolean {
  return !opened && code !== 1001 && code !== 1011 && code < 4000;
}

/** When the server's goodbye asks to come back; 0 says nothing, and leaves it to the back-off. */
export function reconnectAfterMs(goodbye: Record<string, unknown>): number | undefined {
  const after = goodbye['reconnect_after_ms'];
  return typeof after === 'number' && after > 0 ? after : undefined;
}

export function closeCodeOfStatus(status: number): number {
  switch (status) {
    case 401:
      return 4001;
    case 403:
      return 4003;
    case 404:
      return 4004;
    case 429:
      return 4029;
    case 503:
      return 1001;
    default:
      // A malformed request stays malformed: the client, not the moment, is wrong.
      return status === 400 || status === 422 ? 1002 : 1011;
  }
}
