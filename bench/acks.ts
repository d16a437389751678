import { eventually } from '../tests/support/eventually.ts';
import { cpuSecondsOf } from './cpu-time.ts';
import type { Content, Load, LoadResult } from './load.ts';
import { LoadGenerator } from './processes.ts';
import type { Case, Figures, Measured, Settings } from './section.ts';
import { MIX, onPostgres, type Running, SUBJECTS, type Subject } from './subjects.ts';

const CONNECTIONS = 64;

/** Node compiles for speed only what has run for a while. On a busy machine that takes longer, so it goes by requests. */
const WARM_UP_REQUESTS = 6_000;
const WARM_UP_MOST_SECONDS = 10;

/** How long a worker may take for what it was warmed up with. */
const DRAINED_MS = 60_000;

/** Fewer than so many requests say nothing about the last percent of them. */
const LEAST_REQUESTS = 100;

export const CAPACITY = 'capacity: 64 connections, each sends when it is answered';
export const RATES = 'offered rates, at random moments; from the moment at which a request is due';
export const SHAPES = 'webhooks of other shapes, wahook on PostgreSQL';

/** At its limit, and at the rates of the subject: these with statuses among the messages where it is one of ours. */
export const ACK_CASES: readonly Case[] = SUBJECTS.flatMap((subject) => [
  { id: subject.id, section: 'capacity', run: (settings) => measureCapacity(subject, settings) },
  ...(subject.rates.length > 0
    ? [{ id: subject.id, section: 'rates', run: (settings: Settings) => measureRates(subject, settings) }]
    : []),
]);

async function measureCapacity(subject: Subject, { seconds }: Settings): Promise<readonly Measured[]> {
  return await onLoad(subject, async (running, generator) => {
    const load: Load = { kind: 'closed', connections: CONNECTIONS, seconds, ...target(running, subject.content) };
    const { result, costs } = await measured(running, generator, load);
    const { p50, p99 } = result.ackMs;
    const figures = { 'acks/s': result.perSecond, 'p50 ms': p50, 'p99 ms': p99, 'not 200': result.failed, ...costs };
    return [{ table: CAPACITY, row: `${subject.name} (durable: ${subject.durable})`, figures }];
  });
}

async function measureRates(subject: Subject, { seconds }: Settings): Promise<readonly Measured[]> {
  const content = { ...subject.content, ...(subject.id.match(/^(postgres|two-web|worker)/) ? MIX : {}) };
  const lines: Measured[] = [];
  for (const perSecond of subject.rates) {
    const line = await onLoad(subject, async (running, generator) => {
      const load: Load = { kind: 'open', perSecond, seconds, ...target(running, content) };
      const { result, costs } = await measured(running, generator, load);
      const waiting = await running.waiting?.();
      const row = `${subject.name}, ${perSecond.toLocaleString('en')}/s`;
      const left = waiting !== undefined && { 'waiting at the end': waiting };
      return [{ table: RATES, row, figures: { ...latencies(result), ...costs, ...left } }];
    });
    lines.push(...line);
  }
  return lines;
}

/** What stands in the table of latencies. */
export function latencies({ ackMs, above250, above1000, failed, lateMs }: LoadResult): Figures {
  return {
    ...{ 'p50 ms': ackMs.p50, 'p99 ms': ackMs.p99, 'p99.9 ms': ackMs.p999, 'max ms': ackMs.max },
    ...{ '> 250 ms, %': above250 * 100, '> 1 s, %': above1000 * 100 },
    ...{ 'not 200': failed, 'sent late, p99 ms': lateMs.p99 },
  };
}

function target({ receivers }: Running, content: Content) {
  return { urls: receivers.map(({ url }) => url), content };
}

/** Starts the subject, warms it up, measures, and stops it. */
async function onLoad(
  subject: Subject,
  measure: (running: Running, generator: LoadGenerator) => Promise<readonly Measured[]>,
): Promise<readonly Measured[]> {
  const running = await subject.start();
  const generator = new LoadGenerator();
  try {
    await warmUp(running, generator, subject.content);
    return await measure(running, generator);
  } finally {
    generator.stop();
    await running.stop();
  }
}

