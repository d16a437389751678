/**
 * What two decisions cost or save, as ratios within one run: group commit (src/core/intake.ts) and the lock on a
 * conversation's row (src/adapters/postgres/lane-rows.ts). Brings its own PostgreSQL; about 5 min. See docs/benchmark.md.
 *
 *     npm run bench:costs [-- --messages 20000] [--rounds 3] [--patience 60]
 */
import { parseArgs } from 'node:util';
import type { Database, Queryable } from '../src/adapters/postgres/database.ts';
import { LaneRows } from '../src/adapters/postgres/lane-rows.ts';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../src/adapters/postgres/postgres-message-queue.ts';
import { PostgresQuarantine } from '../src/adapters/postgres/postgres-quarantine.ts';
import { Intake } from '../src/core/intake.ts';
import type { NewJob } from '../src/core/ports.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { testDatabase } from '../tests/support/postgres.ts';
import { silentLog } from '../tests/support/recording.ts';
import { digits, machine, median, table, withRange } from './figures.ts';
import { decodedMessages, noMetrics } from './messages.ts';
import { untilQuiet } from './quiet.ts';

const CUSTOMERS = 1_000;

/** As many webhooks wait at once as in the closed loop of `npm run bench`. */
const CALLERS = 64;

const HOUR_MS = 3_600_000;

/** Runs `work` on a fresh database with queues prepared. */
async function onFreshDatabase<Result>(
  poolSize: number,
  work: (database: Database, dedup: PostgresDedupStore, queue: PostgresMessageQueue) => Promise<Result>,
): Promise<Result> {
  const { url, drop } = await testDatabase();
  const database = new PostgresDatabase({ url, poolSize, applicationName: 'bench', limits: TIME_LIMITS.postgres });
  const dedup = new PostgresDedupStore(database);
  const queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics: noMetrics, stopDeadlineMs: 0 });
  try {
    await queue.start();
    return await work(database, dedup, queue);
  } finally {
    await queue.close();
    await database.close();
    await drop();
  }
}

/** A way to store webhooks. Each caller of `CALLERS` waits for its webhook before it brings the next one. */
interface IntakeVariant {
  readonly name: string;
  readonly commitElements: number;
  /** Intakes, which take the webhooks in turns: each has one commit at a time. */
  readonly intakes: number;
}

const INTAKES: readonly [IntakeVariant, ...IntakeVariant[]] = [
  { name: 'group commit', commitElements: 500, intakes: 1 },
  { name: 'a commit a webhook', commitElements: 1, intakes: 1 },
  { name: 'a commit a webhook, ten at once', commitElements: 1, intakes: 10 },
];

/** Webhooks a second. */
function measureIntake({ commitElements, intakes }: IntakeVariant, count: number): Promise<number> {
  return onFreshDatabase(Math.max(2, intakes), async (database, dedup, queue) => {
    const quarantine = new PostgresQuarantine(database);
    const options = { commitElements, waitingElements: 50_000, waitMs: 60_000 };
    const all = Array.from({ length: intakes }, () => new Intake(dedup, queue, quarantine, noMetrics, Date, options));
    const messages = decodedMessages(count, CUSTOMERS);
    let next = 0;
    const caller = async (_: unknown, index: number) => {
      for (let message = messages[next++]; message !== undefined; message = messages[next++])
        await all[index % all.length]?.accept([message], Date.now() + HOUR_MS);
    };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: CALLERS }, caller));
    return (count * 1_000) / (performance.now() - startedMs);
  });
}

/**
 * The very statement of `LaneRows.insert` without what locks the conversations. Its parameter is kept, since a statement may
 * not leave one out. @throws Error if the statement is not the one known here
 */
function withoutLock(tx: Queryable): Queryable {
  return {
    query: (statement) => {
      const text = statement.text
        .replace(/WITH held AS \([\s\S]*?RETURNING 1\s*\)\s*INSERT/, 'INSERT')
        .replace('WHERE (SELECT count(*) FROM held) >= 0', 'WHERE $2::text[] IS NOT NULL');
      if (text.includes('held')) throw new Error('the statement that locks lanes has changed: adapt the benchmark');
      return tx.query({ ...statement, name: `${statement.name}-unlocked`, text });
    },
  };
}

const LOCKS = ['without the lock', 'with the lock'] as const;

interface LockLoad {
  readonly name: string;
  /** Processes that store messages at once. */
  readonly writers: number;
  readonly jobsPerCommit: number;
  /** Whether the conversations have been written to before. */
  readonly lanes: 'known' | 'new';
}

