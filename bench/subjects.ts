import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { Content } from './load.ts';
import { type ServiceUnderTest, startCeiling, startPeer, startService } from './processes.ts';
import { type BenchDatabase, emptyRedis, freshDatabase, postgresServer, type RedisKind } from './servers.ts';
import { SENT } from './webhooks.ts';

/** Something that takes webhooks, started on stores of its own. */
export interface Running {
  /** Those that take webhooks. */
  readonly receivers: readonly ServiceUnderTest[];
  readonly database?: BenchDatabase;
  /** First processes of the servers behind it. */
  readonly stores: readonly number[];
  /** Messages and statuses that wait for its workers; absent: it has none. */
  waiting?(): Promise<number>;
  /** Stops all of it and removes its data. */
  stop(): Promise<void>;
}

export interface Subject {
  /** For `--only`. */
  readonly id: string;
  readonly name: string;
  /** Whether what it has answered with 200 survives the loss of the machine's power. */
  readonly durable: 'yes' | 'no' | '1 s';
  readonly content: Content;
  /** Offered rates, in webhooks a second; none: it is measured at its limit alone. */
  readonly rates: readonly number[];
  start(): Promise<Running>;
}

type Environment = Readonly<Record<string, string>>;

const RATES = [500, 1_000, 2_000, 4_000];

/** What Meta sends to a business that sends: three statuses of each message sent, and what its customers write. */
export const MIX: Content = { statusesPerMessage: 3 };

const MESSAGES: Content = {};
const RECYCLED: Content = { recycled: true };

export const CEILINGS: readonly Subject[] = [
  {
    ...{ id: 'bare-http', name: 'bare node:http, nothing read', durable: 'no', content: RECYCLED, rates: [] },
    start: async () => alone(await startCeiling('bare-server.ts')),
  },
  {
    ...{ id: 'express', name: 'Express: raw body, HMAC, parse', durable: 'no', content: RECYCLED, rates: [4_000] },
    start: async () => alone(await startCeiling('express-server.ts')),
  },
];

export const WAHOOK: readonly Subject[] = [
  {
    ...{ id: 'postgres', name: 'wahook on PostgreSQL', durable: 'yes', content: MESSAGES, rates: RATES },
    start: () => onPostgres({ receivers: 1 }),
  },
  {
    ...{
      id: 'postgres-redis',
      name: 'wahook, PostgreSQL and Redis',
      durable: 'yes',
      content: MESSAGES,
      rates: [4_000],
    },
    start: () => onPostgres({ receivers: 1, withRedis: true }),
  },
  {
    ...{ id: 'two-web', name: 'wahook, two web processes', durable: 'yes', content: MESSAGES, rates: [4_000] },
    start: () => onPostgres({ receivers: 2 }),
  },
  {
    ...{ id: 'worker', name: 'wahook, a worker draining beside', durable: 'yes', content: MESSAGES, rates: RATES },
    start: () => onPostgres({ receivers: 1, workers: 1 }),
  },
  {
    ...{ id: 'pglite', name: 'wahook on PGlite', durable: 'yes', content: MESSAGES, rates: [] },
    start: () => inOneProcess('pglite'),
  },
  {
    ...{ id: 'memory', name: 'wahook in memory', durable: 'no', content: MESSAGES, rates: [] },
    start: () => inOneProcess('memory'),
  },
];

/** As their documentation tells a user to do it, see bench/peers. */
export const PEERS: readonly Subject[] = [
  {
    ...{ id: 'pg-boss', name: 'Express + pg-boss, send per request', durable: 'yes', content: MESSAGES, rates: RATES },
    start: () => peerOnPostgres('pg-boss-defaults'),
  },
  {
    ...{ id: 'bullmq-always', name: 'Express + BullMQ, AOF always', durable: 'yes', content: MESSAGES, rates: RATES },
    start: () => peerOnRedis('bullmq-jobid', 'always'),
  },
  {
    ...{
      id: 'bullmq-everysec',
      name: 'Express + BullMQ, AOF everysec',
      durable: '1 s',
      content: MESSAGES,
      rates: [4_000],
    },
    start: () => peerOnRedis('bullmq-jobid', 'everysec'),
  },
  {
    ...{
      id: 'graphile-worker',
      name: 'Fastify + Graphile Worker, job_key',
      durable: 'yes',
      content: MESSAGES,
      rates: RATES,
    },
    start: () => peerOnPostgres('graphile-worker'),
  },
  {
    ...{ id: 'whatsapp-api-js', name: 'whatsapp-api-js + pg-boss', durable: 'yes', content: MESSAGES, rates: RATES },
    start: () => peerOnPostgres('whatsapp-api-js-queue'),
  },
];

