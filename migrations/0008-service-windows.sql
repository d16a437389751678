-- When each person last wrote to (or called) a number of ours, by Meta's own timestamps: what is not a template goes through for
-- 24 hours from then. A person has a row for each id that Meta gave, since a message may be addressed by either. Written once a second by
-- each process, many people at once, and only if the time rises.
CREATE TABLE wahook.service_window (
  person    text COLLATE "C" PRIMARY KEY,
  opened_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
