/**
 * How fast one worker process works off what waits, and whether that depends on how much waits. Brings its own PostgreSQL;
 * about 4 min. See docs/benchmark.md.
 *
 *     npm run bench:drain [-- --rounds 1] [--seconds 15] [--backlogs 5000,50000] [--concurrency 8]
 *       [--conversations 1000] [--stale] [--only 'messages, …'] [--patience 60] [--profile folder]
 */
import { mkdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Database } from '../src/adapters/postgres/database.ts';
import { migrate } from '../src/adapters/postgres/migrate.ts';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../src/adapters/postgres/postgres-message-queue.ts';
import type { NewJob } from '../src/core/ports.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { testDatabase } from '../tests/support/postgres.ts';
import { silentLog } from '../tests/support/recording.ts';
import { machine, table, withRange } from './figures.ts';
import { decodedMessages, noMetrics } from './messages.ts';
import { type ServiceUnderTest, startService } from './processes.ts';
import { untilQuiet } from './quiet.ts';
import { SETTINGS } from './webhooks.ts';

const COMMIT = 500;

interface Work {
  readonly name: string;
  readonly queue: 'messages' | 'statuses';
  readonly botMs: number;
}

const WORKS: readonly Work[] = [
  { name: 'messages, a bot that does nothing', queue: 'messages', botMs: 0 },
  { name: 'messages, a bot that takes 20 ms', queue: 'messages', botMs: 20 },
  { name: 'statuses, a bot that does nothing', queue: 'statuses', botMs: 0 },
];

/** Puts the backlog there as the intake does, but in one process and in commits of one size. */
async function fill(
  database: Database,
  { queue }: Work,
  backlog: number,
  { conversations, stale }: Pick<Options, 'conversations' | 'stale'>,
): Promise<void> {
  const dedup = new PostgresDedupStore(database);
  const queues = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics: noMetrics, stopDeadlineMs: 0 });
  await queues.start();
  if (stale) await handleMany(database, queue);
  if (queue === 'statuses') await sendMessages(database, backlog, conversations);
  const jobs = queue === 'messages' ? messageJobs(backlog, conversations) : statusJobs(backlog, conversations);
  for (let start = 0; start < backlog; start += COMMIT) {
    const batch = jobs.slice(start, start + COMMIT);
    await dedup.once(
      batch.map(({ key }) => key),
      (_fresh, unit) => queues.publish(queue, batch as never, unit),
    );
  }
  await queues.close();
  if (!stale) await database.query({ text: 'ANALYZE' });
}

/**
 * What a database knows that has handled messages for a while and then gets a backlog: by its statistics almost nothing ever
 * waits. Autovacuum corrects that after a minute or so.
 */
async function handleMany(database: Database, queue: Work['queue']): Promise<void> {
  await database.transaction(
    (tx) =>
      tx.query({
        text: `INSERT INTO wahook.inbox (queue, lane, event_key, event_day, payload, state, settled_at)
               SELECT $1, (place % 1000)::text, 'old-' || place, 0, '{}', 'done', now() - interval '1 hour'
               FROM generate_series(1, 30000) AS place`,
        values: [queue],
      }),
    { statementMs: 60_000 },
  );
  await database.query({ text: 'ANALYZE' });
}

function messageJobs(count: number, conversations: number): readonly NewJob[] {
  return decodedMessages(count, conversations).map(({ key, event }) => {
    return { key, lane: event.customer.waId ?? '', payload: event };
  });
}

/** The messages that the statuses are about: one with an unknown message waits some seconds for it. */
async function sendMessages(database: Database, count: number, conversations: number): Promise<void> {
  await database.transaction(
    (tx) =>
      tx.query({
        text: `INSERT INTO wahook.outbox (queue, lane, event_key, event_day, payload, state, wamid, settled_at)
               SELECT 'outbound', (place % $2::integer)::text, 'send-' || place, 0, '{}', 'done', 'wamid.' || place, now()
               FROM generate_series(1, $1::integer) AS place`,
        values: [Math.ceil(count / 3), conversations],
      }),
    { statementMs: 60_000 },
  );
}

/** sent, delivered and read of each message. */
function statusJobs(count: number, conversations: number): readonly NewJob[] {
  const words = ['sent', 'delivered', 'read'] as const;
  return Array.from({ length: count }, (_, index) => {
    const place = Math.floor(index / words.length) + 1;
    const status = words[index % words.length] ?? 'sent';
    const recipient = { waId: String(15_550_100_000 + (place % conversations)) };
    const key = { id: `s|${place}|${status}`, day: Math.floor(Date.now() / 86_400_000) };
    const named = { kind: 'status', status, reported: status, messageId: `wamid.${place}`, sendId: `send-${place}` };
    const where = { businessAccountId: '218765430912345', phoneNumberId: SETTINGS.WHATSAPP_PHONE_NUMBER_ID };
    return { key, lane: recipient.waId, payload: { ...named, ...where, recipient, occurredAtMs: Date.now() } };
  });
}

