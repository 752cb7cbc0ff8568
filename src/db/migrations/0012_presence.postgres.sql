-- When somebody was last connected. Written in batches of people who went, never when somebody comes.
CREATE TABLE user_presence (
  user_id   BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  last_seen BIGINT NOT NULL
);
