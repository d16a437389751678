-- What Meta's limits leave us, for all worker processes. Written without waiting for the disk (synchronous_commit off in the
-- statement): what a crash of the database forgets is under a second of it.

-- One row a number of ours. `free_at`: the moment from which the next place is free, by this database's clock; each place
-- takes 1/rate, also one that an inbound message used up. `slowed_to`: the share of its rate that the number had at
-- `slowed_at`, from which it grows back. `stopped`: {"code", "message"}; then nothing is sent but one message at `probe_at`.
-- `credential` tells the token that was refused from a new one.
CREATE TABLE wahook.sending_number (
  phone_number_id text COLLATE "C" PRIMARY KEY,
  free_at         timestamptz NOT NULL DEFAULT '-infinity',
  slowed_to       real NOT NULL DEFAULT 1,
  slowed_at       timestamptz,
  stopped         jsonb,
  stopped_at      timestamptz,
  credential      text,
  probe_at        timestamptz,
  probes          integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- One row a recipient who was written to lately; `free_at` as above, in steps of the pair limit. A row whose time is over says
-- nothing and is removed every hour.
CREATE TABLE wahook.sending_pair (
  lane    text COLLATE "C" PRIMARY KEY,
  free_at timestamptz NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Limits of the app and of business accounts: nothing of theirs is sent until then. `times` in a row, each twice as long.
CREATE TABLE wahook.sending_pause (
  scope text COLLATE "C" PRIMARY KEY,
  until timestamptz NOT NULL,
  times integer NOT NULL
);
