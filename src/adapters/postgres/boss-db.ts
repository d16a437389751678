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
      const rows = await tx.query(values?.length ? { text, values } : { text });
      return { rows: [...rows] };
    },
  };
}
