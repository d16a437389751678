import { isWahookError } from '../../core/errors.ts';
import type { OutboundMessage } from '../../core/model.ts';
import type { StateWrite } from '../../core/ports/bot.ts';
import type { Metrics } from '../../core/ports/observation.ts';
import type { NewJob, QueueName, Settlement } from '../../core/ports/queue.ts';
import { Batch } from './batch.ts';
import type { Database, Queryable } from './database.ts';
import { type ClaimedRow, LaneRows } from './lane-rows.ts';
import type { LaneClaim, LaneScheduler } from './lane-scheduler.ts';
import { type SettledRow, settleRows } from './settle-rows.ts';
import { writeState } from './state-writes.ts';

/** What to do with the lane after a burst; `leave awake`: something waits, but others come first. */
export type Next = 'stay' | 'leave' | 'leave awake';

/** What a handler wants to have stored. */
export interface Effects {
  readonly sends: readonly NewJob<OutboundMessage>[];
  readonly writes: readonly StateWrite[];
}

/** What a handler made of a burst. */
export interface Burst extends Effects {
  /** What the handler got. */
  readonly rows: readonly ClaimedRow[];
  /** The first of them. The others stand behind one that must be tried again: as if they had not been handed over. */
  readonly settled: readonly SettledRow[];
}

/**
 * Lanes that share a statement or a transaction at most, and such ones under way at once. With the 64 places that a worker has by default all
 * go together; with 192 three groups keep worker and PostgreSQL busy at the same time (docs/performance.md). Smaller groups cost more: half as
 * large ones 18 % for each message.
 */
export const LANES_TOGETHER = { mostItems: 64, mostRuns: 3 } as const;

/**
 * What so many effects and more meet when they are written is their own doing; with fewer the database is in trouble. Writing them takes
 * some 30 ms, and a statement has 3 s.
 */
const MANY_EFFECTS = 500;

/** Runs whose effects were too many to be written, before the message is given up. */
const MOST_UNWRITTEN = 3;

/** Between such runs. */
const UNWRITTEN_AGAIN_MS = 5_000;

const UNWRITTEN = {
  code: 'effects_not_stored',
  message: 'What the handler wants to send and keep takes too long to store: let it do less in one run',
};

/** What is known of the attempts to settle one burst. */
export interface Attempts {
  /** The answer to a COMMIT was lost. If it counted and gave up the lane, the next attempt is fenced by it. */
  mayHaveCounted: boolean;
}

/** One lane's burst, ready to be written. */
interface Settling extends Burst {
  readonly claim: LaneClaim;
  readonly next: Next;
  readonly attempts: Attempts;
}

export interface LaneSettlementOptions {
  readonly database: Database;
  readonly scheduler: LaneScheduler;
  readonly queue: QueueName;
  readonly metrics: Metrics;
}

/** Lanes of other rows that the transaction let wait for a worker; they are woken after its COMMIT. */
interface Written {
  readonly outbound: readonly string[];
  readonly moved: readonly string[];
}

/**
 * Settles the bursts of many lanes in one short transaction: those that become ready while one is under way go into the next, or if they
 * are many, into one beside it. Who settles twice in a lane waits for the first, or the second may be quicker.
 * It holds the fence of each lane, its sends and its rows, so either everything about a burst counts or nothing; a lane that
 * was taken over is left out of it. If it fails because of one lane, each is settled by itself; and if one fails then whose effects
 * are many while the same without them does not, that was a failed run: or it would come again for ever, and hold up the others
 * each time.
 */
export class LaneSettlement {
  readonly #options: LaneSettlementOptions;
  readonly #rows: LaneRows;
  readonly #outbox = new LaneRows('outbound');
  readonly #batch = new Batch<Settling, boolean>((settling) => this.#settleAll(settling), LANES_TOGETHER);

  constructor(options: LaneSettlementOptions, rows: LaneRows) {
    this.#options = options;
    this.#rows = rows;
  }

  /**
   * False if the lane was lost. What the database refuses for good it would refuse at every run: then the burst is over, and
   * what was to be done with it is a dead letter for a person to look at.
   *
   * @param attempts the same for each repetition
   */
  settle(claim: LaneClaim, burst: Burst, next: Next, attempts = { mayHaveCounted: false }): Promise<boolean> {
    return this.#batch.add({ claim, next, attempts, ...burst });
  }

