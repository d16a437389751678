-- What statuses said about messages that are not known: of another program that sends from the same number, or of ours before the
-- send is settled. A row a wamid: the highest state, the first error, and how to send again what failed ({"afterMs", "limit", "only",
-- "error"}). It is joined when a row of the outbox gets that wamid, and removed after 15 days (unmatched-statuses.ts).
--
-- Every settled send looks for its wamid here, by the primary key. With so few changes as these thresholds ask for nothing tells the
-- planner that the table is small, so it never plans to read all of it, a plan that would outlive the smallness.
CREATE TABLE wahook.unmatched_status (
  wamid    text COLLATE "C" PRIMARY KEY,
  delivery text NOT NULL CHECK (delivery IN ('sent', 'failed', 'delivered', 'read', 'played')),
  error    jsonb,
  resend   jsonb,
  kept_at  timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000,
        autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- For removing what is old, and for looking again at what is new.
CREATE INDEX unmatched_status_kept_at ON wahook.unmatched_status (kept_at);

-- How far the hourly look has come: `due_until`.
INSERT INTO wahook.sweep (queue) VALUES ('unmatched statuses');

-- All ids under which Meta took a message and then reported it as failed, the last ones that there can be. `refused_wamid` has the last
-- one, as before: processes of the version before this one write and read it alone. Both are written and read, so no row is touched here.
ALTER TABLE wahook.outbox ADD COLUMN refused_wamids text[] COLLATE "C" NOT NULL DEFAULT '{}';

-- A status looks for its message by an index in the same way, so the same holds for these. Reads and changes no row.
ALTER TABLE wahook.outbox SET (autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000);
