/** What an application sees: events of streams, as the server sends them. */

export interface Actor {
  id: number;
  username: string;
}

/** Every event has these; an ephemeral one has no `seq`. */
export interface StreamEvent {
  type: string;
  stream: string;
  seq?: number;
  created_at?: string;
  actor?: Actor;
  /** The payload was over 16 KiB: fetch the event by its `seq`. */
  truncated?: true;
  [member: string]: unknown;
}

export interface TaskEvent extends StreamEvent {
  type: 'task_event';
  seq: number;
  task_id: number;
  action: 'created' | 'updated' | 'status_changed' | 'deleted';
  details: Record<string, unknown>;
}

export interface MemberEvent extends StreamEvent {
  type: 'member_added' | 'member_removed' | 'member_role_changed';
  seq: number;
}

/** What a team's own backend or clients publish on a topic. */
export interface TopicEvent<Data = unknown> extends StreamEvent {
  data: Data;
}

export function isTaskEvent(event: StreamEvent): event is TaskEvent {
  return event.type === 'task_event' && typeof event['task_id'] === 'number';
}

/** Why a subscription lost its place: what was asked for is gone, fetch the state anew. */
export interface StreamReset {
  stream: string;
  reason: 'expired' | 'epoch_changed' | 'ahead' | (string & {});
  epoch: string;
  oldest: number;
  head: number;
}

/** Why a subscription is over. `code` is the close code, such as 4003 (access lost) or 4004 (no such stream). */
export interface StreamEnd {
  stream: string;
  code: number;
  reason: string;
}

export type Status = 'connecting' | 'catching-up' | 'live' | 'fallback' | 'offline' | 'closed';
export type TransportKind = 'websocket' | 'sse' | 'poll';

export interface ConnectionState {
  status: Status;
  /** The way that is open, or being tried. */
  transport: TransportKind;
  /** With `offline`: how long until the next attempt. */
  retryInMs?: number;
  /** With `offline` and `closed`: why. */
  code?: number;
  reason?: string;
}
