-- Tasks of an organisation, and its topics. Ids are never used again (AUTOINCREMENT): an old link must not lead to a new task.
CREATE TABLE tasks (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id      BIGINT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  title       TEXT NOT NULL,
  status      TEXT NOT NULL,                  -- todo, doing, done
  assignee_id BIGINT REFERENCES users (id),
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL
);
CREATE INDEX tasks_by_org ON tasks (org_id, id);
CREATE INDEX tasks_by_status ON tasks (org_id, status, id);
CREATE INDEX tasks_by_assignee ON tasks (org_id, assignee_id, id) WHERE assignee_id IS NOT NULL;

CREATE TABLE topics (
  org_id         BIGINT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  name           TEXT NOT NULL,
  stream_id      BIGINT NOT NULL UNIQUE,
  durable        BIGINT NOT NULL,
  retention_ms   BIGINT,                      -- NULL: as all topics
  client_publish TEXT NOT NULL,               -- none, members
  read_by        TEXT NOT NULL,               -- members, token
  created_at     BIGINT NOT NULL,
  PRIMARY KEY (org_id, name)
);
