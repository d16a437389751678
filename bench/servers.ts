import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type PostgresServer, startPostgresServer } from '../tests/support/postgres-server.ts';
import { type RedisServer, startRedisServer } from '../tests/support/redis.ts';

/**
 * As docs/performance.md advises for production, as far as a small machine allows; fsync and synchronous_commit are on, as
 * by default. The same for all that is measured. The statistics of statements cost each of them some microseconds.
 */
const SETTINGS = {
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '30min',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_utility': 'on',
};

/** A database of a subject's own. */
export interface BenchDatabase {
  readonly url: string;
  /** What it has done since the last call. */
  work(): Promise<DatabaseWork>;
  drop(): Promise<void>;
}

/** Of one database; the WAL is that of the server, on which one subject works at a time. */
interface DatabaseWork {
  readonly statements: number;
  readonly commits: number;
  readonly walBytes: number;
}

let postgres: Promise<PostgresServer> | undefined;
const redis = new Map<RedisKind, Promise<RedisServer>>();

/** The one PostgreSQL of this run, started at the first call and gone with the process. */
export function postgresServer(): Promise<PostgresServer> {
  postgres ??= startPostgresServer({ settings: SETTINGS });
  return postgres;
}

/** `cache` keeps nothing, the others have an append-only file that is synced so. */
export type RedisKind = 'cache' | 'everysec' | 'always';

/** One Redis of each kind, emptied at each call. */
export async function emptyRedis(kind: RedisKind): Promise<RedisServer> {
  const kept = redis.get(kind);
  if (kept !== undefined) await (await kept).stop();
  const started = startRedisServer(undefined, kind === 'cache' ? {} : { durable: true, sync: kind });
  redis.set(kind, started);
  return await started;
}

/** An empty database, right after a checkpoint: none will come while it is measured. */
export async function freshDatabase(): Promise<BenchDatabase> {
  const { url } = await postgresServer();
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const own = new URL(url);
  own.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await client.query('CHECKPOINT');
  return {
    url: own.href,
    work: async () => {
      const { rows } = await client.query(WORK, [name]);
      await client.query("SELECT pg_stat_statements_reset(), pg_stat_reset_shared('wal')");
      const [row] = rows as [{ statements: string; commits: string; wal: string }];
      return { statements: Number(row.statements), commits: Number(row.commits), walBytes: Number(row.wal) };
    },
    drop: async () => {
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await client.end();
    },
  };
}

/** Commits that wrote something are those of the statements of a pool that were COMMITs. */
const WORK = `
  SELECT COALESCE(sum(calls), 0) AS statements,
         COALESCE(sum(calls) FILTER (WHERE query ILIKE 'INSERT INTO wahook.event_key%' OR query ILIKE '%INTO wahook.event_key%'), 0)
           AS commits,
         (SELECT wal_bytes FROM pg_stat_wal) AS wal
  FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)`;
