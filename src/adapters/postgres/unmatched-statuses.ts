import { DELIVERY_ORDER, MOST_RESENDS, UNMATCHED_DAYS } from '../../core/delivery-status.ts';
import type { Database, Queryable } from './database.ts';
import { removeRows } from './remove-rows.ts';

const ORDER = `ARRAY[${DELIVERY_ORDER.map((delivery) => `'${delivery}'`).join(', ')}]`;

/** In SQL: 1 for the lowest delivery state; NULL for none. */
export function rankOf(delivery: string): string {
  return `array_position(${ORDER}, ${delivery})`;
}

/** In SQL: the delivery state with this rank, the highest if there are several; NULL for none. */
export function deliveryOf(...ranks: readonly string[]): string {
  return `(${ORDER})[GREATEST(${ranks.join(', ')})]`;
}

/** In SQL: what is kept about the message with this wamid, at most one row; found by the primary key, whatever the planner believes. */
export function keptAbout(wamid: string): string {
  return `LATERAL (SELECT delivery, error, resend FROM wahook.unmatched_status WHERE wamid = ${wamid} LIMIT 1)`;
}

/**
 * In SQL: our message with this wamid, at most one row. Without statistics the planner believes that thousands have it, and reads all
 * messages at once or walks along the primary key to the first one; asked as a range and in its order, it is looked for by its index. Only
 * of a table that it knows to be small it would read all rows each time: migration 0009 sees to it that autovacuum never says so.
 */
export function sentUnder(wamid: string): string {
  return `LATERAL (SELECT seq FROM wahook.outbox WHERE wamid BETWEEN ${wamid} AND ${wamid} ORDER BY wamid, seq LIMIT 1)`;
}

/**
 * In SQL: the ids under which Meta took a send and then reported it as failed, each once, the last one last. A process of the version
 * before migration 0009 writes and reads the last one alone, in `refused_wamid`: while such ones may run, both columns are kept.
 */
export function refusedIds(item: string): string {
  return `array_remove(array_remove(${item}.refused_wamids, ${item}.refused_wamid) || ${item}.refused_wamid, NULL)`;
}

/**
 * In SQL: messages that Meta took and then could not deliver wait again, at their old place. Once for each id of Meta's, however often
 * its status comes. Locked in the order in which everybody locks them. `told`: a table of (wamid text, resend jsonb).
 */
export function resendOf(told: string): string {
  const refused = refusedIds('item');
  return `
    WITH told AS (
      SELECT given.wamid, given.resend, named.seq FROM ${told} AS given JOIN ${sentUnder('given.wamid')} AS named ON true
    )
    UPDATE wahook.outbox AS item SET state = 'waiting', failures = failures + 1, claimed = false, under_way = false,
      settled_at = NULL, wamid = NULL, delivery = NULL, delivery_error = NULL, last_error = told.resend -> 'error',
      refused_wamids = (${refused} || item.wamid)[GREATEST(1, cardinality(${refused}) + 2 - ${MOST_RESENDS}):],
      refused_wamid = item.wamid,
      next_attempt_at = now() + (told.resend ->> 'afterMs')::float8 * interval '1 ms'
    FROM told
    WHERE item.seq = told.seq AND item.wamid = told.wamid AND item.state = 'done' AND item.delivery = 'failed'
      AND item.seq = ANY (ARRAY(SELECT seq FROM wahook.outbox WHERE seq = ANY (ARRAY(SELECT seq FROM told)) ORDER BY seq FOR UPDATE))
      AND item.failures < (told.resend ->> 'limit')::integer
      AND (told.resend ->> 'only' IS DISTINCT FROM 'link' OR jsonb_path_exists(item.payload, '$.content.**.link'))`;
}

/** Sends again those of the messages with these wamids about which a failure is kept that allows it. */
export async function resendKept(tx: Queryable, wamids: readonly string[]): Promise<void> {
  if (wamids.length === 0) return;
  const kept =
    'SELECT wamid, resend FROM wahook.unmatched_status WHERE wamid = ANY ($1::text[]) AND resend IS NOT NULL';
  await tx.query({ text: resendOf(`(${kept})`), values: [wamids] });
}

/** A settlement that does not see a status which was stored at the same moment is over by then: it has some statements of 3 s. */
const SETTLED_AFTER = `interval '5 minutes'`;

/** An hour's worth may be some million rows. */
const STATEMENT_MS = 60_000;

/** A last call that is yet to come is of before the clock was set back: then all of it. */
const NEW = `kept_at > (SELECT CASE WHEN due_until <= now() THEN due_until ELSE '-infinity' END FROM wahook.sweep
             WHERE queue = 'unmatched statuses') AND kept_at <= now() - ${SETTLED_AFTER}`;

const JOIN = `
  WITH late AS (
    SELECT item.seq, kept.delivery, kept.error
    FROM wahook.unmatched_status AS kept JOIN ${sentUnder('kept.wamid')} AS item ON true
    WHERE ${NEW}
  ), locked AS (
    SELECT seq FROM wahook.outbox WHERE seq IN (SELECT seq FROM late) ORDER BY seq FOR UPDATE
  )
  UPDATE wahook.outbox AS item SET
    delivery = ${deliveryOf(rankOf('item.delivery'), rankOf('late.delivery'))},
    delivery_error = COALESCE(item.delivery_error, late.error)
  FROM late JOIN locked USING (seq)
  WHERE item.seq = late.seq
    AND (COALESCE(${rankOf('item.delivery')}, 0) < ${rankOf('late.delivery')} OR (item.delivery_error IS NULL AND late.error IS NOT NULL))
  RETURNING 1`;

/**
 * Statuses are joined by whoever gives a row of the outbox its wamid: it looks here in the statement that does so. A status that is
 * stored while the transaction of that statement is under way is not seen by it, nor is the wamid by the status. Nearly always the
 * status itself finds it 3 s later, in the lane of its recipient; where the transaction took longer, this does: it looks once more
 * at everything that was kept since the last call.
 *
 * So neither side takes a lock or a round trip for it: 3 µs a settled send, and 8 µs a status that is kept, with none kept as with 500,000
 * (measured 2026-11). A lock that both take would let each status of other software hold up settlements; a look of the settlement after its
 * COMMIT would be one more statement, and missing if the process dies before it.
 *
 * To be called every hour, by each process if need be: one does it. Resolves to the number of messages joined.
 *
 * @throws WahookError `storage_unavailable`; the next call makes up for it
 */
export function joinUnmatched(database: Database): Promise<number> {
  return database.transaction(
    async (tx) => {
      const turn = `SELECT FROM wahook.sweep WHERE queue = 'unmatched statuses' FOR UPDATE SKIP LOCKED`;
      if ((await tx.query({ text: turn })).length === 0) return 0;
      const joined = await tx.query({ text: JOIN });
      const kept = `SELECT wamid, resend FROM wahook.unmatched_status WHERE resend IS NOT NULL AND ${NEW}`;
      await tx.query({ text: resendOf(`(${kept})`) });
      await tx.query({
        text: `UPDATE wahook.sweep SET due_until = now() - ${SETTLED_AFTER} WHERE queue = 'unmatched statuses'`,
      });
      return joined.length;
    },
    { statementMs: STATEMENT_MS },
  );
}

/** Removes what is too old to be joined. For every hour. Resolves to the number of rows removed. @throws WahookError `storage_unavailable` */
export function forgetUnmatched(database: Database): Promise<number> {
  return removeRows(database, 'wahook.unmatched_status', `kept_at < now() - interval '${UNMATCHED_DAYS} days'`);
}
