-- Crashes counted apart from claims and failures. `under_way` is true while a handler is at work on the row (not while it waits
-- for its turn, and not after it gave the row back alive): still true at the next claim, it means that the process died or
-- froze over it. `interruptions` counts those in a row; whatever settles the row sets it to 0.
ALTER TABLE wahook.inbox
  ADD COLUMN under_way     boolean NOT NULL DEFAULT false,
  ADD COLUMN interruptions integer NOT NULL DEFAULT 0;
ALTER TABLE wahook.outbox
  ADD COLUMN under_way     boolean NOT NULL DEFAULT false,
  ADD COLUMN interruptions integer NOT NULL DEFAULT 0;
