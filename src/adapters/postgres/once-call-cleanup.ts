import type { Database } from './database.ts';

/** Rows a statement: some 50 ms, within the limit of every statement. */
const BATCH = 5_000;

/** Statements a call: so many a process, each hour, are 250,000 calls of the outside an hour. */
const MOST = 50;

/**
 * Removes what was recorded for jobs that cannot run again: all but those that wait or are dead letters. To be called every hour,
 * by each process if need be. Resolves to the number of rows removed. @throws WahookError `storage_unavailable`
 */
export async function removeOldCalls(database: Database): Promise<number> {
  let removed = 0;
  for (let round = 0; round < MOST; round += 1) {
    const rows = await database.query({
      text: `
        DELETE FROM wahook.once_call WHERE ctid = ANY (ARRAY(
          SELECT once_call.ctid FROM wahook.once_call
          WHERE NOT EXISTS (SELECT FROM wahook.inbox WHERE seq = job AND state IN ('waiting', 'dead'))
          LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
        )) RETURNING 1`,
    });
    removed += rows.length;
    if (rows.length < BATCH) break;
  }
  return removed;
}
