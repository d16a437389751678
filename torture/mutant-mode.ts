import { rmSync } from 'node:fs';
import { armWith, type FailpointSetting, isHit } from './failpoint-setting.ts';
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

  get isEmpty(): boolean {
    return this.#kills <= 0;
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

const COUNTS = [
  ['lost', ({ lost }) => lost],
  ['twice', ({ twice }) => twice],
  ['out of order', ({ outOfOrder }) => outOfOrder],
  ['reply lost', ({ repliesLost }) => repliesLost],
  ['reply twice', ({ repliesTwice }) => repliesTwice],
] as const satisfies readonly (readonly [string, (verdict: Verdict) => number])[];

interface Trial {
  readonly verdict: Verdict;
  readonly isCaught: boolean;
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
    isEnough: () => !hasTime() || (armoury.isEmpty && (progress?.handled ?? 0) >= messages),
    onProgress: (now) => {
      progress = now;
    },
    stopAtFirst: true,
  });
  // That something was not accepted or not finished may be the machine's fault; what the ledger counts is not.
  return { verdict, isCaught: COUNTS.some(([, count]) => count(verdict) > 0) };
}

function countsOf(verdict: Verdict): string {
  const counted = COUNTS.map(([name, count]) => [name, count(verdict)] as const).filter(([, count]) => count > 0);
  return counted.map(([name, count]) => `${name} ${count}`).join(', ');
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
    const survivors: string[] = [];
    for (const mutant of mutants) if (!(await trial(mutant, bench))) survivors.push(mutant.name);
    say(`\n${mutants.length - survivors.length} of ${mutants.length} mutants caught`);
    if (survivors.length > 0) say(`survived: ${survivors.join(', ')}`);
    return areGood && survivors.length === 0;
  } finally {
    await servers.stop();
  }
}

async function control(name: MutantScenarioName, bench: Bench): Promise<boolean> {
  const { verdict } = await run(name, undefined, bench);
  say(`unbroken · ${name} · ${ledgerLine(verdict)} · ${seconds(verdict)}`);
  if (!verdict.isClean)
    for (const { kind, conversation, what } of verdict.offences) say(`  ${kind} · ${conversation} · ${what}`);
  return verdict.isClean;
}

async function trial(mutant: Mutant, bench: Bench): Promise<boolean> {
  const { verdict, isCaught } = await run(mutant.scenario, mutant, bench);
  const shown = isCaught ? countsOf(verdict) : ['SURVIVED', ...verdict.offences.map(({ kind }) => kind)].join(', ');
  say(`${row(mutant.name, shown, String(verdict.acked), seconds(verdict))}${mutant.flaw}`);
  // The output of a build that is broken on purpose is of use only if it was not caught.
  if (isCaught) rmSync(verdict.logs, { recursive: true, force: true });
  return isCaught;
}

function row(name: string, shown: string, messages: string, time: string): string {
  return `${name.padEnd(32)}${shown.padEnd(34)}${messages.padStart(8)}${time.padStart(7)}  `;
}

const seconds = ({ durationMs }: Verdict): string => `${Math.round(durationMs / 1_000)} s`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
