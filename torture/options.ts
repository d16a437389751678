import { parseArgs } from 'node:util';
import type { FaultCounts, ScenarioOptions } from './scenario.ts';

export interface TortureOptions {
  readonly mode: 'random' | 'failpoints' | 'mutants' | 'peers';
  /** Kills at each failpoint. */
  readonly per: number;
  /** Names of those wanted; all if empty. */
  readonly mutants: readonly string[];
  readonly peer: string | undefined;
  readonly scenario: ScenarioOptions;
}

/** What a run without options does in about three minutes; `--short` in about 75 s. */
const SIZES = {
  normal: {
    messages: 3_000,
    settleWaitMs: 60_000,
    faults: { kills: 40, postgresStops: 4, freezes: 3, redisFaults: 8, networkFaults: 8, rolls: 8 },
  },
  short: {
    messages: 1_200,
    settleWaitMs: 30_000,
    faults: { kills: 12, postgresStops: 2, freezes: 1, redisFaults: 4, networkFaults: 3, rolls: 4 },
  },
} as const;

export const USAGE = `npm run torture -- [options]

  --messages N         messages to send at least (3000)
  --seed S             repeats the choices of a run; a new one each time if not given
  --kills N            kill -9 of one of the processes (40)
  --postgres-stops N   Postgres stopped as by a crash, and started again (4)
  --freezes N          SIGSTOP for longer than a worker may be silent (3)
  --network-faults N   latency, blackhole, reset, half-open (8)
  --rolls N            SIGTERM and a new start (8)
  --redis              with Redis beside Postgres
  --redis-faults N     kill, FLUSHALL, freeze, eviction (8 with --redis)
  --settle-wait S      SETTLE_WAIT in seconds (60)
  --rate R             new messages a second at most
  --patience S         after the last fault: what does not move for so many seconds is lost (75 and SETTLE_WAIT;
                       120 for a peer)
  --short              the form for CI, a bit more than a minute: fewer messages and faults
  --peer NAME          puts bench/peers/NAME under test instead of wahook; with a Redis that keeps what it is given
  --peers              wahook and all of bench/peers, one after the other, and a table of it
  --failpoints         kills at each failpoint instead of at random
  --per N              so many times each (50; 5 with --short)
  --mutants [NAME…]    deliberately broken builds, each of which must be caught
  --help               this
`;

export const FLAGS = {
  messages: { type: 'string' },
  seed: { type: 'string' },
  kills: { type: 'string' },
  'postgres-stops': { type: 'string' },
  freezes: { type: 'string' },
  'network-faults': { type: 'string' },
  rolls: { type: 'string' },
  redis: { type: 'boolean' },
  'redis-faults': { type: 'string' },
  'settle-wait': { type: 'string' },
  rate: { type: 'string' },
  patience: { type: 'string' },
  short: { type: 'boolean' },
  peer: { type: 'string' },
  peers: { type: 'boolean' },
  failpoints: { type: 'boolean' },
  per: { type: 'string' },
  mutants: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

/** Undefined if help was asked for. @throws Error with a sentence for the user */
export function readOptions(args: readonly string[]): TortureOptions | undefined {
  const allowPositionals = args.includes('--mutants');
  const { values, positionals } = parseArgs({ args: [...args], options: FLAGS, allowPositionals });
  if (values.help) return undefined;
  const modes = (['mutants', 'failpoints', 'peers', 'peer'] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new Error(`--${modes.join(' and --')} exclude each other`);
  const unused = unusedIn(modes[0]).find((name) => values[name] !== undefined);
  if (unused !== undefined)
    throw new Error(`--${unused} means nothing ${modes[0] ? `with --${modes[0]}` : 'without --failpoints'}`);
  const redis = values.redis || values.peers || values.peer !== undefined;
  if (!redis && values['redis-faults'] !== undefined) throw new Error('--redis-faults needs --redis');
  const short = values.short ?? false;
  const [mode = 'random'] = modes;
  return {
    mode: mode === 'peer' ? 'random' : mode,
    per: wholeNumber('per', values.per, short ? 5 : 50),
    mutants: positionals,
    peer: values.peer,
    scenario: scenarioOf({ ...values, redis }, short ? SIZES.short : SIZES.normal),
  };
}

const FAULTS = ['kills', 'postgres-stops', 'freezes', 'network-faults', 'rolls', 'redis-faults'] as const;

/** Options that would be ignored. */
function unusedIn(mode: 'mutants' | 'failpoints' | 'peers' | 'peer' | undefined): readonly (keyof typeof FLAGS)[] {
  if (mode === 'failpoints') return ['messages', ...FAULTS];
  if (mode !== 'mutants') return ['per'];
  return ['messages', ...FAULTS, 'redis', 'settle-wait', 'rate', 'patience', 'short', 'per'];
}

type Values = Readonly<Partial<Record<keyof typeof FLAGS, string | boolean>>>;

function scenarioOf(values: Values, size: (typeof SIZES)['normal' | 'short']): ScenarioOptions {
  const redis = values.redis === true;
  const number = (name: keyof Values, byDefault = 0) => wholeNumber(name, values[name], byDefault);
  const faults: FaultCounts = {
    kills: number('kills', size.faults.kills),
    postgresStops: number('postgres-stops', size.faults.postgresStops),
    freezes: number('freezes', size.faults.freezes),
    networkFaults: number('network-faults', size.faults.networkFaults),
    rolls: number('rolls', size.faults.rolls),
    redisFaults: redis ? number('redis-faults', size.faults.redisFaults) : 0,
  };
  return {
    messages: number('messages', size.messages),
    seed: number('seed', Math.floor(Math.random() * 1_000_000)),
    faults,
    redis,
    settleWaitMs: number('settle-wait', size.settleWaitMs / 1_000) * 1_000,
    ...(values.rate !== undefined && { rate: number('rate') }),
    ...(values.patience !== undefined && { stallMs: number('patience') * 1_000 }),
  };
}

function wholeNumber(name: string, given: string | boolean | undefined, byDefault: number): number {
  if (given === undefined) return byDefault;
  if (!/^\d{1,9}$/.test(String(given))) throw new Error(`--${name} is not a whole number`);
  return Number(given);
}
