-- The index of messages. It keeps a text of its own, so that an entry can be taken out whatever has become of the message's row. `places`
-- are marks that narrow a search inside the index: o7 its organisation, r12 its room, u5 its author, b0 its block of 65536 ids, and link
-- and reply. What may be found is decided by the rows of messages and rooms alone.
CREATE VIRTUAL TABLE message_index USING fts5 (
  body, places,
  columnsize = 0,                        -- nothing is ranked: the newest comes first
  prefix = '3',                          -- of 2 letters too: FTS5 goes through those of one more
  tokenize = "unicode61 remove_diacritics 2"
);
-- Segments are merged while messages are written, 64 pages of them at a time: small pages make that pause a short one.
INSERT INTO message_index (message_index, rank) VALUES ('pgsz', 1000);
INSERT INTO message_index (message_index, rank) VALUES ('automerge', 8);
INSERT INTO message_index (rowid, body, places)
  SELECT m.id, m.body, 'o' || r.org_id || ' r' || m.room_id || ' u' || m.author_id || ' b' || (m.id / 65536)
      || CASE WHEN m.body LIKE '%http://%' OR m.body LIKE '%https://%' THEN ' link' ELSE '' END
      || CASE WHEN m.reply_to IS NULL THEN '' ELSE ' reply' END
    FROM messages m JOIN rooms r ON r.id = m.room_id
    WHERE m.deleted_at IS NULL AND r.org_id IS NOT NULL;

-- Messages that went without anybody's doing: with their organisation, or with their room. Their entries go little by little.
CREATE TABLE message_index_gone (id INTEGER PRIMARY KEY);
CREATE TRIGGER messages_gone AFTER DELETE ON messages WHEN old.deleted_at IS NULL BEGIN
  INSERT OR IGNORE INTO message_index_gone (id) VALUES (old.id);
END;

-- Between which ids the messages of a day lie, in blocks of 1024: a search before or after a day goes there at once. It may be wider than
-- what is there, never narrower; clocks may go back.
CREATE TABLE message_days (
  day         INTEGER PRIMARY KEY,       -- since 1970
  first_block BIGINT NOT NULL,
  last_block  BIGINT NOT NULL
);
INSERT INTO message_days (day, first_block, last_block)
  SELECT created_at / 86400000, min(id) / 1024, max(id) / 1024 FROM messages GROUP BY 1;
CREATE TRIGGER messages_dated AFTER INSERT ON messages BEGIN
  INSERT INTO message_days (day, first_block, last_block) VALUES (new.created_at / 86400000, new.id / 1024, new.id / 1024)
    ON CONFLICT (day) DO UPDATE
    SET first_block = min(first_block, excluded.first_block), last_block = max(last_block, excluded.last_block)
    WHERE excluded.first_block < first_block OR excluded.last_block > last_block;
END;
CREATE TRIGGER messages_redated AFTER UPDATE OF created_at ON messages
WHEN new.created_at / 86400000 <> old.created_at / 86400000 BEGIN
  INSERT INTO message_days (day, first_block, last_block) VALUES (new.created_at / 86400000, new.id / 1024, new.id / 1024)
    ON CONFLICT (day) DO UPDATE
    SET first_block = min(first_block, excluded.first_block), last_block = max(last_block, excluded.last_block)
    WHERE excluded.first_block < first_block OR excluded.last_block > last_block;
END;
