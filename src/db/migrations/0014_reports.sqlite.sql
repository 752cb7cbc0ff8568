-- What members reported to the moderators of a room's organisation; once each.
CREATE TABLE reports (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id      BIGINT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  message_id  BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  reporter_id BIGINT NOT NULL REFERENCES users (id),
  reason      TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  resolved_at BIGINT,
  resolved_by BIGINT REFERENCES users (id),
  UNIQUE (message_id, reporter_id)
);
CREATE INDEX reports_by_org ON reports (org_id, id);
CREATE INDEX reports_open ON reports (org_id, id) WHERE resolved_at IS NULL;
