import type { Database } from '../../src/adapters/postgres/database.ts';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import {
  PostgresMessageQueue,
  type PostgresMessageQueueOptions,
} from '../../src/adapters/postgres/postgres-message-queue.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { freshPglite, testDatabase } from './postgres.ts';
import { RecordingLog, RecordingMetrics } from './recording.ts';

/** Two processes' queues on one fresh database. */
export interface OpenQueues {
  readonly database: Database;
  /** That of `elsewhere`. */
  readonly databaseElsewhere: Database;
  readonly queue: PostgresMessageQueue;
  readonly elsewhere: PostgresMessageQueue;
  readonly dedup: PostgresDedupStore;
  readonly log: RecordingLog;
  readonly metrics: RecordingMetrics;
  close(): Promise<void>;
}

type Options = Pick<PostgresMessageQueueOptions, 'onDeadLetter'> & { readonly statementMs?: number };

export async function openPostgresQueues({ statementMs, ...options }: Options = {}): Promise<OpenQueues> {
  const created = await testDatabase();
  const [here, there] = [1, 2].map(
    (number) =>
      new PostgresDatabase({
        url: created.url,
        poolSize: 6,
        applicationName: `test ${number}`,
        limits: { ...TIME_LIMITS.postgres, ...(statementMs !== undefined && { statementMs }) },
      }),
  ) as [PostgresDatabase, PostgresDatabase];
  return openQueues([here, there], options, async () => {
    await Promise.all([here.close(), there.close()]);
    await created.drop();
  });
}

/** The embedded database has one process only: its two queues share the connection. */
export async function openPgliteQueues(options: Options = {}): Promise<OpenQueues> {
  const database = await freshPglite();
  return openQueues([database, database], options, () => database.close());
}

async function openQueues(
  [here, there]: readonly [Database, Database],
  options: Options,
  closeDatabases: () => Promise<void>,
): Promise<OpenQueues> {
  const log = new RecordingLog();
  const metrics = new RecordingMetrics();
  const stopDeadlineMs = 20_000;
  const dedup = new PostgresDedupStore(here);
  const queue = new PostgresMessageQueue({ database: here, dedup, log, metrics, stopDeadlineMs, ...options });
  const elsewhere = new PostgresMessageQueue({
    ...{ database: there, dedup: new PostgresDedupStore(there), log, metrics, stopDeadlineMs, ...options },
  });
  await queue.start();
  await elsewhere.start();
  const close = async () => {
    await Promise.all([queue.close(), elsewhere.close()]);
    await closeDatabases();
  };
  return { database: here, databaseElsewhere: there, queue, elsewhere, dedup, log, metrics, close };
}
