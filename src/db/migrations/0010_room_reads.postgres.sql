-- How far each user has read each room. What is unread follows from it and from the room's number of messages; nothing is written for
-- each member and message.
CREATE TABLE room_reads (
  room_id   BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  user_id   BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  seq       BIGINT NOT NULL DEFAULT 0,     -- read up to here in the room's stream, as the user has it: may be set back
  number    BIGINT NOT NULL DEFAULT 0,     -- of the newest message up to there
  told      BIGINT NOT NULL DEFAULT 0,     -- read up to here, as others were told: never moves back
  delivered BIGINT NOT NULL DEFAULT 0,     -- in a conversation, the newest message that a device of the user has
  sent_at   BIGINT NOT NULL DEFAULT 0,     -- of the user's newest message
  PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_reads_by_user ON room_reads (user_id);
CREATE INDEX messages_by_seq ON messages (room_id, seq);
