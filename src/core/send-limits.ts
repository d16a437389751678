/** What Meta allows a number of ours, and what we make of it. */
export interface NumberLimits {
  /** Messages a second, inbound ones included. Meta's page on throughput (2026-09-11): 80, up to 1,000 by its upgrade, 20 with coexistence. */
  readonly perSecond: number;
  /** Tells its access token from another one, without telling the token. */
  readonly credential: string;
  /** Its business account (WABA), where that is known: what is said of one account concerns no other. */
  readonly account?: string;
}

/**
 * Messages to one person. Meta's page "About the platform" (2026-09-11): one in 6 s, and bursts of up to 45 that are borrowed from
 * the future.
 */
export interface PairLimit {
  /** 0: there is no limit. */
  readonly intervalMs: number;
  readonly burst: number;
}

/** The limits of a number by its id; asked each time, since they may change. */
type LimitsOf = (phoneNumberId: string) => NumberLimits;

export interface SendLimits {
  readonly limitsOf: LimitsOf;
  readonly pair: PairLimit;
}

/**
 * A fifth of the throughput stays free: requests do not take equally long to Meta, so what left evenly arrives in knots, and a second of
 * Meta's clock may hold what left within 1.25 s. With a tenth a busy machine caused a refusal now and then, each of which
 * costs half of the pace for half a minute.
 */
export const HEADROOM = 0.8;

/** A place that is older has lost its place in the pace; so much is in the headroom. */
export const PLACE_LASTS_MS = 50;

/** A process takes places for so long ahead, by one statement. */
const SLICE_MS = 100;

/** Places that a process takes at once, at most. */
export function sliceOf(perSecond: number): number {
  return Math.max(1, Math.ceil((perSecond * HEADROOM * SLICE_MS) / 1_000));
}

/** A place further away than this is not worth holding a slot for. */
export const HORIZON_MS = 1_000;

/** Inbound messages are told to the others once in this time. */
export const TELL_RECEIVED_MS = 1_000;

/** How far the pace falls at most, however often Meta complains, and how long it takes from nothing to all of it. */
export const LEAST_PACE = 1 / 16;
export const RECOVERY_MS = 60_000;

/**
 * The next place of a number lies no further ahead than this: a slice at the slowest pace behind the horizon.
 */
export function longestWaitMs(perSecond: number): number {
  return HORIZON_MS + (1_000 * sliceOf(perSecond)) / (perSecond * HEADROOM * LEAST_PACE);
}

/**
 * The store's clock may be set back. A moment more than so many times as far ahead as it could be set is of before that and counts as over,
 * or a number would stand still for as long as the clock had been ahead. Not 1: clocks are set back by milliseconds all the time.
 */
export const SET_BACK = 2;

/** Complaints within this time are one: they are about messages that had left already. */
export const ONE_COMPLAINT_MS = 2_000;

/** After Meta's limit of the app or an account; doubled each time. Its limits are counted by the hour. */
export const PAUSE = { leastMs: 60_000, mostMs: 900_000, forgottenMs: 900_000 } as const;

/** Between tries to send from a number that is stopped; doubled each time. */
export const PROBE = { leastMs: 60_000, mostMs: 900_000 } as const;

/**
 * What waits for a stopped number looks again at some moment within so long after the next probe, from its second look on. Resuming wakes all of it, and the message
 * that was tried last comes back for each probe by itself, so this is only for the case that it is gone: 100,000 lanes are 28 looks a
 * second, and not all of them at each probe.
 */
export const LOOK_AGAIN_MS = 3_600_000;

/** Codes by which Meta refuses an access token, and ours for a number without one: new settings mend it. */
export const TOKEN_CODES: readonly string[] = ['graph_0', 'graph_190', 'unauthorized'];

/**
 * How far a recipient's account may be in debt for one more message to go: the burst, less the message itself, less one that is
 * kept back because requests do not take equally long.
 */
export function toleranceMs({ intervalMs, burst }: PairLimit): number {
  return Math.max(0, burst - 2) * intervalMs;
}

/** The code of a message that waits because its number is stopped. */
export const NUMBER_STOPPED = 'number_stopped';
