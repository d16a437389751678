-- When each person last wrote to (or called) a number of ours, by Meta's own timestamps: what is not a template goes through for
-- 24 hours from then. A person has a row for each id that Meta gave, since a message may be addressed by either. Written once a second by
-- each process, many people at once, and only if the time rises.
CREATE TABLE wahook.service_window (
  person    text COLLATE "C" PRIMARY KEY,
  opened_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Under which id Meta took a message that it then reported as failed, and that was sent again: statuses with this id are of the old
-- attempt and say nothing about the new one.
ALTER TABLE wahook.outbox ADD COLUMN refused_wamid text COLLATE "C";
