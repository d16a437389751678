import pg from 'pg';
import type { Db } from 'pg-boss';
import { bossStatementName } from './boss-db.ts';
import type { BossOptions, BossTimeLimits } from './database.ts';
import { toWahookError } from './sql-errors.ts';

/** Told the name of a queue of pg-boss that got a job; `undefined`: news may have been missed, look everywhere. */
type Bell = (bossQueue: string | undefined) => void;

/**
 * The database as pg-boss sees it, with a bell. pg-boss takes a notification of a new job only to wake all workers of a
 * queue at once; hearing it ourselves, one fetch answers it (see LaneConsumer).
 */
export interface BossConnection {
  readonly db: Db;
  /** Calls back for each notification once pg-boss listens. */
  onBell(bell: Bell): void;
  /** Ends the pool made here; an embedded database is left to its owner. */
  close(): Promise<void>;
}

/** pg-boss's fetch has no parameters; everything else without any may be several statements, which cannot be prepared. */
const FETCH = /^\s*WITH\s+next AS/;

/**
 * Makes a fetch read its index in order and stop at the limit. A table that was never analysed looks so small that the
 * planner would rather read and sort everything that waits: 600 ms a fetch at 20,000 lanes instead of 1 ms (measured
 * 2026-11).
 */
const INDEX_ORDER = '-c enable_bitmapscan=off -c enable_sort=off -c enable_material=off';

/** `boss`: `Database.bossOptions()`. */
export function openBossConnection(boss: BossOptions, report: (reason: string) => void): BossConnection {
  const bells = new Set<Bell>();
  const { limits, db: embedded, ...options } = boss;
  const { db, close } =
    limits === undefined ? { db: embedded as Db, close: async () => {} } : serverDb(options, limits, report);
  const { listen } = db;
  return {
    db: {
      executeSql: (text, values) => db.executeSql(text, values),
      ...(listen && {
        listen: (channel: string, heard: (payload: string) => void, connected: () => void) =>
          listen.call(
            db,
            channel,
            (payload) => {
              heard(payload);
              for (const bell of bells) bell(payload);
            },
            () => {
              connected();
              for (const bell of bells) bell(undefined);
            },
          ),
      }),
    },
    onBell: (bell) => void bells.add(bell),
    close,
  };
}

function serverDb(
  options: BossOptions,
  limits: BossTimeLimits,
  report: (reason: string) => void,
): { db: Db; close(): Promise<void> } {
  // pg-boss hands the same options to a pool of pg when it makes one itself.
  const config = {
    ...options,
    options: [options.options, INDEX_ORDER].join(' '),
    keepAlive: true,
    query_timeout: limits.longAnswerMs,
  } as pg.PoolConfig;
  const pool = new pg.Pool(config);
  pool.on('error', (error) => report(toWahookError(error).message));
  // Raw errors: pg-boss takes SQLSTATE 23505 at a fetch for "somebody else was faster".
  const executeSql: Db['executeSql'] = (text, values) => {
    if (!values?.length && !FETCH.test(text)) return pool.query(text);
    const query: pg.QueryConfig & { query_timeout: number } = {
      ...{ name: bossStatementName(text), text, values: [...(values ?? [])] },
      query_timeout: limits.answerMs,
    };
    return pool.query(query);
  };
  return {
    db: {
      executeSql,
      listen: (channel, heard, connected) => new Listener(config, channel, limits, { heard, connected, report }).open(),
    },
    close: () => pool.end(),
  };
}

interface ListenerCalls {
  readonly heard: (payload: string) => void;
  readonly connected: () => void;
  readonly report: (reason: string) => void;
}

/** Listens on a connection of its own and goes on trying until closed: a failure costs latency, never a job. */
class Listener {
  readonly #config: pg.ClientConfig;
  readonly #channel: string;
  readonly #limits: BossTimeLimits;
  readonly #calls: ListenerCalls;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(config: pg.ClientConfig, channel: string, limits: BossTimeLimits, calls: ListenerCalls) {
    this.#config = config;
    this.#channel = channel;
    this.#limits = limits;
    this.#calls = calls;
  }

  async open(): Promise<this> {
    const client = new pg.Client(this.#config);
    this.#client = client;
    client.on('error', (error) => this.#broken(client, error));
    client.on('end', () => this.#broken(client, undefined));
    client.on('notification', ({ payload }) => payload !== undefined && this.#calls.heard(payload));
    try {
      await client.connect();
      await client.query(`LISTEN "${this.#channel}"`);
      if (!this.#closed) this.#calls.connected();
    } catch (error) {
      this.#broken(client, error);
    }
    return this;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => {});
  }

  #broken(client: pg.Client, error: unknown): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    this.#calls.report(toWahookError(error).message);
    client.end().catch(() => {});
    this.#timer = setTimeout(() => void this.open(), this.#limits.listenAgainMs);
  }
}
