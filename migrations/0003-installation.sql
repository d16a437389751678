-- Tells this database from every other one, so that a cache beside it cannot answer for a database that it does not belong to:
-- a new database, or the one of the staging environment, behind the same Redis.
CREATE TABLE wahook.installation (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);

INSERT INTO wahook.installation DEFAULT VALUES;
