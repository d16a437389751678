/**
 * The one way in which this folder talks to a Postgres, server or embedded. Statements are parameterised; `name` makes it
 * a prepared statement (per connection, so give one name to one text only).
 */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface Queryable {
  query<Row extends object>(statement: Statement): Promise<readonly Row[]>;
}

export interface Database extends Queryable {
  /**
   * Runs `work` in one transaction on one connection: committed if it resolves, rolled back if it rejects. All errors of
   * the database become WahookError `storage_unavailable` or `unstorable`; errors of `work` itself pass unchanged.
   * Deadlocks and serialization failures are tried again up to 3 times, so `work` may run more than once.
   * On the embedded Postgres there is one connection only: inside `work` use `tx`, never the database, or wait for ever.
   */
  transaction<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result>;
  /** Calls back for each NOTIFY on `channel` until closed. */
  close(): Promise<void>;
}
