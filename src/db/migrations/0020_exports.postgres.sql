-- What an organisation's admins had written out, to download. The text is kept in pieces, compressed one by one; only those of `run` are
-- the export's, and only where it is done: a run that died leaves pieces that nobody reads, until they are swept away.
CREATE TABLE exports (
  id            BIGINT PRIMARY KEY,          -- of its job
  task_uuid     TEXT NOT NULL UNIQUE,        -- of tasks/{uuid}
  org_id        BIGINT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  user_id       BIGINT NOT NULL,             -- who asked for it
  kind          TEXT NOT NULL,               -- tasks_csv, messages_jsonl, audit_jsonl
  status        TEXT NOT NULL,               -- queued, running, done, failed
  run           BIGINT NOT NULL DEFAULT 0,   -- counts the runs: the newest one alone may write
  line_count    BIGINT NOT NULL DEFAULT 0,
  byte_count    BIGINT NOT NULL DEFAULT 0,
  error_code    TEXT,
  error_message TEXT,
  created_at    BIGINT NOT NULL,
  ended_at      BIGINT,
  expires_at    BIGINT
);
CREATE INDEX exports_by_org ON exports (org_id, id);
CREATE INDEX exports_open ON exports (id) WHERE ended_at IS NULL;
CREATE INDEX exports_by_expiry ON exports (expires_at) WHERE expires_at IS NOT NULL;

-- Without a reference to the export: hundreds of megabytes are not deleted in one transaction.
CREATE TABLE export_chunks (
  export_id BIGINT NOT NULL,
  run       BIGINT NOT NULL,
  part      BIGINT NOT NULL,                 -- 0, 1, 2, …
  size      BIGINT NOT NULL,                 -- unpacked
  packed    BYTEA NOT NULL,
  PRIMARY KEY (export_id, run, part)
);