interface Drained {
  readonly perSecond: number;
  /** Of the first and of the last third of the time. */
  readonly first: number;
  readonly last: number;
}

/** From the rows' own times, so that watching costs the worker nothing. Each third of the time that was watched. */
async function rates(database: Database, queue: Work['queue']): Promise<Drained> {
  const [row] = await database.query<{ count: number; seconds: number; first: number; last: number }>({
    text: `
      WITH span AS MATERIALIZED (SELECT min(settled_at) AS start, max(settled_at) - min(settled_at) AS length
                    FROM wahook.inbox WHERE queue = $1 AND settled_at > now() - interval '10 min')
      SELECT count(*) AS count, (extract(epoch FROM max(length)))::float8 AS seconds,
             count(*) FILTER (WHERE settled_at <= start + length / 3) AS first,
             count(*) FILTER (WHERE settled_at > start + length * 2 / 3) AS last
      FROM wahook.inbox, span WHERE queue = $1 AND settled_at >= start`,
    values: [queue],
  });
  const { count, seconds, first, last } = row ?? { count: 0, seconds: 0, first: 0, last: 0 };
  return { perSecond: count / seconds, first: (first * 3) / seconds, last: (last * 3) / seconds };
}

async function untilDrained(database: Database, queue: Work['queue'], seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs) {
    await pause(500);
    const [row] = await database.query<{ waits: boolean }>({
      text: `SELECT EXISTS (SELECT FROM wahook.inbox WHERE queue = $1 AND state = 'waiting') AS waits`,
      values: [queue],
    });
    if (!row?.waits) return;
  }
}

interface Options {
  readonly seconds: number;
  readonly concurrency: string;
  readonly conversations: number;
  /** Statistics from before the backlog. */
  readonly stale: boolean;
  /** Folder for CPU profiles of the worker. */
  readonly profile: string | undefined;
}

async function measure(work: Work, backlog: number, options: Options): Promise<Drained> {
  const { seconds, concurrency, profile } = options;
  const { url, drop } = await testDatabase();
  const database = new PostgresDatabase({ url, poolSize: 2, applicationName: 'bench', limits: TIME_LIMITS.postgres });
  let worker: ServiceUnderTest | undefined;
  try {
    await migrate(database);
    await fill(database, work, backlog, options);
    const settings = { ROLE: 'worker', WORKER_CONCURRENCY: concurrency, BENCH_BOT_MS: String(work.botMs) };
    worker = await startService(
      { STORE: 'postgres', DATABASE_URL: url, ...settings },
      profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    );
    await untilDrained(database, work.queue, seconds);
    await worker.stop();
    return await rates(database, work.queue);
  } finally {
    await database.close();
    await drop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '15' },
      backlogs: { type: 'string', default: '5000,50000' },
      concurrency: { type: 'string', default: '8' },
      conversations: { type: 'string', default: '1000' },
      stale: { type: 'boolean', default: false },
      profile: { type: 'string' },
      only: { type: 'string' },
      patience: { type: 'string', default: '0' },
    },
  });
  if (values.profile !== undefined) await mkdir(values.profile, { recursive: true });
  const backlogs = values.backlogs.split(',').map(Number);
  const works = WORKS.filter(({ name }) => values.only === undefined || name === values.only);
  const conversations = Number(values.conversations);
  const { concurrency, profile, stale } = values;
  const options = { seconds: Number(values.seconds), concurrency, conversations, stale, profile };
  const cases = works.flatMap((work) => backlogs.map((backlog) => ({ work, backlog, drained: [] as Drained[] })));
  const patience = Number(values.patience);
  await untilQuiet(patience);
  console.log(`${machine()}\n`);
  for (let round = 1; round <= Number(values.rounds); round += 1)
    for (const { work, backlog, drained } of cases) {
      await untilQuiet(patience);
      drained.push(await measure(work, backlog, options));
    }
  const rows = cases.map(({ work, backlog, drained }) => [
    ...[work.name, backlog.toLocaleString('en')],
    withRange(drained.map(({ perSecond }) => perSecond)),
    withRange(drained.map(({ first }) => first)),
    withRange(drained.map(({ last }) => last)),
  ]);
  const head = [
    `${conversations.toLocaleString('en')} conversations`,
    'backlog',
    'a second',
    'first third',
    'last third',
  ];
  console.log(table(head, rows));
  process.exit(0);
}

await main();