export const SUBJECTS: readonly Subject[] = [...CEILINGS, ...WAHOOK, ...PEERS];

function alone(receiver: ServiceUnderTest): Running {
  return { receivers: [receiver], stores: [], stop: () => receiver.stop() };
}

/** So many web processes on one database. What they do not take in the role `worker` waits. */
export async function onPostgres(
  {
    receivers,
    workers = 0,
    withRedis = false,
  }: { readonly receivers: number; readonly workers?: number; readonly withRedis?: boolean },
  nodeArgs: readonly string[] = [],
): Promise<Running> {
  const [database, server] = [await freshDatabase(), await postgresServer()];
  const redis = withRedis ? await emptyRedis('cache') : undefined;
  const env = { STORE: 'postgres', DATABASE_URL: database.url, ...(redis && { REDIS_URL: redis.url }) };
  const start = async (role: string, count: number) => {
    const started: ServiceUnderTest[] = [];
    // One after the other: the first one makes the schema.
    while (started.length < count) started.push(await startService({ ...env, ROLE: role }, nodeArgs));
    return started;
  };
  const web = await start('web', receivers);
  if (workers > 0) await fillSent(database);
  const others = await start('worker', workers);
  return {
    receivers: web,
    database,
    stores: [server.process.pid, ...(redis ? [redis.process.pid] : [])],
    ...(workers > 0 && { waiting: () => waitingIn(database) }),
    stop: async () => {
      await Promise.all([...web, ...others].map((service) => service.stop()));
      await database.drop();
    },
  };
}

/** More than one load has statuses for. */
const MOST_SENT = 50_000;

/** Messages that were sent, for the statuses of the load to be about. */
async function fillSent({ url }: BenchDatabase): Promise<void> {
  const messages = Array.from({ length: MOST_SENT }, (_, message) => message);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    `INSERT INTO wahook.outbox (queue, lane, event_key, event_day, payload, state, wamid, settled_at)
     SELECT 'outbound', send_id, send_id, 0, '{}', 'done', wamid, now() FROM unnest($1::text[], $2::text[]) AS sent (send_id, wamid)`,
    [messages.map(SENT.sendId), messages.map(SENT.wamid)],
  );
  await client.query('ANALYZE wahook.outbox');
  await client.end();
}

async function waitingIn({ url }: BenchDatabase): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(`SELECT count(*)::integer AS waiting FROM wahook.inbox WHERE state = 'waiting'`);
  await client.end();
  return (rows as [{ waiting: number }])[0].waiting;
}

/** A store that belongs to one process. */
async function inOneProcess(store: 'pglite' | 'memory'): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'wahook-bench-'));
  const service = await startService({ STORE: store, DATA_DIR: folder, ROLE: store === 'memory' ? 'all' : 'web' });
  const stop = async () => {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { receivers: [service], stores: [], stop };
}

async function peerOnPostgres(name: string): Promise<Running> {
  const [database, server] = [await freshDatabase(), await postgresServer()];
  const peer = await startPeer(name, { DATABASE_URL: database.url });
  const stop = async () => {
    await peer.stop();
    await database.drop();
  };
  return { receivers: [peer], database, stores: [server.process.pid], stop };
}

async function peerOnRedis(name: string, kind: RedisKind): Promise<Running> {
  const redis = await emptyRedis(kind);
  const env: Environment = { REDIS_URL: redis.url };
  const peer = await startPeer(name, env);
  return { receivers: [peer], stores: [redis.process.pid], stop: () => peer.stop() };
}
