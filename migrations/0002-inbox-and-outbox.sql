-- The rows of the queues. They are the truth about what waits and what became of it; pg-boss only schedules the lanes
-- (conversations) that have something waiting, in a schema of its own.

-- One row a lane, written once: publishing locks it until COMMIT, so that within a lane the order of `seq` is the order in
-- which rows become visible. Without it a transaction that numbered first could commit last, and a worker would handle the
-- later message first. COLLATE "C": lanes are sorted to be locked in one order everywhere, and compared byte by byte.
CREATE TABLE wahook.lane (
  queue text COLLATE "C" NOT NULL,
  lane  text COLLATE "C" NOT NULL,
  PRIMARY KEY (queue, lane)
);

-- What came in. Narrow and with few indexes: every index is written once a message, and again whenever `state` changes if
-- its condition names it. fillfactor leaves room for the claim to be an update in place.
CREATE TABLE wahook.inbox (
  seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue           text COLLATE "C" NOT NULL CHECK (queue IN ('messages', 'statuses', 'account')),
  lane            text COLLATE "C" NOT NULL,
  event_key       text NOT NULL,
  event_day       integer NOT NULL,
  payload         jsonb NOT NULL,
  state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
  -- How often it was handed to a handler, and how often that handler failed: a crash of the process raises the first only.
  claims          integer NOT NULL DEFAULT 0,
  failures        integer NOT NULL DEFAULT 0,
  -- From a claim to its settlement. Still true at the next claim: the one before was cut short.
  claimed         boolean NOT NULL DEFAULT false,
  -- NULL: at once. By this database's clock, like every time here.
  next_attempt_at timestamptz,
  -- {"code", "message"}; never content.
  last_error      jsonb,
  accepted_at     timestamptz NOT NULL DEFAULT now(),
  settled_at      timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

-- Reading a lane, walking over lanes and counting what waits.
CREATE INDEX inbox_waiting ON wahook.inbox (queue, lane, seq) WHERE state = 'waiting';
-- Retries by the time they are due.
CREATE INDEX inbox_retry ON wahook.inbox (queue, next_attempt_at) WHERE state = 'waiting' AND next_attempt_at IS NOT NULL;
CREATE INDEX inbox_dead ON wahook.inbox (queue, seq) WHERE state = 'dead';

-- What goes out, in the same pattern: one lane a recipient. `event_key` is our id of the send.
CREATE TABLE wahook.outbox (
  seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  queue           text COLLATE "C" NOT NULL CHECK (queue = 'outbound'),
  lane            text COLLATE "C" NOT NULL,
  event_key       text COLLATE "C" NOT NULL UNIQUE,
  event_day       integer NOT NULL,
  payload         jsonb NOT NULL,
  state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dead')),
  claims          integer NOT NULL DEFAULT 0,
  failures        integer NOT NULL DEFAULT 0,
  claimed         boolean NOT NULL DEFAULT false,
  next_attempt_at timestamptz,
  last_error      jsonb,
  accepted_at     timestamptz NOT NULL DEFAULT now(),
  settled_at      timestamptz,
  wamid           text COLLATE "C",
  delivery        text CHECK (delivery IN ('sent', 'failed', 'delivered', 'read', 'played')),
  delivery_error  jsonb
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX outbox_waiting ON wahook.outbox (queue, lane, seq) WHERE state = 'waiting';
CREATE INDEX outbox_retry ON wahook.outbox (queue, next_attempt_at) WHERE state = 'waiting' AND next_attempt_at IS NOT NULL;
CREATE INDEX outbox_dead ON wahook.outbox (queue, seq) WHERE state = 'dead';
CREATE INDEX outbox_wamid ON wahook.outbox (wamid) WHERE wamid IS NOT NULL;

-- How far the sweep for lanes without a wake-up has come; shared, so that any number of workers sweep once a second.
CREATE TABLE wahook.sweep (
  queue      text COLLATE "C" PRIMARY KEY,
  swept_at   timestamptz NOT NULL DEFAULT '-infinity',
  due_until  timestamptz NOT NULL DEFAULT '-infinity',
  after_lane text COLLATE "C" NOT NULL DEFAULT ''
);
INSERT INTO wahook.sweep (queue) VALUES ('messages'), ('statuses'), ('account'), ('outbound');
