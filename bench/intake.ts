/**
 * The benchmark of what Meta waits for: how long until a webhook is answered with 200, and the steps on the way. Brings its own
 * servers; about 100 s. Ends with 1 if a bar is missed. See docs/benchmark.md.
 *
 *     npm run bench [-- --rounds 3] [--seconds 3] [--only PostgreSQL] [--patience 60]
 */
import { parseArgs } from 'node:util';
import { type Measured, measureAcks, SETUPS } from './ack-latency.ts';
import { type Bar, digits, isKept, machine, median, table, verdict, withRange } from './figures.ts';
import { untilQuiet } from './quiet.ts';
import { BARRED, measureComputation, measureDedup, type Step } from './steps.ts';

const ACK_LIMIT_MS = 100;

/**
 * Of the calls to a store the median: their 99th percentile is the disk's and, on a shared machine, the neighbours' (a GET of
 * Redis: 0.3 ms or 7 ms).
 */
const STEP_BARS = [
  { begins: BARRED.signature, percentile: 'p99', limitMs: 1 },
  { begins: BARRED.dedup, percentile: 'p50', limitMs: 5 },
] as const;

const DEDUP_CALLS = 400;

function grouped<Value>(values: readonly Value[], keyOf: (value: Value) => string): readonly (readonly Value[])[] {
  return [...Map.groupBy(values, keyOf).values()];
}

function ackTable(measured: readonly Measured[]): string {
  const rows = grouped(measured, ({ setup, load }) => `${setup} ${load}`).map((rounds) => {
    const figure = (pick: (one: Measured) => number) => withRange(rounds.map(pick));
    return [
      ...[rounds[0]?.setup ?? '', rounds[0]?.load ?? ''],
      figure(({ result }) => result.perSecond),
      figure(({ result }) => result.ackMs.p50),
      figure(({ result }) => result.ackMs.p95),
      figure(({ result }) => result.ackMs.p99),
      figure(({ result }) => result.ackMs.max),
      String(rounds.reduce((sum, { result }) => sum + result.failed, 0)),
      figure(({ result }) => result.lateMs.p99),
    ];
  });
  return table(
    ['store', 'load', 'acks/s', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'not 200', 'sent late, p99 ms'],
    rows,
  );
}

function stepTable(steps: readonly Step[], unit: 'ms' | 'µs'): string {
  const show = (ms: number) => digits(unit === 'ms' ? ms : ms * 1_000);
  const rows = grouped(steps, ({ name }) => name).map((rounds) => {
    const figure = (pick: (one: Step) => number) => withRange(rounds.map(pick), show);
    return [
      rounds[0]?.name ?? '',
      String(rounds[0]?.calls ?? 0),
      figure(({ ms }) => ms.p50),
      figure(({ ms }) => ms.p95),
      figure(({ ms }) => ms.p99),
    ];
  });
  return table(['step', 'calls', `p50 ${unit}`, `p95 ${unit}`, `p99 ${unit}`], rows);
}

/** A process that has next to nothing to do and is still late was not given the processor. */
const PUNCTUAL_MS = 15;

function doubtAbout(rounds: readonly Measured[]): string | undefined {
  const lateMs = median(rounds.map(({ result }) => result.lateMs.p99));
  if (lateMs < PUNCTUAL_MS) return undefined;
  return `the load generator itself was ${digits(lateMs)} ms late: the machine is busy, measure again`;
}

/** The loads that are normal use, and the steps that have a bar of their own; of several rounds the median. */
function bars(measured: readonly Measured[], steps: readonly Step[]): readonly Bar[] {
  const normal = measured.filter(({ isNormalUse }) => isNormalUse);
  const acks = grouped(normal, ({ setup }) => setup).map((rounds) => ({
    what: `ack p99, ${rounds[0]?.setup} at ${rounds[0]?.load}`,
    ms: median(rounds.map(({ result }) => (result.failed === 0 ? result.ackMs.p99 : Number.NaN))),
    limitMs: ACK_LIMIT_MS,
    doubt: doubtAbout(rounds),
  }));
  const stepBars = STEP_BARS.flatMap(({ begins, percentile, limitMs }) =>
    grouped(
      steps.filter(({ name }) => name.startsWith(begins)),
      ({ name }) => name,
    ).map((rounds) => ({
      what: `${rounds[0]?.name}, ${percentile}`,
      ms: median(rounds.map(({ ms }) => ms[percentile])),
      limitMs,
    })),
  );
  return [...acks, ...stepBars];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string' },
      patience: { type: 'string', default: '0' },
    },
  });
  const setups = SETUPS.filter(({ name }) => values.only === undefined || name === values.only);
  const patience = Number(values.patience);
  await untilQuiet(patience);
  console.log(`${machine()}\n`);
  const measured: Measured[] = [];
  const computation: Step[] = [];
  const dedup: Step[] = [];
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const setup of setups) {
      await untilQuiet(patience);
      measured.push(...(await measureAcks(setup, Number(values.seconds))));
    }
    await untilQuiet(patience);
    computation.push(...measureComputation());
    dedup.push(...(await measureDedup(DEDUP_CALLS)));
  }
  console.log(`${ackTable(measured)}\n\n${stepTable(computation, 'µs')}\n\n${stepTable(dedup, 'ms')}\n`);
  const judged = bars(measured, [...computation, ...dedup]);
  for (const bar of judged) console.log(verdict(bar));
  // Clients of the servers that end with this process are of no use any more.
  process.exit(judged.every(isKept) ? 0 : 1);
}

await main();
