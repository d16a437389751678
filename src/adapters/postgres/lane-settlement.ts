import { isWahookError } from '../../core/errors.ts';
import type { OutboundMessage } from '../../core/model.ts';
import type { StateWrite } from '../../core/ports/bot.ts';
import type { Metrics } from '../../core/ports/observation.ts';
import type { NewJob, QueueName, Settlement } from '../../core/ports/queue.ts';
import { Batch } from './batch.ts';
import type { Database, Queryable } from './database.ts';
import { type ClaimedRow, LaneRows, type SettledRow } from './lane-rows.ts';
import type { LaneClaim, LaneScheduler } from './lane-scheduler.ts';
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
  readonly settled: readonly SettledRow[];
  /** Behind a message that must be tried again: as if they had not been handed over. */
  readonly untouched: readonly ClaimedRow[];
}

/** One lane's burst, ready to be written. */
interface Settling extends Burst {
  readonly claim: LaneClaim;
  readonly next: Next;
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
 * Settles the bursts of many lanes in one short transaction: those that become ready while one is under way go into the next.
 * It holds the fence of each lane, its sends and its rows, so either everything about a burst counts or nothing; a lane that
 * was taken over is left out of it. If it fails because of one lane, each is settled by itself.
 */
export class LaneSettlement {
  readonly #options: LaneSettlementOptions;
  readonly #rows: LaneRows;
  readonly #outbox = new LaneRows('outbound');
  readonly #batch = new Batch<Settling, boolean>((settling) => this.#settleAll(settling));

  constructor(options: LaneSettlementOptions, rows: LaneRows) {
    this.#options = options;
    this.#rows = rows;
  }

  /**
   * False if the lane was lost. What the database refuses for good it would refuse at every run: then the burst is over, and
   * what was to be done with it is a dead letter for a person to look at.
   */
  settle(claim: LaneClaim, burst: Burst, next: Next): Promise<boolean> {
    return this.#batch.add({ claim, next, ...burst });
  }

  async #settleAll(settling: readonly Settling[]): Promise<readonly (boolean | Promise<boolean>)[]> {
    const attempt = { isAtCommit: false };
    try {
      return await this.#write(settling, attempt);
    } catch (error) {
      // A COMMIT whose answer was lost may have counted.
      if (attempt.isAtCommit || (settling.length === 1 && !isWahookError(error, 'unstorable'))) throw error;
      return settling.map((one) => this.#settleAlone(one));
    }
  }

  async #settleAlone(one: Settling): Promise<boolean> {
    try {
      return (await this.#write([one]))[0] === true;
    } catch (error) {
      // A commit in the middle of a run settles nothing yet: whoever asked for it must learn that nothing of it is stored.
      if (!isWahookError(error, 'unstorable') || one.settled.length === 0) throw error;
      const dead: Settlement = { outcome: 'dead', error: { code: 'unstorable', message: error.message } };
      const settled = one.settled.map(([seq]) => [seq, dead] as const);
      return (await this.#write([{ ...one, sends: [], writes: [], settled }]))[0] === true;
    }
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
    if (ours.size < settling.length) metrics.count('fence_rejections_total', { queue }, settling.length - ours.size);
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
    const untouched = bursts.flatMap((burst) => burst.untouched);
    const outbound = sends.length > 0 ? await this.#outbox.insert(tx, sends) : [];
    const writes = bursts.flatMap((burst) => burst.writes);
    if (writes.length > 0) await writeState(tx, writes);
    if (settled.length > 0) await this.#rows.settle(tx, settled);
    if (untouched.length > 0) await this.#rows.unclaim(tx, untouched);
    return { outbound, moved: movedTo(settled) };
  }
}

/** Lanes with something that is due at once; the sweep wakes the others. */
function movedTo(settled: readonly SettledRow[]): readonly string[] {
  const lanes = settled.flatMap(([, it]) => (it.outcome === 'moved' && it.inMs === undefined ? it.lane : []));
  return [...new Set(lanes)];
}
