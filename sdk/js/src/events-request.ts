/** Builds the requests to `/api/v1/events`: every stream with its own start. */
import type { Position } from './cursor.js';

/** The server takes this many streams in one request. */
export const maxStreamsPerRequest = 32;

export function startOf(stream: string, position: Position): string {
  const epoch = position.epoch === undefined ? '' : `:${position.epoch}`;
  return `${stream}@${position.seq}${epoch}`;
}

export function eventsPath(starts: string[], rest: Record<string, string | number> = {}): string {
  const query = new URLSearchParams();
  for (const start of starts) query.append('stream', start);
  for (const [name, value] of Object.entries(rest)) query.append(name, String(value));
  return `events?${query.toString()}`;
}
