/** Every time span of the client, in milliseconds where the name ends so. The defaults fit the server's. */
export interface Timings {
  /** From opening a transport to the first sign that it is ours. */
  openMs: number;
  /** The server sends a byte at least every 30 s; a connection silent for this long is dead, whatever TCP says. */
  silenceMs: number;
  /** How long a probe (after the network changed) may stay unanswered. */
  probeMs: number;
  /** A connection that held for this long makes the back-off start over. */
  stableMs: number;
  /** First and largest step of the back-off. */
  backoffBaseMs: number;
  backoffCapMs: number;
  /** The least delay after 4029 (too many connections or sends). */
  overloadMs: number;
  /** Acknowledgements are gathered for this long. */
  ackMs: number;
  /** While on a fallback: how often a WebSocket is tried again. */
  upgradeMs: number;
  /** How long before its expiry a token is renewed. */
  renewAheadMs: number;
  /** How long the server may hold an empty answer to a long poll. */
  pollWaitSeconds: number;
}

export const defaultTimings: Timings = {
  openMs: 10_000,
  silenceMs: 45_000,
  probeMs: 5_000,
  stableMs: 10_000,
  backoffBaseMs: 1_000,
  backoffCapMs: 30_000,
  overloadMs: 30_000,
  ackMs: 2_000,
  upgradeMs: 60_000,
  renewAheadMs: 60_000,
  pollWaitSeconds: 25,
};
