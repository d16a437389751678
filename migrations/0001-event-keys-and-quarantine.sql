-- The keys of accepted elements: what makes a redelivery a duplicate. `day` is the day of the element's own timestamp (days
-- since 1970-01-01 UTC), the same in every redelivery, so the primary key finds it in its partition; `digest` is the first
-- 16 bytes of the SHA-256 of the key, which keeps the index small and the ids of people out of it.
--
-- A partition per day (made by event-key-partitions.ts) makes forgetting a day one DROP TABLE. What has no partition, such
-- as an element without a timestamp (day 0) or a very old one, goes to the default partition.
CREATE TABLE wahook.event_key (
  day integer NOT NULL,
  digest bytea NOT NULL,
  seen_on date NOT NULL DEFAULT CURRENT_DATE,
  PRIMARY KEY (day, digest)
) PARTITION BY RANGE (day);

CREATE TABLE wahook.event_key_default PARTITION OF wahook.event_key DEFAULT;

-- Rows are only appended, so a block range index of a few pages answers "is any key younger than …?" without a scan.
CREATE INDEX event_key_seen_on ON wahook.event_key USING brin (seen_on) WITH (autosummarize = on);

-- What of a signed webhook could not be handled, with its bytes. `digest` is the SHA-256 of reason, path and bytes.
CREATE TABLE wahook.quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reason text NOT NULL,
  path text NOT NULL,
  raw bytea NOT NULL,
  digest bytea NOT NULL UNIQUE,
  kept_at timestamptz NOT NULL DEFAULT now()
);
