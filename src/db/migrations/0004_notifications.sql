-- What each member has read and does not want to be told of. The notifications themselves are events of the organisation's stream.
CREATE TABLE notification_reads (
  org_id        BIGINT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  user_id       BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  last_read_seq BIGINT NOT NULL,
  PRIMARY KEY (org_id, user_id)
);

CREATE TABLE notification_preferences (
  org_id       BIGINT NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  user_id      BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  muted_types  TEXT NOT NULL,                -- separated by spaces, as are push_types
  push_enabled BIGINT NOT NULL,
  push_types   TEXT NOT NULL,
  PRIMARY KEY (org_id, user_id)
);
