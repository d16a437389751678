import type { StateWrite } from '../../core/ports/bot.ts';
import type { Queryable } from './database.ts';

type ConversationWrite = Extract<StateWrite, { readonly kind: 'conversation' }>;
type CallWrite = Extract<StateWrite, { readonly kind: 'call' }>;

/**
 * Stores what bots keep, of any number of lanes; of several writes to one thing the last counts. Inside a transaction in which
 * the lanes are the caller's: so nobody else writes the same rows, and they need no order against deadlocks.
 */
export async function writeState(tx: Queryable, writes: readonly StateWrite[]): Promise<void> {
  const documents = new Map<string, ConversationWrite>();
  const calls = new Map<string, CallWrite>();
  for (const write of writes) {
    if (write.kind === 'conversation') documents.set(write.conversation, write);
    else calls.set(`${write.job} ${write.name}`, write);
  }
  if (documents.size > 0) await writeDocuments(tx, [...documents.values()]);
  if (calls.size > 0) await writeCalls(tx, [...calls.values()]);
}

async function writeDocuments(tx: Queryable, writes: readonly ConversationWrite[]): Promise<void> {
  await tx.query({
    name: 'conversation-state-write',
    text: `
      WITH told AS (SELECT * FROM unnest($1::text[], $2::text[]) AS given (conversation, document)),
      gone AS (
        DELETE FROM wahook.conversation_state USING told
        WHERE conversation_state.conversation = told.conversation AND told.document IS NULL
      )
      INSERT INTO wahook.conversation_state (conversation, document)
      SELECT conversation, document::jsonb FROM told WHERE document IS NOT NULL
      ON CONFLICT (conversation) DO UPDATE SET document = EXCLUDED.document, kept_at = now()`,
    values: [
      writes.map(({ conversation }) => conversation),
      writes.map(({ document }) => (document === null ? null : JSON.stringify(document))),
    ],
  });
}

async function writeCalls(tx: Queryable, writes: readonly CallWrite[]): Promise<void> {
  await tx.query({
    name: 'once-call-write',
    text: `
      WITH told AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::text[]) AS given (job, name, forget, result)),
      gone AS (
        DELETE FROM wahook.once_call USING told WHERE once_call.job = told.job AND once_call.name = told.name AND told.forget
      )
      INSERT INTO wahook.once_call (job, name, result)
      SELECT job, name, result::jsonb FROM told WHERE NOT forget
      ON CONFLICT (job, name) DO UPDATE SET result = EXCLUDED.result, recorded_at = now()`,
    values: [
      writes.map(({ job }) => job),
      writes.map(({ name }) => name),
      writes.map(({ call }) => call === null),
      writes.map(({ call }) => (call?.state === 'done' ? JSON.stringify({ value: call.result }) : null)),
    ],
  });
}
