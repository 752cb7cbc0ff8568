-- The log: streams, their events, and a place for the program's own settings.
-- Times are milliseconds since 1970; booleans are 0 and 1.

-- AUTOINCREMENT: the id of a deleted stream is never given to another, so that nothing kept in memory can mix the two.
CREATE TABLE streams (
  id integer PRIMARY KEY AUTOINCREMENT,
  kind text NOT NULL,
  org_id bigint,
  user_id bigint,
  epoch text NOT NULL,
  head bigint NOT NULL DEFAULT 0,
  oldest bigint NOT NULL DEFAULT 1,
  last_at bigint NOT NULL DEFAULT 0, -- created_at of the newest event: the next one is never earlier
  durable integer NOT NULL DEFAULT 1,
  retention_ms bigint,               -- NULL: as its kind has it
  created_at bigint NOT NULL
);
CREATE INDEX streams_org ON streams (org_id) WHERE org_id IS NOT NULL;
CREATE INDEX streams_user ON streams (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE events (
  stream_id bigint NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
  seq bigint NOT NULL,
  created_at bigint NOT NULL,
  type text NOT NULL,
  body text NOT NULL,
  dedupe_key text,
  content_hash blob,                 -- of type and body as first sent, where there is a dedupe key
  PRIMARY KEY (stream_id, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX events_dedupe ON events (stream_id, dedupe_key) WHERE dedupe_key IS NOT NULL;

CREATE TABLE meta (
  key text PRIMARY KEY,
  value text NOT NULL
) WITHOUT ROWID;
