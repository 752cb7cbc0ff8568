-- What a user wants to be told of in a room. No row: as it is by default.
CREATE TABLE room_preferences (
  room_id     BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  user_id     BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  level       TEXT NOT NULL,             -- all, mentions, none
  muted_until BIGINT,
  PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_preferences_by_user ON room_preferences (user_id);
