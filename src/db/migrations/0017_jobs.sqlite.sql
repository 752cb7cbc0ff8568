-- Background work: a row from the change that wants it until what became of it is forgotten.
--
--   scheduled -> ready -> running -> done | failed | cancelled | expired
--        ^__________________|  (tried again)
--
-- A run may record what became of it only where `fence` is still the number that it was begun with. Times are milliseconds since 1970, by
-- the database's clock.
CREATE TABLE jobs (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid        TEXT NOT NULL UNIQUE,
  task        TEXT NOT NULL,
  queue       TEXT NOT NULL,
  priority    BIGINT NOT NULL,            -- 0 is the most urgent
  state       TEXT NOT NULL,
  arguments   TEXT NOT NULL,              -- a JSON object
  org_id      BIGINT REFERENCES orgs (id) ON DELETE CASCADE,
  user_id     BIGINT,                     -- who asked for it
  stream_id   BIGINT,                     -- tasks/{uuid}, where somebody may follow it
  unique_key  TEXT,                       -- one that is not ended has it
  due_at      BIGINT NOT NULL,
  expires_at  BIGINT,
  fence       BIGINT NOT NULL DEFAULT 0,  -- counts the runs that were handed out
  failures    BIGINT NOT NULL DEFAULT 0,
  worker      BIGINT,                     -- who runs it
  cancelling  BIGINT NOT NULL DEFAULT 0,
  progress    BIGINT NOT NULL DEFAULT 0,  -- of 1000
  note        TEXT,
  result      TEXT,                       -- JSON
  error       TEXT,                       -- JSON: code, message
  created_at  BIGINT NOT NULL,
  begun_at    BIGINT,
  ended_at    BIGINT,
  forget_at   BIGINT
);
CREATE INDEX jobs_by_turn ON jobs (queue, priority, id) WHERE state = 'ready';
CREATE INDEX jobs_by_due ON jobs (due_at) WHERE state = 'scheduled';
CREATE INDEX jobs_by_worker ON jobs (worker) WHERE state = 'running';
CREATE INDEX jobs_by_end ON jobs (forget_at) WHERE forget_at IS NOT NULL;
CREATE INDEX jobs_by_org ON jobs (org_id, id) WHERE org_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_key ON jobs (unique_key) WHERE unique_key IS NOT NULL AND state IN ('scheduled', 'ready', 'running');

-- Who may run them, until when. Where a row is gone, the work of that worker is given to others.
CREATE TABLE job_workers (
  id          BIGINT PRIMARY KEY,
  name        TEXT NOT NULL,
  alive_until BIGINT NOT NULL
);
