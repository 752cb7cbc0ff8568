-- What failed for good is counted and listed without a look at all that ever ran.
CREATE INDEX jobs_by_failure ON jobs (id) WHERE state = 'failed';
