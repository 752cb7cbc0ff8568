-- Tasks of Celery's that succeeded here, by their id: one that is delivered again is answered with the result that it had, and what it
-- changed is changed once. Kept for a day; `at` is in milliseconds.
CREATE TABLE celery_done (
  id     TEXT PRIMARY KEY,
  at     BIGINT NOT NULL,
  result TEXT NOT NULL
);
CREATE INDEX celery_done_at ON celery_done (at);
