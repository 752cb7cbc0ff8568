export * from './chat/index.js';
export { Client, type ClientOptions } from './client.js';
export type { Position } from './cursor.js';
export type { Token, TokenOptions, TokenProvider } from './credentials.js';
export {
  ConnectionLostError,
  RefusedError,
  TransportUnavailableError,
  UnauthenticatedError,
  UnknownOutcomeError,
} from './errors.js';
export {
  isTaskEvent,
  type Actor,
  type ConnectionState,
  type MemberEvent,
  type Status,
  type StreamEnd,
  type StreamEvent,
  type StreamReset,
  type TaskEvent,
  type TopicEvent,
  type TransportKind,
} from './events.js';
export type { Fetch } from './http.js';
export type { Metrics } from './meter.js';
export type { Published, PublishOptions } from './publisher.js';
export type { SubscribeOptions, Subscription, SubscriptionEvents } from './subscription.js';
export { defaultTimings, type Timings } from './timings.js';
export type { WebSocketConstructor, WebSocketLike } from './websocket.js';
