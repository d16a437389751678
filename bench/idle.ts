import { setTimeout as pause } from 'node:timers/promises';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../src/adapters/postgres/postgres-message-queue.ts';
import type { MessageQueue } from '../src/core/ports/queue.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { silentLog } from '../tests/support/recording.ts';
import { spreadOf } from './figures.ts';
import { decodedMessages, noMetrics } from './messages.ts';
import { startService } from './processes.ts';

const MESSAGES = 100;

/** Statistics of a session reach the database's once a second at most. */
const SETTLE_MS = 3_000;
const WATCH_MS = 15_000;

export interface Idle {
  /** From the call that publishes a message to its handler, in two processes' queues. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of a worker process that has nothing to do; nearly each of them is one statement. */
  readonly transactionsPerSecond: number;
}

export async function measureIdle(database: PostgresDatabase, url: string): Promise<Idle> {
  const latencies = await measureLatency(url);
  const { p50, p99 } = spreadOf(latencies);
  return { p50Ms: p50, p99Ms: p99, transactionsPerSecond: await measureTransactions(database, url) };
}

async function measureLatency(url: string): Promise<readonly number[]> {
  const [publisher, worker] = [openQueue(url), openQueue(url)];
  const jobs = decodedMessages(MESSAGES, MESSAGES).map(({ key, event }) => ({ key, lane: key.id, payload: event }));
  const publishedMs = new Map<string, number>();
  const latencies: number[] = [];
  try {
    await publisher.queue.start();
    await worker.queue.start();
    await consumeAll(worker.queue, (id) => latencies.push(performance.now() - (publishedMs.get(id) ?? Number.NaN)));
    await pause(1_000);
    for (const job of jobs) {
      publishedMs.set(job.key.id, performance.now());
      await publisher.queue.publish('messages', [job]);
      await pause(50 + Math.random() * 100);
    }
    await pause(1_000);
    return latencies.slice(5);
  } finally {
    await worker.close();
    await publisher.close();
  }
}

/** All queues, as a worker does. */
async function consumeAll(queue: MessageQueue, handled: (id: string) => void): Promise<void> {
  const options = { concurrency: 8, burst: 1 };
  for (const name of ['outbound', 'statuses', 'account'] as const)
    await queue.consume(name, async (jobs) => jobs.map(() => ({ outcome: 'done' })), options);
  await queue.consume(
    'messages',
    async (jobs) => {
      for (const { key } of jobs) handled(key.id);
      return jobs.map(() => ({ outcome: 'done' }));
    },
    options,
  );
}

function openQueue(url: string): { readonly queue: PostgresMessageQueue; close(): Promise<void> } {
  const database = new PostgresDatabase({ url, poolSize: 4, applicationName: 'bench', limits: TIME_LIMITS.postgres });
  const dedup = new PostgresDedupStore(database);
  const queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics: noMetrics, stopDeadlineMs: 0 });
  const close = async () => {
    await queue.close();
    await database.close();
  };
  return { queue, close };
}

async function measureTransactions(database: PostgresDatabase, url: string): Promise<number> {
  const worker = await startService({ STORE: 'postgres', DATABASE_URL: url, ROLE: 'worker' });
  const count = async () => {
    const [row] = await database.query<{ count: number }>({
      text: 'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
    });
    return row?.count ?? 0;
  };
  await pause(SETTLE_MS);
  const before = await count();
  const startedMs = performance.now();
  await pause(WATCH_MS);
  const seconds = (performance.now() - startedMs) / 1_000;
  const transactions = (await count()) - before;
  await worker.stop();
  return transactions / seconds;
}