  async #settleAll(settling: readonly Settling[]): Promise<readonly (boolean | Promise<boolean>)[]> {
    const attempt = { isAtCommit: false };
    try {
      return await this.#write(settling, attempt);
    } catch (error) {
      if (attempt.isAtCommit) throw afterCommit(settling, error);
      const [only] = settling;
      if (only !== undefined && settling.length === 1) return [await this.#settleWithoutEffects(only, error)];
      return settling.map((one) => this.#settleAlone(one));
    }
  }

  async #settleAlone(one: Settling): Promise<boolean> {
    const attempt = { isAtCommit: false };
    try {
      return (await this.#write([one], attempt))[0] === true;
    } catch (error) {
      if (attempt.isAtCommit) throw afterCommit([one], error);
      return await this.#settleWithoutEffects(one, error);
    }
  }

  /** @throws `error` unless it lies in the burst itself */
  async #settleWithoutEffects(one: Settling, error: unknown): Promise<boolean> {
    const settlement = settlementOfUnwritten(one, error);
    if (settlement === undefined) throw error;
    const { outcome } = settlement;
    // What is to be run again comes again whole.
    const rows = outcome === 'dead' ? one.rows.slice(0, one.settled.length) : one.rows.slice(0, 1);
    const settled = rows.map(({ seq }) => [seq, settlement] as const);
    const written = (await this.#write([{ ...one, sends: [], writes: [], settled }]))[0] === true;
    const { metrics, queue } = this.#options;
    if (written && outcome === 'dead')
      metrics.count('dead_letters_total', { queue, reason: settlement.error.code }, settled.length);
    return written;
  }

  /** True for each lane that was still ours. */
  async #write(settling: readonly Settling[], attempt = { isAtCommit: false }): Promise<readonly boolean[]> {
    const { database, scheduler, queue, metrics } = this.#options;
    const { ours, written } = await database.transaction(async (tx) => {
      attempt.isAtCommit = false;
      const ours = await this.#fence(tx, settling);
      const counting = settling.filter(({ claim }) => ours.has(claim));
      const written = await this.#writeBursts(tx, counting);
      const awake = counting.filter(({ next }) => next === 'leave awake').map(({ claim }) => claim.lane);
      await scheduler.wakeInside(tx, queue, awake);
      attempt.isAtCommit = true;
      return { ours, written };
    });
    if (written.outbound.length > 0) scheduler.wake('outbound', written.outbound);
    if (written.moved.length > 0) scheduler.wake(queue, written.moved);
    const rejected = settling.filter(({ claim, attempts }) => !ours.has(claim) && !attempts.mayHaveCounted).length;
    if (rejected > 0) metrics.count('fence_rejections_total', { queue }, rejected);
    return settling.map(({ claim }) => ours.has(claim));
  }

  /** The claims that are still ours; until the transaction ends nobody takes their lanes. */
  async #fence(tx: Queryable, settling: readonly Settling[]): Promise<ReadonlySet<LaneClaim>> {
    const { scheduler, queue } = this.#options;
    const staying = settling.filter(({ next }) => next === 'stay').map(({ claim }) => claim);
    const leaving = settling.filter(({ next }) => next !== 'stay').map(({ claim }) => claim);
    const held = await scheduler.hold(tx, queue, staying);
    const released = await scheduler.release(tx, queue, leaving);
    return new Set([...held, ...released]);
  }

  /** All that bursts write, with their fence held. */
  async #writeBursts(tx: Queryable, bursts: readonly Burst[]): Promise<Written> {
    const sends = bursts.flatMap((burst) => burst.sends);
    const settled = bursts.flatMap((burst) => burst.settled);
    const untouched = bursts.flatMap((burst) => burst.rows.slice(burst.settled.length));
    const outbound = sends.length > 0 ? await this.#outbox.insert(tx, sends) : [];
    const writes = bursts.flatMap((burst) => burst.writes);
    if (writes.length > 0) await writeState(tx, writes);
    if (settled.length > 0) await settleRows(tx, this.#options.queue, settled);
    if (untouched.length > 0) await this.#rows.unclaim(tx, untouched);
    return { outbound, moved: movedTo(settled) };
  }
}

/** A COMMIT whose answer was lost may have counted. */
function afterCommit(settling: readonly Settling[], error: unknown): unknown {
  for (const { attempts } of settling) attempts.mayHaveCounted = true;
  return error;
}

/**
 * What becomes of a burst that cannot be written for a reason of its own; undefined: it is another one. A commit in the middle of a run
 * settles nothing yet: whoever asked for it must learn that nothing of it is stored.
 */
function settlementOfUnwritten(
  { rows, settled, sends, writes }: Burst,
  error: unknown,
): Extract<Settlement, { outcome: 'dead' | 'retry' }> | undefined {
  const [first] = rows;
  if (first === undefined || settled.length === 0) return undefined;
  if (isWahookError(error, 'unstorable'))
    return { outcome: 'dead', error: { code: 'unstorable', message: error.message } };
  if (sends.length + writes.length < MANY_EFFECTS) return undefined;
  const { attempt, lastError } = first.job;
  return attempt >= MOST_UNWRITTEN && lastError?.code === UNWRITTEN.code
    ? { outcome: 'dead', error: UNWRITTEN }
    : { outcome: 'retry', inMs: UNWRITTEN_AGAIN_MS, counted: true, error: UNWRITTEN };
}

/** Lanes with something that is due at once; the sweep wakes the others. */
function movedTo(settled: readonly SettledRow[]): readonly string[] {
  const lanes = settled.flatMap(([, it]) => (it.outcome === 'moved' && it.inMs === undefined ? it.lane : []));
  return [...new Set(lanes)];
}