async function warmUp(running: Running, generator: LoadGenerator, content: Content): Promise<void> {
  for (let requests = 0, second = 0; requests < WARM_UP_REQUESTS && second < WARM_UP_MOST_SECONDS; second += 1) {
    const load: Load = { kind: 'closed', connections: 32, seconds: 1, ...target(running, content) };
    requests += (await generator.run(load)).requests;
  }
  // What a worker still has to do from before is no part of the load.
  await eventually(async () => ((await running.waiting?.()) ?? 0) === 0, DRAINED_MS);
}

/** Processor and database per webhook, beside what the generator saw. */
async function measured(
  { receivers, stores, database }: Running,
  generator: LoadGenerator,
  load: Load,
): Promise<{ readonly result: LoadResult; readonly costs: Figures }> {
  const pids = [...receivers.map(({ pid }) => pid), ...stores];
  await database?.work();
  const before = cpuSecondsOf(pids);
  const result = await generator.run(load);
  const used = cpuSecondsOf(pids).map((seconds, index) => seconds - (before[index] ?? 0));
  const work = await database?.work();
  const perRequest = (values: readonly number[]) => (values.reduce((sum, one) => sum + one, 0) * 1e6) / result.requests;
  const costs = {
    'process µs': perRequest(used.slice(0, receivers.length)),
    ...(stores.length > 0 && { 'store µs': perRequest(used.slice(receivers.length)) }),
    'together µs': perRequest(used),
    ...(work && { 'WAL bytes': work.walBytes / result.requests, statements: work.statements / result.requests }),
    ...(work && work.commits > 0 && { 'webhooks a commit': result.requests / work.commits }),
  };
  return { result, costs };
}

interface Shape {
  readonly id: string;
  readonly name: string;
  readonly perSecond: number;
  readonly content: Content;
  /** Requests a second under a signature of nobody's, beside them. */
  readonly flood?: number;
}

const SHAPE_LIST: readonly Shape[] = [
  { id: 'batch-100', name: '100 messages each, 20/s', perSecond: 20, content: { elements: 100 } },
  { id: 'batch-1000', name: '1,000 messages each, 4/s', perSecond: 4, content: { elements: 1_000 } },
  { id: 'repeated', name: 'half of them come twice, 2,000/s', perSecond: 2_000, content: { repeated: 0.5 } },
  { id: 'unflooded', name: 'signed, 500/s', perSecond: 500, content: MIX },
  { id: 'flooded', name: 'signed, 500/s, and 5,000/s that are not', perSecond: 500, content: MIX, flood: 5_000 },
];

export const SHAPE_CASES: readonly Case[] = SHAPE_LIST.map((shape) => ({
  id: shape.id,
  section: 'shapes',
  run: (settings) => measureShape(shape, settings),
}));

async function measureShape(shape: Shape, settings: Settings): Promise<readonly Measured[]> {
  const { perSecond, content, flood, name } = shape;
  const seconds = Math.max(settings.seconds, LEAST_REQUESTS / perSecond);
  const running = await onPostgres({ receivers: 1 });
  const [generator, flooding] = [new LoadGenerator(), new LoadGenerator()];
  try {
    await warmUp(running, generator, {});
    const unsigned = target(running, { signed: false, recycled: true });
    const flooded =
      flood === undefined ? undefined : flooding.run({ kind: 'open', perSecond: flood, seconds, ...unsigned });
    const { result, costs } = await measured(running, generator, {
      kind: 'open',
      perSecond,
      seconds,
      ...target(running, content),
    });
    await flooded;
    return [{ table: SHAPES, row: name, figures: { ...latencies(result), ...costs } }];
  } finally {
    generator.stop();
    flooding.stop();
    await running.stop();
  }
}
