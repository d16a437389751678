/**
 * How fast one worker process works off what waits, what a job costs, and whether that depends on how much waits or in how
 * many conversations; against the same without order; and what an idle installation does. Brings its own PostgreSQL. See
 * docs/performance.md.
 *
 *     npm run bench:drain [-- --small] [--rounds 1] [--seconds 10] [--backlogs 10000,100000,1000000]
 *       [--conversations 10,1000,100000] [--concurrency 64] [--bot-ms 0] [--only messages,statuses,shown,unordered,idle]
 *       [--patience 60] [--profile folder] [--json]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { testDatabase } from '../tests/support/postgres.ts';
import { type Backlog, makeBacklog } from './backlog.ts';
import { digits, machine, median, table, withRange } from './figures.ts';
import { measureIdle } from './idle.ts';
import { startService } from './processes.ts';
import { processSeconds, serverSeconds } from './processor-time.ts';
import { untilQuiet } from './quiet.ts';
import { fillUnordered, type UnorderedTask } from './unordered.ts';

interface Case {
  readonly kind: 'messages' | 'statuses' | 'shown' | 'unordered';
  readonly jobs: number;
  /** Of no meaning without order. */
  readonly conversations: number;
}

const NAMES: Readonly<Record<Case['kind'], string>> = {
  messages: 'messages',
  statuses: 'statuses',
  shown: 'statuses that the bot listens to',
  unordered: 'messages without order',
};

interface Drained {
  /** To wake all of its conversations; without order there is nothing to wake. */
  readonly wakingSeconds?: number;
  readonly perSecond: number;
  /** Processor time of worker and PostgreSQL for one job. */
  readonly workerMicros: number;
  readonly postgresMicros: number;
}

interface Options {
  readonly seconds: number;
  readonly concurrency: number;
  readonly botMs: string;
  /** Folder for CPU profiles of the worker. */
  readonly profile: string | undefined;
}

/** The first moments of a worker are its start, not its work. */
const WARM_MS = 1_000;

async function withDatabase<Result>(
  work: (database: PostgresDatabase, url: string) => Promise<Result>,
): Promise<Result> {
  const { url, drop } = await testDatabase();
  const database = new PostgresDatabase({ url, poolSize: 2, applicationName: 'bench', limits: TIME_LIMITS.postgres });
  try {
    return await work(database, url);
  } finally {
    await database.close();
    await drop();
  }
}

function measure(one: Case, options: Options): Promise<Drained> {
  return withDatabase((database, url) =>
    one.kind === 'unordered'
      ? drainUnordered(database, url, one.jobs, options)
      : drainLanes(database, url, one, options),
  );
}

/** Between two looks at what is done, at most `seconds` apart: how many, and what they cost. */
async function drainLanes(
  database: PostgresDatabase,
  url: string,
  { kind, ...rest }: Case,
  { seconds, concurrency, botMs, profile }: Options,
): Promise<Drained> {
  const backlog: Backlog = { ...rest, queue: kind === 'messages' ? 'messages' : 'statuses' };
  const wakingSeconds = await makeBacklog(database, backlog);
  const settings = { ROLE: 'worker', WORKER_CONCURRENCY: String(concurrency), BENCH_BOT_MS: botMs };
  const listens = kind === 'shown' ? { BENCH_BOT_LISTENS: 'statuses' } : {};
  const worker = await startService(
    { STORE: 'postgres', DATABASE_URL: url, ...settings, ...listens },
    profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
  );
  const look = async () => ({
    ...(await stateOf(database, backlog.queue)),
    worker: await processSeconds(worker.pid),
    server: await serverSeconds(database),
  });
  while (!(await stateOf(database, backlog.queue)).begun) await pause(20);
  // A small backlog is gone before its worker is warm.
  if (backlog.jobs > 50_000) await pause(WARM_MS);
  const before = await look();
  let after = before;
  while (after.waits && after.atMs - before.atMs < seconds * 1_000) {
    await pause(100);
    after = await look();
  }
  await worker.stop();
  const done = await doneBetween(database, backlog.queue, before.atMs, after.atMs);
  const micros = (from: number, to: number) => ((to - from) / done) * 1_000_000;
  return {
    wakingSeconds,
    perSecond: (done * 1_000) / (after.atMs - before.atMs),
    workerMicros: micros(before.worker, after.worker),
    postgresMicros: micros(before.server, after.server),
  };
}

interface State {
  /** By the database's clock. */
  readonly atMs: number;
  readonly begun: boolean;
  readonly waits: boolean;
}

/** By a few probes of indexes: counting rows would be part of what is measured. */
async function stateOf(database: PostgresDatabase, queue: Backlog['queue']): Promise<State> {
  const [row] = await database.query<{ now_ms: number; begun: boolean; waits: boolean }>({
    text: `SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms,
             (SELECT claims > 0 FROM wahook.inbox WHERE queue = $1 ORDER BY seq LIMIT 1) AS begun,
             EXISTS (SELECT FROM wahook.inbox WHERE queue = $1 AND state = 'waiting') AS waits`,
    values: [queue],
  });
  return { atMs: row?.now_ms ?? 0, begun: row?.begun ?? false, waits: row?.waits ?? false };
}

async function doneBetween(database: PostgresDatabase, queue: string, fromMs: number, toMs: number): Promise<number> {
  const [row] = await database.transaction(
    (tx) =>
      tx.query<{ done: number }>({
        text: `SELECT count(*) AS done FROM wahook.inbox WHERE queue = $1 AND state = 'done'
                 AND settled_at > to_timestamp($2::float8 / 1000) AND settled_at <= to_timestamp($3::float8 / 1000)`,
        values: [queue, fromMs, toMs],
      }),
    { statementMs: 60_000 },
  );
  return row?.done ?? 0;
}

