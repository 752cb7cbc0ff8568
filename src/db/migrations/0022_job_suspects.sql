-- What ends its worker each time that it runs is found out, and what waits for a newer program has its day from when it was wanted.
ALTER TABLE jobs ADD COLUMN suspected BIGINT NOT NULL DEFAULT 0;  -- 0: no; else 1 and the runs begun since a worker was lost with it, that came to no end
ALTER TABLE jobs ADD COLUMN wanted_at BIGINT;                     -- when it should first begin; none: when it was made
