import type { ConstructorOptions } from 'pg-boss';

/**
 * A value for a parameter of type `text[]`. As an array of strings it would be written as one text, each string escaped, and
 * taken apart again by the server; so it goes over the wire in the form in which both keep it, which halves the cost of a
 * message on either side. For texts only: an array for any other type (`uuid[]`, a domain) must be given as it is.
 */
export class TextArray {
  readonly items: readonly string[];

  constructor(items: readonly string[]) {
    this.items = items;
  }
}

/** The same for `bytea[]`. */
export class BytesArray {
  readonly items: readonly Uint8Array[];

  constructor(items: readonly Uint8Array[]) {
    this.items = items;
  }
}

/**
 * SQL with its parameters. `name` makes it a prepared statement (per connection, so give one name to one text only; the
 * embedded Postgres ignores it). Without `values` the text may hold several statements separated by `;`.
 *
 * The same values work on a server and embedded: number, string, boolean, Date, Uint8Array, null and arrays of them, and
 * `TextArray` and `BytesArray`.
 * JSON is given as text (`JSON.stringify`) for a `jsonb` parameter.
 */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface Queryable {
  /**
   * Resolves to the rows, those of several statements one after the other. `bigint` columns come as number, `bytea` as
   * Uint8Array, `timestamptz` as Date, `json` and `jsonb` parsed, `numeric` as string.
   *
   * @throws WahookError `storage_unavailable` or `unstorable`, see sql-errors.ts
   */
  query<Row extends object>(statement: Statement): Promise<readonly Row[]>;
}

export interface TransactionOptions {
  /** Limit of each statement and of each wait for a lock inside, where 3 s and 2 s are too short. Server only. */
  readonly statementMs?: number;
}

/** In milliseconds, for the pool of pg-boss. `longAnswerMs` is for what may take as long as the server allows. */
export interface BossTimeLimits {
  readonly connectMs: number;
  readonly statementMs: number;
  readonly answerMs: number;
  readonly longAnswerMs: number;
  readonly listenAgainMs: number;
}

/** Either with a `db` of its own, or with what a pool on a server needs, `limits` among it. */
export type BossOptions = ConstructorOptions & { readonly limits?: BossTimeLimits };

/** The one way in which this folder talks to a Postgres, server or embedded. */
export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction on one connection: committed if it resolves, rolled back if it rejects. All errors of
   * the database become WahookError `storage_unavailable` or `unstorable`; errors of `work` itself pass unchanged.
   * Deadlocks and serialization failures are tried again up to 3 times, so `work` may run more than once.
   * On the embedded Postgres there is one connection only: inside `work` use `tx`, never the database, or wait for ever.
   * `tx` is of no use after `work` has settled: its statements are refused then.
   */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>, options?: TransactionOptions): Promise<Result>;

  /**
   * What a pg-boss of its own needs to work on this database: on a server a connection string and limits for a pool of its
   * own (then it can LISTEN, and it sees the server's own errors, which it needs), embedded the one connection. Its
   * statements inside one of our transactions go through `asBossDb(tx)` instead.
   */
  bossOptions(): BossOptions;

  /** Waits for what is running and gives up all connections. Repeating it is harmless. */
  close(): Promise<void>;
}
