import type { PGlite, Transaction as PgliteTransaction } from '@electric-sql/pglite';
import { type ConstructorOptions, fromPglite } from 'pg-boss';
import { BytesArray, type Database, type Queryable, type Statement, TextArray } from './database.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import { toWahookError } from './sql-errors.ts';

export interface PgliteOptions {
  /** Where the data lies; in memory, gone at the end, if not given. */
  readonly folder?: string;
  /** A dump (`PgliteDatabase.dump`) to start from instead of an empty database. */
  readonly from?: Blob;
}

/**
 * An embedded Postgres (PGlite: Postgres compiled to WebAssembly) for development and tests. It has one connection, which
 * transactions and statements take in turns.
 */
export class PgliteDatabase implements Database {
  readonly #pglite: PGlite;
  readonly #lock: FolderLock | undefined;
  #closed: Promise<void> | undefined;

  private constructor(pglite: PGlite, lock: FolderLock | undefined) {
    this.#pglite = pglite;
    this.#lock = lock;
  }

  /** @throws WahookError `already_running` if another process has the folder open, `storage_unavailable` if it is damaged. */
  static async open({ folder, from }: PgliteOptions = {}): Promise<PgliteDatabase> {
    const lock = folder === undefined ? undefined : await lockFolder(folder);
    try {
      // 20 MB of WebAssembly that a service with a server never needs.
      const { PGlite } = await import('@electric-sql/pglite');
      const pglite = await PGlite.create({
        ...(folder !== undefined && { dataDir: folder }),
        ...(from !== undefined && { loadDataDir: from }),
      });
      await pglite.exec('SET search_path = wahook, pg_catalog; SET enable_seqscan = off');
      return new PgliteDatabase(pglite, lock);
    } catch (error) {
      await lock?.release();
      throw toWahookError(error);
    }
  }

  async query<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    return run<Row>(this.#pglite, statement);
  }

  /** Without other connections there are no deadlocks and nothing to run again. */
  async transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    let rejection: { readonly error: unknown } | undefined;
    const inside = async (pgliteTx: PgliteTransaction) => {
      const tx = new Transaction(pgliteTx);
      try {
        return await work(tx);
      } catch (error) {
        rejection = { error };
        throw error;
      } finally {
        tx.close();
      }
    };
    try {
      return await this.#pglite.transaction(inside);
    } catch (error) {
      // An error of BEGIN or COMMIT; PGlite rejects, as we do, if COMMIT rolled back because `work` swallowed an error.
      throw rejection === undefined ? toWahookError(error) : rejection.error;
    }
  }

  /** pg-boss shares the one connection: a call of it that is awaited inside a transaction of ours waits for ever. */
  bossOptions(): ConstructorOptions {
    return { db: fromPglite(this.#pglite), backend: 'pglite' };
  }

  /** The whole database as one file, for `PgliteOptions.from`. */
  dump(): Promise<Blob> {
    return this.#pglite.dumpDataDir('none');
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    try {
      await this.#pglite.close();
    } finally {
      await this.#lock?.release();
    }
  }
}

class Transaction implements Queryable {
  readonly #tx: PgliteTransaction;
  #open = true;

  constructor(tx: PgliteTransaction) {
    this.#tx = tx;
  }

  async query<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    if (!this.#open) throw new Error('a statement came after the end of its transaction');
    return run<Row>(this.#tx, statement);
  }

  close(): void {
    this.#open = false;
  }
}

async function run<Row extends object>(
  pglite: Pick<PGlite, 'query' | 'exec'>,
  { text, values }: Statement,
): Promise<readonly Row[]> {
  try {
    if (values !== undefined) return (await pglite.query<Row>(text, values.map(plain))).rows;
    return (await pglite.exec(text)).flatMap(({ rows }) => rows as Row[]);
  } catch (error) {
    throw toWahookError(error);
  }
}

function plain(value: unknown): unknown {
  return value instanceof TextArray || value instanceof BytesArray ? [...value.items] : value;
}
