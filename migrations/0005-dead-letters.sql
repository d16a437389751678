-- A dead letter that a person has discarded stays for the record, in a state that nothing reads. NOT VALID: what is there
-- keeps the stricter rule that this one replaces, so no table has to be read.
ALTER TABLE wahook.inbox DROP CONSTRAINT inbox_state_check,
  ADD CONSTRAINT inbox_state_check CHECK (state IN ('waiting', 'done', 'dead', 'discarded')) NOT VALID;
ALTER TABLE wahook.outbox DROP CONSTRAINT outbox_state_check,
  ADD CONSTRAINT outbox_state_check CHECK (state IN ('waiting', 'done', 'dead', 'discarded')) NOT VALID;

-- By lane, so that "does a dead letter hold this conversation?" is one probe. Written only when a row dies or rises.
DROP INDEX wahook.inbox_dead;
CREATE INDEX inbox_dead ON wahook.inbox (queue, lane, seq) WHERE state = 'dead';
