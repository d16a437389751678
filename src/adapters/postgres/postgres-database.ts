import pg from 'pg';
import { WahookError } from '../../core/errors.ts';
import type { Log } from '../../core/ports/observation.ts';
import { onTheWire } from './binary-array.ts';
import { isConflict, retryConflicts, TransactionConflict } from './conflict-retry.ts';
import type { BossOptions, BossTimeLimits, Database, Queryable, Statement, TransactionOptions } from './database.ts';
import { connectionIsDone, toWahookError } from './sql-errors.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, with `?sslmode=verify-full` and the like. */
  readonly url: string;
  /** Connections at most. pg-boss has its own (`bossPoolSize`). */
  readonly poolSize: number;
  /** Connections at most of pg-boss's own pool, its LISTEN connection not counted. Default 4. */
  readonly bossPoolSize?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly limits: PostgresTimeLimits;
  /** Told about connections that break while nobody uses them. */
  readonly log?: Log;
}

/** In milliseconds. The server gives up before the client: `lockMs` < `statementMs` < `answerMs`. */
interface PostgresTimeLimits {
  readonly connectMs: number;
  readonly lockMs: number;
  readonly statementMs: number;
  readonly answerMs: number;
  readonly idleInTransactionMs: number;
  readonly rollbackMs: number;
  readonly boss: BossTimeLimits;
}

const BOSS_POOL_SIZE = 4;

/** A Postgres server, through a pool of connections. */
export class PostgresDatabase implements Database {
  readonly #options: PostgresOptions;
  readonly #pool: pg.Pool;
  #closed: Promise<void> | undefined;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#pool = new pg.Pool({
      ...connection(options.url, options.limits),
      application_name: options.applicationName,
      max: options.poolSize,
      connectionTimeoutMillis: options.limits.connectMs,
      query_timeout: options.limits.answerMs,
      keepAlive: true,
      types: { getTypeParser },
    });
    // Without a listener an idle connection that breaks ends the process; the pool replaces it by itself.
    this.#pool.on('error', (error) =>
      options.log?.warn('idle database connection lost', { reason: toWahookError(error).message }),
    );
    // The pool takes its listener off a connection in use, whose loss shows in its running or next statement anyway.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  async query<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    return retryConflicts(async () => {
      const client = await this.#connect();
      let failure: unknown;
      try {
        return await run<Row>(client, statement);
      } catch (error) {
        failure = error;
        throw isConflict(error) ? new TransactionConflict(error) : toWahookError(error);
      } finally {
        client.release(failure !== undefined && connectionIsDone(failure));
      }
    });
  }

  async transaction<Result>(
    work: (tx: Queryable) => Promise<Result>,
    { statementMs }: TransactionOptions = {},
  ): Promise<Result> {
    return retryConflicts(async () => {
      const transaction = new Transaction(await this.#connect(), this.#options.limits, statementMs);
      try {
        await transaction.begin();
        const result = await work(transaction);
        await transaction.commit();
        return result;
      } catch (error) {
        await transaction.rollback();
        throw transaction.conflict === undefined ? error : new TransactionConflict(transaction.conflict);
      } finally {
        transaction.release();
      }
    });
  }

  bossOptions(): BossOptions {
    const { url, limits } = this.#options;
    const { connectMs, statementMs } = limits.boss;
    return {
      ...connection(url, { ...limits, statementMs, lockMs: statementMs }),
      application_name: `${this.#options.applicationName} pg-boss`,
      max: this.#options.bossPoolSize ?? BOSS_POOL_SIZE,
      connectionTimeoutMillis: connectMs,
      limits: limits.boss,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    return this.#closed;
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw toWahookError(error);
    }
  }
}

/** One attempt at one transaction on one connection. */
class Transaction implements Queryable {
  readonly #client: pg.PoolClient;
  readonly #limits: PostgresTimeLimits;
  readonly #statementMs: number | undefined;
  #open = true;
  #connectionIsDone = false;
  /** The error by which the server asked for a repetition. */
  conflict: unknown;

