/**
 * The benchmark: how fast webhooks are taken, beside what this machine can do at all and what others do with it. Brings its own
 * PostgreSQL and Redis. What the figures mean, and what they were: docs/performance.md.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ACK_CASES, SHAPE_CASES } from './acks.ts';
import { Neighbours } from './cpu-time.ts';
import { DISK_CASES } from './disk.ts';
import { DRAIN_CASES } from './drains.ts';
import { digits, machine, withRange } from './figures.ts';
import { GOALS, SHORT_GOALS } from './goals.ts';
import { MEMORY_CASES } from './memory.ts';
import { peersAreInstalled } from './processes.ts';
import { untilQuiet } from './quiet.ts';
import { goalTable, type Judged, judge, linesOf, tablesOf } from './results.ts';
import type { Case, Measured } from './section.ts';
import { START_CASES } from './start-times.ts';
import { STEP_CASES } from './steps.ts';
import { PEERS } from './subjects.ts';

const USAGE = `npm run bench -- [options]

  --only NAME,…      sections (SECTIONS) or single cases (CASES)
  --rounds N         how often each case is measured, in turns; figures are medians with their range (default 3)
  --seconds N        of each load (default 5)
  --patience N       wait up to N seconds for a quiet moment before each case (default 0)
  --json FILE        all values of all rounds
  --short            for CI: a minute; ends with 1 if a ratio of processor time is far from what it should be
  --help

Without --only everything but memory and drain, which take several minutes. npm run peers:install brings the peers.`;

const ALL: readonly Case[] = [
  ...[...ACK_CASES, ...SHAPE_CASES, ...DISK_CASES, ...STEP_CASES, ...START_CASES],
  ...[...MEMORY_CASES, ...DRAIN_CASES],
];

/** They take several minutes. */
const ON_REQUEST = ['memory', 'drain'];

/** Sections and cases of the short form; its peer runs with the packages of the project itself. */
const SHORT = { sections: ['capacity'], ids: ['express', 'postgres', 'pg-boss'], rounds: 2, seconds: 2 };

interface Options {
  readonly cases: readonly Case[];
  readonly rounds: number;
  readonly seconds: number;
  readonly patience: number;
  readonly json: string | undefined;
  readonly short: boolean;
}

/** @throws Error that says which option is wrong */
function optionsOf(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      patience: { type: 'string', default: '0' },
      json: { type: 'string' },
      short: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { short, json, only } = values;
  const number = (name: 'rounds' | 'seconds' | 'patience', usual: number, least: number) => {
    const value = Number(values[name] ?? usual);
    if (!(value >= least)) throw new Error(`--${name} takes a number from ${least} up, not "${values[name]}"`);
    return value;
  };
  return {
    cases: short ? shortCases() : casesNamed(only?.split(',')),
    rounds: number('rounds', short ? SHORT.rounds : 3, 1),
    seconds: number('seconds', short ? SHORT.seconds : 5, 1),
    patience: number('patience', 0, 0),
    json,
    short,
  };
}

function shortCases(): readonly Case[] {
  return ALL.filter(({ id, section }) => SHORT.sections.includes(section) && SHORT.ids.includes(id));
}

/** Names of sections choose sections, names of cases choose cases; of both: the cases in these sections. */
function casesNamed(names: readonly string[] | undefined): readonly Case[] {
  if (names === undefined) return ALL.filter(({ section }) => !ON_REQUEST.includes(section));
  const sections = names.filter((name) => sectionNames().includes(name));
  const ids = names.filter((name) => !sections.includes(name) && ALL.some(({ id }) => id === name));
  const unknown = names.find((name) => !sections.includes(name) && !ids.includes(name));
  if (unknown !== undefined) throw new Error(`--only: there is no "${unknown}". There are ${choices()}`);
  return ALL.filter(
    ({ id, section }) =>
      (sections.length === 0 || sections.includes(section)) && (ids.length === 0 || ids.includes(id)),
  );
}

function sectionNames(): readonly string[] {
  return [...new Set(ALL.map(({ section }) => section))];
}

function choices(): string {
  return `${sectionNames().join(', ')}; ${[...new Set(ALL.map(({ id }) => id))].join(', ')}`;
}

/** The cases in turns, so that a slow minute of the machine meets all of them. */
async function measureAll({ cases, rounds, seconds, patience }: Options): Promise<readonly (readonly Measured[])[]> {
  const measured: (readonly Measured[])[] = [];
  const startedMs = performance.now();
  for (let round = 1; round <= rounds; round += 1)
    for (const [index, one] of cases.entries()) {
      await untilQuiet(patience);
      const place = (round - 1) * cases.length + index + 1;
      const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
      console.error(`${minutes} min  ${place} of ${rounds * cases.length}  ${one.section} ${one.id}`);
      // What one of them cannot do must not cost the figures of the others.
      const lines = await one.run({ seconds }).catch((error: unknown) => failed(one, error));
      measured.push(lines);
    }
  return measured;
}

function failed({ section, id }: Case, error: unknown): readonly Measured[] {
  console.error(`${section} ${id} FAILED: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
  return [];
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options === 'help')
    return console.log(
      USAGE.replace('SECTIONS', sectionNames().join(', ')).replace('CASES', choices().split('; ')[1] ?? ''),
    );
  const needsPeers = options.cases.some(({ id }) => id !== 'pg-boss' && PEERS.some((peer) => peer.id === id));
  if (needsPeers && !peersAreInstalled()) throw new Error('The peers are not installed: npm run peers:install');
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`;
  console.log(`${command}\n${machine()}\n`);
  const neighbours = new Neighbours();
  const lines = linesOf(await measureAll(options));
  const { others, load } = neighbours.end();
  const judged = judge(options.short ? SHORT_GOALS : GOALS, lines);
  console.log(`${tablesOf(lines)}\n\n${goalTable(judged)}\n`);
  console.log(
    `Others had ${digits(others * 100)} % of the processors meanwhile; load average at the end ${digits(load)}.`,
  );
  if (options.json !== undefined) {
    const result = { command, machine: machine(), others, load, rounds: options.rounds, lines, goals: judged };
    await writeFile(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  }
  if (options.short) endShort(judged);
}

/** Ends with 1 if a goal is missed, or was not measured at all. */
function endShort(judged: readonly Judged[]): void {
  for (const { what, goal, values, isReached } of judged)
    if (!isReached) console.error(`REGRESSION: ${what} is ${withRange(values)}, not ${goal}`);
  for (const { what } of SHORT_GOALS)
    if (!judged.some((one) => one.what === what)) console.error(`NOT MEASURED: ${what}`);
  const reached = judged.filter(({ isReached }) => isReached);
  if (reached.length < SHORT_GOALS.length) process.exit(1);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
});
// Clients of the servers that end with this process are of no use any more.
process.exit();
