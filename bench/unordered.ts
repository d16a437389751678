/**
 * Works off a standard queue of pg-boss, one job a message, in no order: what keeping the order is compared with. The same handler
 * is run, in batches of the same size, and each job is claimed and settled durably. Forked by bench/drain.ts.
 */
import { PgBoss } from 'pg-boss';
import { openBossConnection } from '../src/adapters/postgres/boss-connection.ts';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';
import { BotHandler } from '../src/bot/bot-handler.ts';
import { HandleEvent } from '../src/core/handle-event.ts';
import type { WebhookEvent } from '../src/core/model.ts';
import type { JobContext } from '../src/core/ports/queue.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { emptyStores } from '../tests/core/builders.ts';
import { silentLog } from '../tests/support/recording.ts';
import bot from './bot.ts';
import { decodedMessages, noMetrics } from './messages.ts';

export const UNORDERED = 'unordered';

/** While one batch is fetched or settled, the other is handled. */
const LOOPS = 2;

const CONTEXT: JobContext = {
  send: () => {},
  keep: () => {},
  commit: async () => {},
  pause: (until) => until,
  isHeld: () => true,
  signal: new AbortController().signal,
};

const STORES = emptyStores();

function openBoss(url: string): { readonly boss: PgBoss; close(): Promise<void> } {
  const database = new PostgresDatabase({ url, poolSize: 1, applicationName: 'bench', limits: TIME_LIMITS.postgres });
  // With named prepared statements, as the service has them.
  const connection = openBossConnection(database.bossOptions(), () => {});
  const boss = new PgBoss({ db: connection.db, schedule: false, supervise: false, registerInstance: false });
  boss.on('error', () => {});
  const close = async () => {
    await boss.stop({ graceful: false });
    await connection.close();
    await database.close();
  };
  return { boss, close };
}

export async function fillUnordered(url: string, jobs: number): Promise<void> {
  const { boss, close } = openBoss(url);
  await boss.start();
  await boss.createQueue(UNORDERED, { policy: 'standard' });
  const [sample] = decodedMessages(1, 1);
  const data = { ...sample?.event };
  for (let made = 0; made < jobs; made += 1_000)
    await boss.insert(
      UNORDERED,
      Array.from({ length: Math.min(1_000, jobs - made) }, () => ({ data })),
    );
  await close();
}

/** Tells its parent at the end how many it has done. */
async function drain(url: string, batchSize: number, seconds: number): Promise<number> {
  const { boss, close } = openBoss(url);
  await boss.start();
  const handle = new HandleEvent(
    new BotHandler(bot),
    silentLog,
    noMetrics,
    Date,
    { attempts: 5, timeoutMs: 30_000 },
    STORES,
  );
  const endMs = performance.now() + seconds * 1_000;
  let done = 0;
  const loop = async () => {
    while (performance.now() < endMs) {
      const jobs = await boss.fetch<WebhookEvent>(UNORDERED, { batchSize });
      if (jobs.length === 0) return;
      await Promise.all(jobs.map(({ id, data }) => handle.run([asJob(id, data)], CONTEXT)));
      await boss.complete(
        UNORDERED,
        jobs.map(({ id }) => id),
      );
      done += jobs.length;
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  await close();
  return done;
}

function asJob(id: string, payload: WebhookEvent) {
  return {
    ...{ id, key: { id, day: 0 }, lane: id, payload, attempt: 1, claims: 1, acceptedAtMs: Date.now() },
    ...{ interrupted: false, interruptions: 0 },
  };
}

export interface UnorderedTask {
  readonly url: string;
  readonly batchSize: number;
  readonly seconds: number;
}

if (process.send !== undefined)
  process.once('message', async ({ url, batchSize, seconds }: UnorderedTask) => {
    const startedMs = performance.now();
    const done = await drain(url, batchSize, seconds);
    process.send?.({ done, seconds: (performance.now() - startedMs) / 1_000, cpu: process.cpuUsage() });
    process.disconnect();
  });
