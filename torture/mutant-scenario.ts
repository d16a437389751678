import { join } from 'node:path';
import type { FailpointName } from './failpoint.ts';
import type { FailpointSetting } from './failpoint-setting.ts';
import type { FaultCounts, Role } from './scenario.ts';

/** The conditions under which one kind of flaw shows within seconds. */
export interface MutantScenario {
  readonly redis: boolean;
  /** To be answered at least, before the Graph API calms down and the drain begins. */
  readonly messages: number;
  /** A second. */
  readonly rate: number;
  /** As `ScenarioOptions.graphTrouble`. */
  readonly graphTrouble: number;
  /** As `ScenarioOptions.talkers`. */
  readonly talkers?: number;
  /** As `ScenarioOptions.statusAfterMs`. */
  readonly statusAfterMs: number;
  readonly settleWaitMs: number;
  /**
   * How long nothing may move before what is missing is lost. Longer than SETTLE_WAIT, a lost lane (12 s) and some seconds
   * of a busy machine together, or the unbroken build would be caught, too.
   */
  readonly stallMs: number;
  readonly faults: Partial<FaultCounts>;
  /** What a process that starts is armed with: one after the other, each as often as it is given. */
  readonly armed: Readonly<Record<Role, readonly FailpointSetting[]>>;
  /** Settings of every process besides the usual ones. */
  readonly env: Readonly<Record<string, string>>;
}

const CALM: MutantScenario = {
  redis: false,
  messages: 500,
  rate: 30,
  graphTrouble: 1,
  statusAfterMs: 0,
  // A status is told within 2.5 s; it still has to get through two processes of a busy machine.
  settleWaitMs: 10_000,
  stallMs: 30_000,
  faults: {},
  armed: { web: [], worker: [] },
  env: {},
};

function killAt(...names: readonly FailpointName[]): readonly FailpointSetting[] {
  return names.map((name, index) => ({ name, nth: 3 + (index % 6), action: 'kill' }));
}

const throwAt = (name: FailpointName, nth: number): FailpointSetting => ({ name, nth, action: 'throw' });

export const MUTANT_SCENARIOS = {
  /** Nobody dies. Meta repeats, re-batches and comes twice at once; the Graph API fails, throttles and loses answers. */
  calm: { ...CALM, graphTrouble: 6 },
  'calm with redis': { ...CALM, redis: true },
  /** Between the signature and the 200. Redis remembers, so that a cache that knows too much shows. */
  'web dies': {
    ...CALM,
    redis: true,
    messages: 200,
    rate: 40,
    settleWaitMs: 20_000,
    stallMs: 45_000,
    // Often between COMMIT and wake-up: only what a customer writes last is woken by nothing that follows.
    armed: {
      web: killAt('decoded', 'accepted', 'accept-written', ...Array<'accepted'>(20).fill('accepted'), 'decoded'),
      worker: [],
    },
  },
  /** Postgres stops as by a crash and comes back; between that, inserting fails now and then for no reason. */
  'store fails': {
    ...CALM,
    messages: 200,
    rate: 40,
    settleWaitMs: 15_000,
    stallMs: 40_000,
    faults: { postgresStops: 2 },
    armed: { web: [throwAt('decoded', 5), throwAt('decoded', 7)], worker: [] },
  },
  /** Between the end of the handler and the sending of its replies. */
  'worker dies handling': {
    ...CALM,
    messages: 200,
    rate: 40,
    settleWaitMs: 20_000,
    stallMs: 45_000,
    armed: { web: [], worker: killAt('message-settled', 'effects-committed', 'handled', 'message-settled') },
  },
  /** Between Meta's answer and the COMMIT that notes it. Statuses come after another worker has taken the conversation over. */
  'worker dies sending': {
    ...CALM,
    messages: 200,
    rate: 40,
    statusAfterMs: 15_000,
    settleWaitMs: 40_000,
    stallMs: 75_000,
    armed: { web: [], worker: killAt('posted', 'send-answered', 'posted', 'send-settled') },
  },
  /** Handlers fail in the middle of their replies, and after they have made them all. */
  'handler fails': {
    ...CALM,
    messages: 200,
    rate: 40,
    settleWaitMs: 10_000,
    stallMs: 30_000,
    armed: { web: [], worker: [throwAt('handled', 9), throwAt('handled', 8)] },
    env: { HANDLER_RETRIES: '20', BOT: join(import.meta.dirname, 'mutant-failing-bot.ts') },
  },
  /**
   * One worker freezes between a handler and its settlement, and wakes when another has had its lanes for some seconds and settled
   * what waited in them. Their customers go on writing: only a later message shows that the session was overwritten.
   */
  'worker freezes': {
    ...CALM,
    messages: 300,
    rate: 10,
    talkers: 20,
    settleWaitMs: 20_000,
    stallMs: 45_000,
    armed: { web: [], worker: [{ name: 'handled', nth: 20, action: 'freeze', ms: 18_000 }] },
    env: { BOT: join(import.meta.dirname, 'mutant-slow-bot.ts') },
  },
} as const satisfies Readonly<Record<string, MutantScenario>>;

export type MutantScenarioName = keyof typeof MUTANT_SCENARIOS;
