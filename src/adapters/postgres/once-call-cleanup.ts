import type { Database } from './database.ts';
import { removeRows } from './remove-rows.ts';

/**
 * Removes what was recorded for jobs that cannot run again: all but those that wait or are dead letters. To be called every hour,
 * by each process if need be. Resolves to the number of rows removed. @throws WahookError `storage_unavailable`
 */
export function removeOldCalls(database: Database): Promise<number> {
  const isOver = `NOT EXISTS (SELECT FROM wahook.inbox WHERE seq = job AND state IN ('waiting', 'dead'))`;
  return removeRows(database, 'wahook.once_call', isOver);
}
