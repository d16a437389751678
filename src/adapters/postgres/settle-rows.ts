import type { QueueName, Settlement } from '../../core/ports/queue.ts';
import { NUMBER_STOPPED } from '../../core/send-limits.ts';
import type { Queryable } from './database.ts';
import { STILL_WAITS } from './lane-rows.ts';
import { deliveryOf, keptAbout, rankOf, refusedIds, resendKept } from './unmatched-statuses.ts';

/** A row and what becomes of it. */
export type SettledRow = readonly [seq: number, settlement: Settlement];

const LOCKED_IN_ORDER = 'ARRAY(SELECT seq FROM wahook.outbox WHERE seq = ANY ($1::bigint[]) ORDER BY seq FOR UPDATE)';

/** Meta has not reported the attempt as failed under the very id that it answers with. */
const NOT_REFUSED = `(told.detail IS NULL OR told.detail <> ALL (${refusedIds('item')}))`;

/** A send gets its wamid, and what is kept about that. */
const NAMED = `
  wamid = COALESCE(told.detail, item.wamid),
  delivery = ${deliveryOf(rankOf('item.delivery'), rankOf('kept.delivery'))},
  delivery_error = COALESCE(item.delivery_error, kept.error)`;

/**
 * Writes what became of claimed rows. A row that was settled meanwhile (a status proved that a message was sent) stays
 * as it is, and so does a send that waits again because a status told sooner than Meta's answer that this attempt has failed.
 * Sends are locked in order, since statuses are applied to them meanwhile; one that gets its wamid is joined with what statuses
 * have said about that.
 */
export async function settleRows(tx: Queryable, queue: QueueName, settled: readonly SettledRow[]): Promise<void> {
  const outbox = queue === 'outbound';
  const resumed = outbox ? await resumedMeanwhile(tx, settled) : new Set<number>();
  const rows = await tx.query<{ failed: string }>({
    name: `${queue}-settle`,
    text: `
      WITH settled AS (
        UPDATE wahook.${outbox ? 'outbox' : 'inbox'} AS item SET
          state = told.state,
          failures = failures + told.counted,
          claimed = false,
          under_way = false,
          interruptions = 0,
          next_attempt_at = now() + told.in_ms * interval '1 ms',
          last_error = told.error::jsonb,
          settled_at = CASE WHEN told.state <> 'waiting' THEN now() END,
          ${outbox ? NAMED : 'lane = COALESCE(told.detail, item.lane)'}
        FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::float8[], $5::text[], $6::text[])
          AS told (seq, state, counted, in_ms, error, detail)
          ${outbox ? `LEFT JOIN ${keptAbout('told.detail')} AS kept ON true` : ''}
        WHERE item.seq = told.seq ${outbox ? `AND item.seq = ANY (${LOCKED_IN_ORDER}) AND ${NOT_REFUSED}` : ''} AND ${STILL_WAITS}
        RETURNING ${outbox ? 'CASE WHEN kept.resend IS NOT NULL THEN item.wamid END' : 'NULL'} AS failed
      )
      SELECT failed FROM settled WHERE failed IS NOT NULL`,
    values: [
      settled.map(([seq]) => seq),
      settled.map(([, { outcome }]) => (outcome === 'retry' || outcome === 'moved' ? 'waiting' : outcome)),
      settled.map(([, it]) => (it.outcome === 'retry' && it.counted ? 1 : 0)),
      settled.map(([seq, it]) => (resumed.has(seq) ? 0 : 'inMs' in it ? it.inMs : null) ?? null),
      settled.map(([, it]) => ('error' in it && it.error ? JSON.stringify(it.error) : null)),
      settled.map(([, it]) => (it.outcome === 'moved' ? it.lane : it.outcome === 'done' ? it.messageId : null) ?? null),
    ],
  });
  await resendKept(
    tx,
    rows.map(({ failed }) => failed),
  );
}

/**
 * Those that wait for a stopped number which sends again: whoever resumed it could not wake them, since they were claimed. The lock
 * makes a resume that is under way go first or wait, so that none falls between the two. Numbers are locked before sends, as there.
 */
async function resumedMeanwhile(tx: Queryable, settled: readonly SettledRow[]): Promise<ReadonlySet<number>> {
  const stopped = settled.filter(([, it]) => it.outcome === 'retry' && it.error.code === NUMBER_STOPPED);
  if (stopped.length === 0) return new Set();
  const rows = await tx.query<{ seq: number; resumed: boolean }>({
    name: 'outbound-resumed-meanwhile',
    text: `SELECT item.seq, number.stopped IS NULL AS resumed
           FROM wahook.outbox AS item JOIN wahook.sending_number AS number ON number.phone_number_id = split_part(item.lane, '|', 1)
           WHERE item.seq = ANY ($1::bigint[])
           ORDER BY number.phone_number_id FOR SHARE OF number`,
    values: [stopped.map(([seq]) => seq)],
  });
  return new Set(rows.filter(({ resumed }) => resumed).map(({ seq }) => seq));
}