const LOCK_LOADS: readonly LockLoad[] = [
  { name: 'one writer, commits of 1', writers: 1, jobsPerCommit: 1, lanes: 'known' },
  { name: 'one writer, commits of 50', writers: 1, jobsPerCommit: 50, lanes: 'known' },
  { name: 'one writer, commits of 50, new conversations', writers: 1, jobsPerCommit: 50, lanes: 'new' },
  { name: 'four writers, commits of 50', writers: 4, jobsPerCommit: 50, lanes: 'known' },
];

/** Messages a second, in transactions of the insert alone. */
function measureLock(load: LockLoad, lock: (typeof LOCKS)[number], most: number): Promise<number> {
  // A tenth is enough where each message is a commit of its own.
  const count = load.jobsPerCommit === 1 ? Math.ceil(most / 10) : most;
  return onFreshDatabase(load.writers, async (database) => {
    const rows = new LaneRows('messages');
    const jobs = jobsOf(count, load.lanes === 'new' ? count : CUSTOMERS);
    if (load.lanes === 'known') await database.transaction((tx) => rows.insert(tx, jobsOf(CUSTOMERS, CUSTOMERS)));
    const target = (tx: Queryable) => (lock === 'with the lock' ? tx : withoutLock(tx));
    let next = 0;
    const writer = async () => {
      while (next < jobs.length) {
        const batch = jobs.slice(next, next + load.jobsPerCommit);
        next += batch.length;
        await database.transaction((tx) => rows.insert(target(tx), batch));
      }
    };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: load.writers }, writer));
    return (count * 1_000) / (performance.now() - startedMs);
  });
}

function jobsOf(count: number, lanes: number): readonly NewJob[] {
  return decodedMessages(count, lanes).map(({ key, event }) => ({
    key,
    lane: event.customer.waId ?? '',
    payload: event,
  }));
}

/** The ratio of each round, so that what slows the whole machine down for a while cancels out. */
function ratios(values: readonly number[], base: readonly number[]): readonly number[] {
  return values.map((value, round) => value / (base[round] ?? Number.NaN));
}

async function inTurns<Variant extends string>(
  { rounds, patience }: { readonly rounds: number; readonly patience: number },
  variants: readonly Variant[],
  measure: (variant: Variant) => Promise<number>,
): Promise<Map<Variant, number[]>> {
  const measured = new Map<Variant, number[]>(variants.map((variant) => [variant, []]));
  for (let round = 1; round <= rounds; round += 1) {
    await untilQuiet(patience);
    for (const variant of variants) measured.get(variant)?.push(await measure(variant));
  }
  return measured;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      messages: { type: 'string', default: '20000' },
      rounds: { type: 'string', default: '3' },
      patience: { type: 'string', default: '0' },
    },
  });
  const [count, rounds, patience] = [Number(values.messages), Number(values.rounds), Number(values.patience)];
  await untilQuiet(patience);
  console.log(`${machine()}\n`);

  const byName = new Map(INTAKES.map((variant) => [variant.name, variant]));
  const intakes = await inTurns({ rounds, patience }, [...byName.keys()], (name) =>
    measureIntake(byName.get(name) ?? INTAKES[0], count),
  );
  const grouped = intakes.get(INTAKES[0].name) ?? [];
  const intakeRows = [...intakes].map(([name, rates]) => [name, withRange(rates), withRange(ratios(grouped, rates))]);
  console.log(`${table(['intake, 64 callers', 'webhooks/s', 'group commit is faster by'], intakeRows)}\n`);

  const lockRows: string[][] = [];
  for (const load of LOCK_LOADS) {
    const measured = await inTurns({ rounds, patience }, LOCKS, (lock) => measureLock(load, lock, count));
    const [without = [], locked = []] = LOCKS.map((lock) => measured.get(lock) ?? []);
    const addedUs = median(locked.map((rate, round) => 1e6 / rate - 1e6 / (without[round] ?? Number.NaN)));
    const slower = withRange(ratios(without, locked));
    lockRows.push([load.name, withRange(without), withRange(locked), slower, digits(addedUs)]);
  }
  const head = ['insert', `messages/s ${LOCKS[0]}`, `messages/s ${LOCKS[1]}`, 'slower by', 'added µs a message'];
  console.log(table(head, lockRows));
  process.exit(0);
}

await main();
