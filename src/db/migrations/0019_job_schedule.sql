-- Work that comes again and again: a row for each entry that is declared, and how far it has come. Times are milliseconds since 1970, by the
-- database's clock.
CREATE TABLE job_schedule (
  name      TEXT PRIMARY KEY,
  task      TEXT NOT NULL,
  arguments TEXT NOT NULL,    -- a JSON object
  timing    TEXT NOT NULL,    -- as the schedule writes it: another one is another definition
  last_slot BIGINT NOT NULL,  -- the newest one that is done with; at first, when the entry was first seen
  next_slot BIGINT NOT NULL,  -- for whoever looks: it is counted anew from last_slot
  fired_at  BIGINT,           -- when last_slot became a job; NULL: none has yet
  job       TEXT              -- its uuid
);
