-- Every text that a message ever had, from its first change on, with the event that told it; and the reactions to messages.
CREATE TABLE message_versions (
  message_id BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  version    BIGINT NOT NULL,            -- 1 is what was sent
  body       TEXT NOT NULL,
  editor_id  BIGINT NOT NULL REFERENCES users (id),
  seq        BIGINT NOT NULL,            -- of its event in the room's stream; 0 until that has its number
  created_at BIGINT NOT NULL,
  PRIMARY KEY (message_id, version)
) WITHOUT ROWID;

CREATE TABLE reactions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which they came
  message_id BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  emoji      TEXT NOT NULL,
  user_id    BIGINT NOT NULL REFERENCES users (id),
  created_at BIGINT NOT NULL,
  UNIQUE (message_id, emoji, user_id)
);
