import type { Mutant } from './mutant.ts';

const SEND = 'src/core/send-message.ts';
const ROWS = 'src/adapters/postgres/lane-rows.ts';

/** Between the outbox and Meta, and back with the status. */
export const SENDING_MUTANTS: readonly Mutant[] = [
  {
    name: 'resend-at-once',
    flaw: 'A send whose answer was lost is repeated without waiting for its status.',
    file: SEND,
    find: ': later(this.#options.settleWaitMs, true, error);',
    replace: ': later(0, true, error);',
    scenario: 'calm',
  },
  {
    name: 'ambiguous-is-rejected',
    flaw: 'A send whose answer was lost is given up.',
    file: SEND,
    find: 'return this.#ambiguous(job, failure.reason);',
    replace: `return { outcome: 'dead', error };`,
    scenario: 'calm',
  },
  {
    name: 'ambiguous-is-sent',
    flaw: 'A send whose answer was lost is taken for sent.',
    file: SEND,
    find: 'return this.#ambiguous(job, failure.reason);',
    replace: `return { outcome: 'done' };`,
    scenario: 'calm',
  },
  {
    name: 'throttled-is-over',
    flaw: 'A send that Meta refuses for its rate is given up.',
    file: SEND,
    find: 'if (job.attempt > limit)',
    replace: 'if (job.attempt > 0)',
    scenario: 'calm',
  },
  {
    name: 'reset-is-not-sent',
    flaw: 'A connection that broke after the request had left counts as never connected.',
    file: 'src/adapters/meta/graph-gateway.ts',
    find: 'if (error instanceof NotSentError) throw error;',
    replace: `if (error instanceof NotSentError || (error as Error).name === 'FetchError') throw new NotSentError(undefined);`,
    scenario: 'calm',
  },
  {
    name: 'no-send-id',
    flaw: 'Our id of a send does not travel with it.',
    file: 'src/adapters/meta/graph-request.ts',
    find: 'biz_opaque_callback_data: message.sendId,',
    replace: '',
    scenario: 'calm',
  },
  {
    name: 'status-settles-nothing',
    flaw: 'A status is not looked up by the send id that it carries.',
    file: 'src/adapters/postgres/postgres-sent-messages.ts',
    find: 'ON own.event_key = told.send_id',
    replace: 'ON false',
    scenario: 'calm',
  },
  {
    name: 'later-status-is-ignored',
    flaw: 'The first status of a message is noted, the later ones are taken for its repetitions.',
    file: 'src/adapters/postgres/postgres-sent-messages.ts',
    find: `AND (COALESCE(\${rankOf('item.delivery')}, 0) < COALESCE(known.rank, 0)`,
    replace: 'AND (item.delivery IS NULL AND known.rank IS NOT NULL',
    scenario: 'calm',
  },
  {
    name: 'interrupted-is-sent-again',
    flaw: 'A send over which its process died is repeated as if it had not begun.',
    file: SEND,
    find: 'if (job.interrupted) return',
    replace: 'if (job.interrupted && job.claims > 1_000) return',
    scenario: 'worker dies sending',
  },
  {
    name: 'claim-leaves-no-trace',
    flaw: 'A claim is not marked on its row, so that nobody knows that it was cut short.',
    file: ROWS,
    find: 'SET claims = claims + 1, claimed = true',
    replace: 'SET claims = claims + 1, claimed = false',
    scenario: 'worker dies sending',
  },
  {
    name: 'next-reply-overtakes',
    flaw: 'While a reply waits to be sent again, the next one to the same person is sent.',
    file: ROWS,
    find: 'ORDER BY lane, seq LIMIT burst + 1',
    replace: `\${this.#table === 'outbox' ? 'AND (next_attempt_at IS NULL OR next_attempt_at <= now())' : ''}
            ORDER BY lane, seq LIMIT burst + 1`,
    scenario: 'calm',
  },
];
