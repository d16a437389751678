import { hash } from 'node:crypto';
import type { EventKey } from '../../core/model.ts';
import type { DedupResult, DedupStore, Unit } from '../../core/ports/receiving.ts';
import { BytesArray, type Database, type Queryable } from './database.ts';
import { committed, unitOf } from './postgres-unit.ts';

/** 128 bits: among 10^12 keys the chance that any two meet is 10^-15. Half a SHA-256 is half an index. */
const DIGEST_BYTES = 16;

/**
 * Sorted, because two transactions that insert the same keys in different orders wait for each other. What comes back is
 * what was inserted: a key that another open transaction has inserted is waited for, and is then a duplicate if that one
 * committed, else inserted here.
 */
export const RECORD_KEYS = `
  INSERT INTO wahook.event_key (day, digest)
  SELECT day, digest FROM unnest($1::integer[], $2::bytea[]) AS key (day, digest) ORDER BY day, digest
  ON CONFLICT DO NOTHING
  RETURNING digest`;

/**
 * The authority on what was accepted: a unique key in Postgres, written in one transaction with whatever `work` stores
 * through `queryableOf(unit, database)`. Never answers `busy`: a concurrent caller waits for the first one's commit, at
 * most 2 s (then `storage_unavailable`).
 *
 * A transaction that Postgres gave up for a deadlock is run again with its `work`, whose first run has left no trace in the
 * database. Keys are forgotten by `maintainEventKeys`.
 */
export class PostgresDedupStore implements DedupStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async once(
    keys: readonly EventKey[],
    work: (fresh: readonly string[], unit: Unit) => Promise<void>,
  ): Promise<DedupResult> {
    const byDigest = new Map(keys.map((key) => [digestOf(key).toString('hex'), key]));
    if (byDigest.size === 0) return { fresh: [], duplicate: [], busy: [] };
    // Of the last run, if there were several: the others left nothing.
    let unit: Unit | undefined;
    const result = await this.#database.transaction(async (tx) => {
      unit = unitOf(this.#database, tx);
      const recorded = await record(tx, byDigest);
      const ids = [...byDigest].map(([digest, { id }]) => ({ id, isFresh: recorded.has(digest) }));
      const fresh = ids.filter(({ isFresh }) => isFresh).map(({ id }) => id);
      if (fresh.length > 0) await work(fresh, unit);
      return { fresh, duplicate: ids.filter(({ isFresh }) => !isFresh).map(({ id }) => id), busy: [] };
    });
    if (unit !== undefined) committed(unit);
    return result;
  }
}

/** The digests, in hex, of the keys that are recorded now and were not before. */
async function record(tx: Queryable, byDigest: ReadonlyMap<string, EventKey>): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ readonly digest: Uint8Array }>({
    name: 'event-key-record',
    text: RECORD_KEYS,
    values: [
      [...byDigest.values()].map(({ day }) => day),
      new BytesArray([...byDigest.keys()].map((digest) => Buffer.from(digest, 'hex'))),
    ],
  });
  return new Set(rows.map(({ digest }) => Buffer.from(digest).toString('hex')));
}

/** What is stored of a key's id. */
export function digestOf({ id }: EventKey): Buffer {
  return hash('sha256', id, 'buffer').subarray(0, DIGEST_BYTES);
}
