-- How often kept events of a stream were rewritten: who holds events in memory and missed the word compares.
ALTER TABLE streams ADD COLUMN rewrites bigint NOT NULL DEFAULT 0;
