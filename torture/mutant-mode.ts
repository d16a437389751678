import { rmSync } from 'node:fs';
import { armWith, type FailpointSetting, isHit } from './failpoint-setting.ts';
import { VIOLATION_COUNTS, type ViolationCount } from './ledger.ts';
import { MUTANTS, type Mutant } from './mutant.ts';
import { MUTANT_SCENARIOS, type MutantScenario, type MutantScenarioName } from './mutant-scenario.ts';
import { ledgerLine } from './report.ts';
import { type Arming, type Death, type Progress, type Role, runScenario, type Verdict } from './scenario.ts';
import { Servers } from './servers.ts';

const PRELOAD = new URL('./mutant-preload.ts', import.meta.url).href;

/** A build that takes nothing any more would never have sent enough. */
const SENDING_LIMIT_MS = 90_000;

const NO_FAULTS = { kills: 0, postgresStops: 0, freezes: 0, redisFaults: 0, networkFaults: 0, rolls: 0 };

/** Hands out what a scenario arms its processes with, and knows when all of it has happened. */
class Armoury {
  readonly #scenario: MutantScenario;
  readonly #mutant: Mutant | undefined;
  readonly #left: Readonly<Record<Role, FailpointSetting[]>>;
  /** Kills that are still to come. */
  #kills: number;

  constructor(scenario: MutantScenario, mutant: Mutant | undefined) {
    const { web, worker } = scenario.armed;
    this.#scenario = scenario;
    this.#mutant = mutant;
    this.#left = { web: [...web], worker: [...worker] };
    this.#kills = [...web, ...worker].filter(({ action }) => action === 'kill').length;
  }

