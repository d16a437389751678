import { FAILPOINTS, type FailpointName } from './failpoint.ts';
import { armWith, isHit, readFailpoint } from './failpoint-setting.ts';
import { Random } from './random.ts';
import { describeVerdict, ProgressLine } from './report.ts';
import { type Arming, type Death, type Role, runScenario, type ScenarioOptions } from './scenario.ts';

/**
 * Which time it gets there a process dies. Rarely the first: a message over which five processes in a row die is set aside by
 * the service, as it should be, and a status that nobody lives to take for SETTLE_WAIT cannot settle its reply.
 */
const MOST_NTH = 25;

/** New messages a second: enough for every failpoint to be met soon, and less than what the survivors can work off. */
const RATE = 30;

const NO_FAULTS = { kills: 0, postgresStops: 0, freezes: 0, redisFaults: 0, networkFaults: 0, rolls: 0 };

/** A process gets to its failpoint within some seconds, or never. */
const PATIENCE_MS = 90_000;

/** Kills by failpoint, and what is armed next: always the one of the role that has been hit least. */
export class FailpointRota {
  readonly #per: number;
  readonly #random: Random;
  readonly #kills = new Map<FailpointName, number>(FAILPOINTS.map(({ name }) => [name, 0]));
  readonly #armed = new Map<FailpointName, number>();
  #movedAt = performance.now();

  constructor(per: number, random: Random) {
    this.#per = per;
    this.#random = random;
  }

  get kills(): ReadonlyMap<FailpointName, number> {
    return this.#kills;
  }

  /** Each has been hit often enough. */
  get isComplete(): boolean {
    return [...this.#kills.values()].every((count) => count >= this.#per);
  }

  /** Nothing was hit for so long that nothing will be. */
  get isStuck(): boolean {
    return performance.now() - this.#movedAt > PATIENCE_MS;
  }

  /** That nothing is hit has a reason: the servers or the processes start. */
  excuse(): void {
    this.#movedAt = performance.now();
  }

  /** For the next process of a role; one that is armed already counts as hit, so that two processes take two of them. */
  arm(role: Role): Arming {
    const open = FAILPOINTS.filter((one) => one.role === role)
      .map(({ name }) => ({ name, due: (this.#kills.get(name) ?? 0) + (this.#armed.get(name) ?? 0) }))
      .filter(({ due }) => due < this.#per);
    const least = Math.min(...open.map(({ due }) => due));
    const candidates = open.filter(({ due }) => due === least).map(({ name }) => name);
    if (candidates.length === 0) return {};
    const name = this.#random.pick(candidates);
    this.#armed.set(name, (this.#armed.get(name) ?? 0) + 1);
    return armWith({ name, nth: this.#random.int(1, MOST_NTH), action: 'kill' });
  }

  died(death: Death): void {
    const { armed } = death;
    const setting = armed.env?.['WAHOOK_FAILPOINT'];
    if (setting === undefined) return;
    const { name } = readFailpoint(setting);
    this.#armed.set(name, (this.#armed.get(name) ?? 0) - 1);
    if (!isHit(death)) return;
    this.#kills.set(name, (this.#kills.get(name) ?? 0) + 1);
    this.#movedAt = performance.now();
  }
}

/** Kills at each failpoint `per` times under load, then drains and judges; true if nothing went wrong and all were hit. */
export async function runFailpoints(per: number, options: ScenarioOptions): Promise<boolean> {
  const rota = new FailpointRota(per, Random.of(options.seed, 'failpoints'));
  const line = new ProgressLine();
  const verdict = await runScenario({
    ...options,
    messages: 1,
    rate: options.rate ?? RATE,
    faults: NO_FAULTS,
    arm: (role) => rota.arm(role),
    onDeath: (death) => rota.died(death),
    isEnough: () => rota.isComplete || rota.isStuck,
    onProgress: (progress) => {
      if (progress.phase === 'starting') rota.excuse();
      line.show({ ...progress, faults: { kills: [...rota.kills.values()].reduce((sum, count) => sum + count, 0) } });
    },
  });
  line.end();
  process.stdout.write(`${describeKills(rota.kills)}\n\n${describeVerdict(verdict)}`);
  if (!rota.isComplete) process.stdout.write(`Not every failpoint was hit ${per} times.\n`);
  return verdict.isClean && rota.isComplete;
}

function describeKills(kills: ReadonlyMap<FailpointName, number>): string {
  const rows = FAILPOINTS.map(({ name, role, step, state }) => {
    const count = String(kills.get(name) ?? 0).padStart(5);
    return `${count}  ${step.padEnd(4)}${role.padEnd(8)}${name.padEnd(24)}${state}`;
  });
  return ['kills', ...rows].join('\n');
}
