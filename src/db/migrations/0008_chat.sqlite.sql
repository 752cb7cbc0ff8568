-- Rooms, conversations of two, and their messages. Ids are never used again (AUTOINCREMENT): an old link must not lead to a new room or message.
CREATE TABLE rooms (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id     BIGINT REFERENCES orgs (id) ON DELETE CASCADE, -- none: a conversation
  slug       TEXT NOT NULL,
  name       TEXT NOT NULL,
  kind       TEXT NOT NULL,                  -- chat, forum, conversation
  private    BIGINT NOT NULL,
  slow_mode  BIGINT NOT NULL DEFAULT 0,      -- seconds between two messages of a member
  stream_id  BIGINT NOT NULL UNIQUE,
  messages   BIGINT NOT NULL DEFAULT 0,      -- ever sent; the newest one's number
  created_at BIGINT NOT NULL,
  deleted_at BIGINT                          -- nobody sees it any more; what it holds goes little by little
);
CREATE UNIQUE INDEX rooms_by_slug ON rooms (org_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX rooms_by_org ON rooms (org_id, id);
CREATE INDEX rooms_deleted ON rooms (deleted_at) WHERE deleted_at IS NOT NULL;

-- The room of two people, whoever of them began.
CREATE TABLE conversations (
  low_id  BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  high_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  room_id BIGINT NOT NULL UNIQUE REFERENCES rooms (id) ON DELETE CASCADE,
  PRIMARY KEY (low_id, high_id),
  CHECK (low_id < high_id)
) WITHOUT ROWID;
CREATE INDEX conversations_by_high ON conversations (high_id);

-- Who is in a private room. Whoever leaves the organisation leaves its rooms.
CREATE TABLE room_members (
  room_id    BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  user_id    BIGINT NOT NULL,
  org_id     BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (room_id, user_id),
  FOREIGN KEY (org_id, user_id) REFERENCES org_members (org_id, user_id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX room_members_by_user ON room_members (org_id, user_id);

CREATE TABLE messages (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  room_id           BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  author_id         BIGINT NOT NULL REFERENCES users (id),
  seq               BIGINT NOT NULL,         -- of its event in the room's stream
  number            BIGINT NOT NULL,         -- 1, 2, 3, … in its room
  body              TEXT NOT NULL,
  reply_to          BIGINT,
  thread_id         BIGINT,
  client_message_id TEXT,
  sent_hash         BLOB,                    -- of what was sent, where there is a client_message_id
  created_at        BIGINT NOT NULL,
  edited_at         BIGINT,
  deleted_at        BIGINT,
  deleted_by        BIGINT
);
CREATE INDEX messages_by_room ON messages (room_id, id);
CREATE UNIQUE INDEX messages_by_client_id ON messages (room_id, author_id, client_message_id) WHERE client_message_id IS NOT NULL;
