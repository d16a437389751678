import type { Random } from './random.ts';
import type { FaultCounts } from './scenario.ts';

export type FaultKind = keyof FaultCounts;

/** What one fault of each kind needs of the run, in ms, so that what it did can heal before the next of its kind. */
const SPACING_MS: Readonly<Record<FaultKind, number>> = {
  kills: 2_200,
  postgresStops: 6_000,
  freezes: 16_000,
  redisFaults: 4_000,
  networkFaults: 8_000,
  rolls: 3_500,
};

/** Two processes that work on two cores under faults keep up with this. */
const MESSAGES_PER_SECOND = 55;
const LEAST_MS = 10_000;

/** Of the time of the sender, before the first fault. */
const QUIET_MS = 1_000;

export interface FaultPlan {
  /** How long the sender should take: what the faults need, and the messages. */
  readonly loadMs: number;
  /** For each kind the moments at which its faults are due, counted from the first message. */
  readonly moments: Readonly<Record<FaultKind, readonly number[]>>;
}

/** Spreads the faults of each kind evenly over the run, each at a moment of chance within its share of it. */
export function planFaults(counts: FaultCounts, messages: number, rate: number | undefined, random: Random): FaultPlan {
  const kinds = Object.keys(SPACING_MS) as readonly FaultKind[];
  const needs = kinds.map((kind) => counts[kind] * SPACING_MS[kind]);
  const loadMs = Math.max(LEAST_MS, (messages / (rate ?? MESSAGES_PER_SECOND)) * 1_000, ...needs);
  const moments = kinds.map((kind) => {
    const share = (loadMs - QUIET_MS) / counts[kind];
    return [kind, Array.from({ length: counts[kind] }, (_, index) => QUIET_MS + share * (index + random.next()))];
  });
  return { loadMs, moments: Object.fromEntries(moments) as FaultPlan['moments'] };
}
