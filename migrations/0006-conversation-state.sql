-- What a bot keeps about a conversation: its session and the question that waits for an answer. One row a conversation that has
-- something to keep, written in the transaction that settles the message. fillfactor leaves room for updates in place.
CREATE TABLE wahook.conversation_state (
  conversation text COLLATE "C" PRIMARY KEY,
  document     jsonb NOT NULL,
  kept_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

-- Calls of the outside that runs of a job have made (`ctx.once`), by the number of the job's row in the inbox. `result` is NULL for a call
-- that has begun, else {} or {"value": …}. Rows of jobs that cannot run again are removed every hour (once-call-cleanup.ts).
CREATE TABLE wahook.once_call (
  job         bigint NOT NULL,
  name        text NOT NULL,
  result      jsonb,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job, name)
);
