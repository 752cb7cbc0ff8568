export { Chat, forgetWaiting, type ChatOptions, type ChatPart } from './chat.js';
export type { Exclusively } from './locks.js';
export type { Outcome } from './outbox.js';
export type { Presence, PresenceMap } from './presence.js';
export type { Room, RoomEvents, RoomPart, Sending, SendOptions } from './room.js';
export { BrowserStorage, MemoryStorage, type OutboxStorage } from './storage.js';
export type {
  Message,
  MessageState,
  Person,
  Reaction,
  Receipt,
  RoomInfo,
  SentMessage,
} from './types.js';
export type { Unread } from './unread.js';
