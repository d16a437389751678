import { createHash } from 'node:crypto';
import type { Db } from 'pg-boss';
import type { Queryable } from './database.ts';

/**
 * Lets pg-boss run statements inside our transaction: `boss.insert(queue, jobs, { db: asBossDb(tx) })`. Valid as long as
 * `tx` is.
 */
export function asBossDb(tx: Queryable): Db {
  return {
    async executeSql(text, values) {
      // Without values a text of pg-boss may hold several statements; it passes an empty list as well as none.
      const rows = await tx.query(values?.length ? { name: bossStatementName(text), text, values } : { text });
      return { rows: [...rows] };
    },
  };
}

const names = new Map<string, string>();

/**
 * A name by which a statement of pg-boss can be prepared, so that it is planned once a connection: planning is most of its
 * cost (2 of 3 ms of PostgreSQL for a lane from wake-up to settlement, measured 2026-11). pg-boss puts the names of queues
 * and limits into its texts but no data, so there are a few dozen of them.
 */
export function bossStatementName(text: string): string {
  const name = names.get(text) ?? `boss-${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
  names.set(text, name);
  return name;
}