  get killsLeft(): number {
    return Math.max(0, this.#kills);
  }

  arm(role: Role): Arming {
    const next = this.#left[role].shift();
    const failpoint = next && armWith(next);
    // The mutant first: what a failpoint imports must be broken already.
    const nodeArgs = [...(this.#mutant ? ['--import', PRELOAD] : []), ...(failpoint?.nodeArgs ?? [])];
    const mutation = this.#mutant && { WAHOOK_MUTANT: this.#mutant.name };
    return { nodeArgs, env: { ...this.#scenario.env, ...mutation, ...failpoint?.env } };
  }

  /** A build that ends by itself was not killed. */
  died(death: Death): void {
    if (isHit(death)) this.#kills -= 1;
  }
}

const NAMES: Readonly<Record<ViolationCount, string>> = {
  lost: 'lost',
  twice: 'twice',
  outOfOrder: 'out of order',
  repliesLost: 'reply lost',
  repliesTwice: 'reply twice',
};

/** What one build did in one scenario. */
export interface Trial {
  readonly verdict: Verdict;
  /** Of the scenario, that did not happen: then it has shown nothing. */
  readonly killsLeft: number;
}

/**
 * `caught`: by a count that its flaw raises. `survived`: the scenario happened as a whole, and all was well. `undecided`: neither;
 * it got stuck, say, or only something else went wrong.
 */
export type Outcome = 'caught' | 'survived' | 'undecided';

export function outcomeOf({ shows }: Pick<Mutant, 'shows'>, { verdict, killsLeft }: Trial): Outcome {
  if (shows.some((count) => verdict[count] > 0)) return 'caught';
  return verdict.isClean && killsLeft === 0 ? 'survived' : 'undecided';
}

interface Bench {
  readonly seed: number;
  readonly servers: Servers;
}

async function run(name: MutantScenarioName, mutant: Mutant | undefined, { seed, servers }: Bench): Promise<Trial> {
  const scenario: MutantScenario = MUTANT_SCENARIOS[name];
  const { armed: _armed, env: _env, faults, messages, ...conditions } = scenario;
  const armoury = new Armoury(scenario, mutant);
  let progress: Progress | undefined;
  const hasTime = () => (progress?.elapsedMs ?? 0) < SENDING_LIMIT_MS;
  const verdict = await runScenario({
    ...{ ...conditions, seed, servers, messages: 1 },
    faults: { ...NO_FAULTS, ...faults },
    arm: (role) => armoury.arm(role),
    onDeath: (death) => armoury.died(death),
    isEnough: () => !hasTime() || (armoury.killsLeft === 0 && (progress?.handled ?? 0) >= messages),
    onProgress: (now) => {
      progress = now;
    },
    stopsAt: (counts) => (mutant?.shows ?? VIOLATION_COUNTS).some((count) => counts[count] > 0),
  });
  return { verdict, killsLeft: armoury.killsLeft };
}

/** What a trial says for or against its build, in a few words. */
export function describeTrial(mutant: Pick<Mutant, 'shows'>, trial: Trial): string {
  const { verdict, killsLeft } = trial;
  const outcome = outcomeOf(mutant, trial);
  if (outcome === 'survived') return 'SURVIVED';
  const counts = outcome === 'caught' ? mutant.shows : VIOLATION_COUNTS;
  const counted = counts.flatMap((count) => (verdict[count] > 0 ? [`${NAMES[count]} ${verdict[count]}`] : []));
  if (outcome === 'caught') return counted.join(', ');
  const names: readonly string[] = Object.values(NAMES);
  const others = new Set(verdict.offences.map(({ kind }) => kind).filter((kind) => !names.includes(kind)));
  const missing = killsLeft > 0 ? [`${killsLeft} kills did not happen`] : [];
  return `UNDECIDED: ${[...counted, ...others, ...missing].join(', ')}`;
}

/**
 * Puts each mutant under the scenario that shows it soonest; before that the unbroken build, in which nothing must show. True
 * if all of them were caught. `chosen`: all if empty.
 */
export async function runMutants(chosen: readonly Mutant[], seed: number): Promise<boolean> {
  const mutants = chosen.length === 0 ? MUTANTS : chosen;
  const servers = await Servers.start({ redis: true });
  try {
    const bench = { seed, servers };
    say(`seed ${seed}`);
    let areGood = true;
    for (const scenario of new Set(mutants.map((mutant) => mutant.scenario)))
      areGood = (await control(scenario, bench)) && areGood;
    say(`\n${row('mutant', 'caught by', 'messages', 'time')}flaw`);
    const named: Readonly<Record<Outcome, string[]>> = { caught: [], survived: [], undecided: [] };
    for (const mutant of mutants) named[await trial(mutant, bench)].push(mutant.name);
    const { caught, survived, undecided } = named;
    say(`\n${caught.length} of ${mutants.length} mutants caught`);
    if (survived.length > 0) say(`survived, with all in order: ${survived.join(', ')}`);
    if (undecided.length > 0) say(`undecided, got stuck or failed otherwise: ${undecided.join(', ')}`);
    return areGood && caught.length === mutants.length;
  } finally {
    await servers.stop();
  }
}

async function control(name: MutantScenarioName, bench: Bench): Promise<boolean> {
  const { verdict, killsLeft } = await run(name, undefined, bench);
  say(`unbroken · ${name} · ${ledgerLine(verdict)} · ${seconds(verdict)}`);
  for (const { kind, conversation, what } of verdict.offences) say(`  ${kind} · ${conversation} · ${what}`);
  if (killsLeft > 0) say(`  ${killsLeft} kills did not happen`);
  return verdict.isClean && killsLeft === 0;
}

async function trial(mutant: Mutant, bench: Bench): Promise<Outcome> {
  const done = await run(mutant.scenario, mutant, bench);
  const { verdict } = done;
  say(`${row(mutant.name, describeTrial(mutant, done), String(verdict.acked), seconds(verdict))}${mutant.flaw}`);
  const outcome = outcomeOf(mutant, done);
  // The output of a build that is broken on purpose is of use only if it was not caught.
  if (outcome === 'caught') rmSync(verdict.logs, { recursive: true, force: true });
  return outcome;
}

function row(name: string, shown: string, messages: string, time: string): string {
  return `${name.padEnd(32)}${shown.padEnd(34)}${messages.padStart(8)}${time.padStart(7)}  `;
}

const seconds = ({ durationMs }: Verdict): string => `${Math.round(durationMs / 1_000)} s`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
