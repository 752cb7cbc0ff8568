-- What one node does for all of them, and which node that is. A lease ends by the database's own clock; its term counts how often it
-- went from one holder to another.
CREATE TABLE leases (
  name    TEXT PRIMARY KEY,
  holder  TEXT NOT NULL,
  term    BIGINT NOT NULL,
  ends_at BIGINT NOT NULL
);
