-- The index of messages: their words, and marks that narrow a search inside the index: :o7 the organisation, :r12 the room, :u5 the author,
-- :b3 the block of 1024 ids and :c0 that of 32768, :link and :reply. What may be found is decided by the rows of messages and rooms alone.
-- An entry is written by the program, which makes the words.
CREATE TABLE message_index (
  id    BIGINT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  words TSVECTOR NOT NULL
);
-- No list of pending entries: a search would go through it, and a writer would have to put it in order now and then.
CREATE INDEX message_index_words ON message_index USING gin (words) WITH (fastupdate = off);

-- In which blocks of 1024 ids the messages of a day lie: a search before or after a day goes there at once. There may be more than needed,
-- never fewer; clocks may go back. Rows are added only, so that many writers do not wait for each other.
CREATE TABLE message_days (
  day   BIGINT NOT NULL,                 -- since 1970
  block BIGINT NOT NULL,
  PRIMARY KEY (day, block)
);
INSERT INTO message_days (day, block) SELECT DISTINCT created_at / 86400000, id / 1024 FROM messages;
CREATE FUNCTION note_message_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM message_days WHERE day = NEW.created_at / 86400000 AND block = NEW.id / 1024) THEN
    INSERT INTO message_days (day, block) VALUES (NEW.created_at / 86400000, NEW.id / 1024) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER messages_dated AFTER INSERT OR UPDATE OF created_at ON messages FOR EACH ROW EXECUTE FUNCTION note_message_day();
