-- Users, their sign-ins, organisations and who belongs to them.
--
-- Ids are never used again (AUTOINCREMENT): an old token or a cached membership must not fit a new row. Times are Unix milliseconds.
-- Secrets stand here only as SHA-256 (they are random) or argon2id (passwords).

CREATE TABLE users (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  username      TEXT NOT NULL,
  username_key  TEXT NOT NULL UNIQUE,          -- folded to lower case: "Anna" and "anna" are one name
  display_name  TEXT NOT NULL,
  email         TEXT,                          -- not unique: an answer must not tell who else is here
  email_key     TEXT,
  locale        TEXT NOT NULL DEFAULT 'en',
  time_zone     TEXT NOT NULL DEFAULT 'UTC',
  quiet_start   TEXT,                          -- "22:00", both or neither
  quiet_end     TEXT,
  avatar        TEXT,
  password_hash TEXT,                          -- NULL: cannot sign in here with a password
  superuser     INTEGER NOT NULL DEFAULT 0,
  active        INTEGER NOT NULL DEFAULT 1,    -- 0: deleted and anonymised, or switched off
  issuer        TEXT,                          -- of an external identity; never a local user of the same number
  subject       TEXT,
  me_stream     INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  deleted_at    INTEGER
);
CREATE INDEX users_by_email ON users (email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX users_by_identity ON users (issuer, subject) WHERE subject IS NOT NULL;

-- A sign-in: what stands behind a family of refresh tokens, a cookie, or a personal token. It ends by its row being deleted.
CREATE TABLE sessions (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id      INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind         TEXT NOT NULL,                  -- tokens, cookie, personal
  secret_hash  TEXT NOT NULL UNIQUE,           -- of the cookie, the personal token, or the family's part of the refresh token
  refresh_hash TEXT,                           -- of the one refresh token of the family that is not spent
  label        TEXT NOT NULL DEFAULT '',       -- what the owner sees: the user agent, or a name
  address      TEXT NOT NULL DEFAULT '',
  created_at   INTEGER NOT NULL,
  seen_at      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Socket tokens are signed, not stored; what is kept is which of them are spent, until they would have expired anyway.
CREATE TABLE spent_socket_tokens (
  jti        TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX spent_socket_tokens_by_expiry ON spent_socket_tokens (expires_at);

CREATE TABLE password_resets (
  token_hash TEXT PRIMARY KEY,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX password_resets_by_user ON password_resets (user_id);

CREATE TABLE user_blocks (
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  blocked_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, blocked_id)
) WITHOUT ROWID;
CREATE INDEX user_blocks_by_blocked ON user_blocks (blocked_id);

CREATE TABLE orgs (
  id                   INTEGER PRIMARY KEY AUTOINCREMENT,
  slug                 TEXT NOT NULL UNIQUE,
  name                 TEXT NOT NULL,
  notifications_stream INTEGER NOT NULL,
  created_at           INTEGER NOT NULL
);

CREATE TABLE org_members (
  org_id     INTEGER NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  user_id    INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role       INTEGER NOT NULL,                 -- 1 member, 2 moderator, 3 admin, 4 owner
  created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, user_id)
) WITHOUT ROWID;
CREATE INDEX org_members_by_user ON org_members (user_id);

CREATE TABLE org_invites (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id     INTEGER NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  code_hash  TEXT NOT NULL UNIQUE,
  created_by INTEGER NOT NULL,
  max_uses   INTEGER NOT NULL,
  uses       INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX org_invites_by_org ON org_invites (org_id);

CREATE TABLE api_keys (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  org_id      INTEGER NOT NULL REFERENCES orgs (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  scopes      TEXT NOT NULL,                   -- separated by spaces
  created_by  INTEGER,
  created_at  INTEGER NOT NULL
);
CREATE INDEX api_keys_by_org ON api_keys (org_id);