async function drainUnordered(
  database: PostgresDatabase,
  url: string,
  jobs: number,
  { seconds, concurrency }: Options,
): Promise<Drained> {
  await fillUnordered(url, jobs);
  await database.transaction((tx) => tx.query({ text: 'ANALYZE' }), { statementMs: 60_000 });
  const before = await serverSeconds(database);
  const child = fork(join(import.meta.dirname, 'unordered.ts'));
  child.send({ url, batchSize: concurrency, seconds } satisfies UnorderedTask);
  const [result] = await once(child, 'message');
  const { done, seconds: took, cpu } = result as { done: number; seconds: number; cpu: NodeJS.CpuUsage };
  return {
    perSecond: done / took,
    workerMicros: (cpu.user + cpu.system) / done,
    postgresMicros: (((await serverSeconds(database)) - before) / done) * 1_000_000,
  };
}

const SMALL = { rounds: '1', seconds: '4', backlogs: '10000,30000', conversations: '1000' } as const;
const WHOLE = {
  rounds: '1',
  seconds: '10',
  backlogs: '10000,100000,1000000',
  conversations: '10,1000,100000',
} as const;

/** Every backlog in the middle number of conversations, and the middle backlog in every number of them. */
function casesOf(
  kinds: readonly string[],
  backlogs: readonly number[],
  conversations: readonly number[],
): readonly Case[] {
  const middle = (values: readonly number[]) => values[Math.floor(values.length / 2)] ?? 0;
  const mostConversations = (jobs: number) => Math.min(middle(conversations), jobs);
  return (['messages', 'statuses', 'shown'] as const)
    .filter((kind) => kinds.includes(kind))
    .flatMap<Case>((kind) => [
      ...backlogs.map((jobs) => ({ kind, jobs, conversations: mostConversations(jobs) })),
      ...conversations
        .filter((count) => count !== middle(conversations))
        .map((count) => ({ kind, jobs: middle(backlogs), conversations: count })),
    ])
    .concat(kinds.includes('unordered') ? [{ kind: 'unordered', jobs: middle(backlogs), conversations: 0 }] : []);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      small: { type: 'boolean', default: false },
      ...{ rounds: { type: 'string' }, seconds: { type: 'string' }, backlogs: { type: 'string' } },
      ...{ conversations: { type: 'string' }, concurrency: { type: 'string', default: '64' } },
      ...{ only: { type: 'string', default: 'messages,statuses,shown,unordered,idle' }, profile: { type: 'string' } },
      ...{ patience: { type: 'string', default: '0' }, json: { type: 'boolean', default: false } },
      'bot-ms': { type: 'string', default: '0' },
    },
  });
  const extent = values.small ? SMALL : WHOLE;
  const { profile } = values;
  if (profile !== undefined) await mkdir(profile, { recursive: true });
  const numbers = (name: 'backlogs' | 'conversations') => (values[name] ?? extent[name]).split(',').map(Number);
  const kinds = values.only.split(',');
  const concurrency = Number(values.concurrency);
  const options = { seconds: Number(values.seconds ?? extent.seconds), concurrency, botMs: values['bot-ms'], profile };
  const patience = Number(values.patience);
  const cases = casesOf(kinds, numbers('backlogs'), numbers('conversations')).map((one) => ({
    one,
    drained: [] as Drained[],
  }));
  const head = machine();
  for (let round = 0; round < Number(values.rounds ?? extent.rounds); round += 1)
    for (const { one, drained } of cases) {
      await untilQuiet(patience);
      drained.push(await measure(one, options));
    }
  await untilQuiet(patience);
  const idle = kinds.includes('idle') ? await withDatabase(measureIdle) : undefined;
  if (values.json) console.log(JSON.stringify({ concurrency, botMs: values['bot-ms'], cases, idle }));
  else console.log([head, '', drainTable(cases), ...(idle === undefined ? [] : ['', idleTable(idle)])].join('\n'));
  process.exit(0);
}

function drainTable(cases: readonly { readonly one: Case; readonly drained: readonly Drained[] }[]): string {
  const rows = cases.map(({ one: { kind, jobs, conversations }, drained }) => [
    ...[NAMES[kind], jobs.toLocaleString('en'), kind === 'unordered' ? '–' : conversations.toLocaleString('en')],
    kind === 'unordered' ? '–' : withRange(drained.map(({ wakingSeconds }) => wakingSeconds ?? Number.NaN)),
    withRange(drained.map(({ perSecond }) => perSecond)),
    withRange(drained.map(({ workerMicros }) => workerMicros)),
    withRange(drained.map(({ postgresMicros }) => postgresMicros)),
    digits(median(drained.map(({ workerMicros, postgresMicros }) => workerMicros + postgresMicros))),
  ]);
  return table(
    ['', 'waiting', 'conversations', 'woken in s', 'a second', 'worker µs', 'PostgreSQL µs', 'together'],
    rows,
  );
}

function idleTable({ p50Ms, p99Ms, transactionsPerSecond }: Awaited<ReturnType<typeof measureIdle>>): string {
  return table(
    ['idle', 'p50', 'p99'],
    [
      ['from publishing to the handler, ms', digits(p50Ms), digits(p99Ms)],
      ['transactions a second', digits(transactionsPerSecond), ''],
    ],
  );
}

await main();