  constructor(client: pg.PoolClient, limits: PostgresTimeLimits, statementMs: number | undefined) {
    this.#client = client;
    this.#limits = limits;
    this.#statementMs = statementMs;
  }

  async query<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    if (!this.#open) throw new Error('a statement came after the end of its transaction');
    return this.#run<Row>(statement);
  }

  async begin(): Promise<void> {
    const ms = this.#statementMs;
    const limits = ms === undefined ? '' : `; SET LOCAL statement_timeout = ${ms}; SET LOCAL lock_timeout = ${ms}`;
    await this.#run({ text: `BEGIN${limits}` });
  }

  async commit(): Promise<void> {
    this.#open = false;
    try {
      // If `work` swallowed the error of a statement, the server rolls back and calls that a success.
      const { command } = await this.#client.query('COMMIT');
      if (command !== 'COMMIT') throw new WahookError('storage_unavailable', 'database: the transaction had failed');
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Resolves in any case; a connection that cannot roll back is closed, which makes the server roll back. */
  async rollback(): Promise<void> {
    this.#open = false;
    if (this.#connectionIsDone) return;
    try {
      const query_timeout = this.#limits.rollbackMs;
      const query: pg.QueryConfig & { query_timeout: number } = { text: 'ROLLBACK', query_timeout };
      await this.#client.query(query);
    } catch {
      this.#connectionIsDone = true;
    }
  }

  release(): void {
    this.#client.release(this.#connectionIsDone);
  }

  async #run<Row extends object>(statement: Statement): Promise<readonly Row[]> {
    try {
      return await run<Row>(this.#client, statement, this.#answerMs);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** As much longer than the statement may take as always; undefined for what the pool gives. */
  get #answerMs(): number | undefined {
    const { answerMs, statementMs } = this.#limits;
    return this.#statementMs === undefined ? undefined : this.#statementMs + answerMs - statementMs;
  }

  #failed(error: unknown): WahookError {
    if (error instanceof WahookError) return error;
    if (isConflict(error)) this.conflict = error;
    if (connectionIsDone(error)) this.#connectionIsDone = true;
    return toWahookError(error);
  }
}

async function run<Row extends object>(
  client: pg.PoolClient,
  { name, text, values }: Statement,
  answerMs?: number,
): Promise<readonly Row[]> {
  const result: pg.QueryResult<Row> | readonly pg.QueryResult<Row>[] = await client.query<Row>({
    text,
    ...(name !== undefined && { name }),
    ...(values !== undefined && { values: values.map(onTheWire) }),
    ...(answerMs !== undefined && { query_timeout: answerMs }),
  });
  return Array.isArray(result) ? result.flatMap(({ rows }) => rows) : (result as pg.QueryResult<Row>).rows;
}

/** Settings that a session must have, whatever the defaults of server, database and role are. */
function connection(
  url: string,
  { statementMs, lockMs, idleInTransactionMs }: PostgresTimeLimits,
): { connectionString: string; options: string } {
  const settings = {
    // 200 means durable: a COMMIT that is answered before it is on the disk is none.
    synchronous_commit: 'on',
    // Whoever may create objects in `public` must not be able to put a function in front of ours.
    search_path: 'wahook,pg_catalog',
    // A connection keeps the plans of its statements. By what the server knew of a table that was small or empty, reading all of it was best; a
    // minute of messages later it is not (a worker did 300 messages a second in place of 8,000, measured 2026-11). All on the way of a message
    // look for few rows by an index; where there is none, a table is read all the same; before PostgreSQL 18 at an imagined cost for which JIT would compile the statement.
    enable_seqscan: 'off',
    jit: 'off',
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  };
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  if (!URL.canParse(url)) return { connectionString: url, options: ours.join(' ') };
  // pg lets the URL win over its options, and the server the last setting over the ones before it.
  const parsed = new URL(url);
  const options = [parsed.searchParams.get('options') ?? '', ...ours].join(' ').trim();
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options };
}

/** As pg's own, but for bigint: ours stay far below 2^53, and the embedded Postgres gives numbers too. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === pg.types.builtins.INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text');
