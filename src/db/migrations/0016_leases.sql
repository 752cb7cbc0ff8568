-- What one node does for all of them, and which node that is. A lease ends by the database's own clock.
CREATE TABLE leases (
  name    TEXT PRIMARY KEY,
  holder  TEXT NOT NULL,
  ends_at BIGINT NOT NULL
);
