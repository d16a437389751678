import type { Database } from './database.ts';

/** Rows a statement: some 50 ms of writing, so that nobody who wants one of them waits for long. */
const BATCH = 5_000;

/** Statements a call: a million rows, so that an hourly call keeps up with 250 a second. */
const MOST = 200;

/** Finding the rows may read a whole table, which takes longer than an answer to a webhook may. */
const STATEMENT_MS = 60_000;

/**
 * Removes the rows of `table` that meet `condition` (SQL, both of the program's own), batch after batch; those that somebody holds are
 * left for the next call. For every hour, by each process if need be. Resolves to how many were removed.
 *
 * @throws WahookError `storage_unavailable`; what was removed before stays removed
 */
export async function removeRows(database: Database, table: string, condition: string): Promise<number> {
  const text = `
    DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    )) RETURNING 1`;
  let removed = 0;
  for (let round = 0; round < MOST; round += 1) {
    const rows = await database.transaction((tx) => tx.query({ text }), { statementMs: STATEMENT_MS });
    removed += rows.length;
    if (rows.length < BATCH) break;
  }
  return removed;
}
