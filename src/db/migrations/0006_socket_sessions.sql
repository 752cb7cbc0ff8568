-- What a socket followed and how far, so that its session can be resumed on any node and after a restart.
-- user_id 0: whoever has no account.
CREATE TABLE socket_sessions (
  user_id   BIGINT NOT NULL,
  uuid      TEXT   NOT NULL,
  count     BIGINT NOT NULL,
  positions TEXT   NOT NULL,
  saved_at  BIGINT NOT NULL,
  PRIMARY KEY (user_id, uuid)
);
CREATE INDEX socket_sessions_saved_at ON socket_sessions (saved_at);
