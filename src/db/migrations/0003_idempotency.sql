-- Answers that are kept for a repeated request with the same Idempotency-Key: 24 hours, written in the transaction of the change.
CREATE TABLE idempotency_keys (
  caller     TEXT NOT NULL,      -- "user:7", "key:3"
  path       TEXT NOT NULL,      -- method and path
  key        TEXT NOT NULL,      -- as the client chose it
  body_hash  TEXT NOT NULL,      -- SHA-256 of the request's body
  status     BIGINT NOT NULL,
  body       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (caller, path, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
