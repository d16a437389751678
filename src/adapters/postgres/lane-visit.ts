import { WahookError } from '../../core/errors.ts';
import { conversationOf, type OutboundMessage } from '../../core/model.ts';
import type { JobHandler, Metrics, NewJob, QueueName, Settlement } from '../../core/ports.ts';
import type { Database, Queryable } from './database.ts';
import { type ClaimedRow, LaneRows } from './lane-rows.ts';
import type { LaneClaim, LaneScheduler } from './lane-scheduler.ts';

/** What one visit may take before the lane goes to the end of the line, so that a chatty lane starves nobody. */
const TURN = { rows: 50, ms: 5_000 } as const;

export interface LaneVisitOptions {
  readonly database: Database;
  readonly scheduler: LaneScheduler;
  readonly queue: QueueName;
  readonly handler: JobHandler<never>;
  readonly burst: number;
  readonly metrics: Metrics;
}

/** The outcome of a visit: `fenced`: another worker has the lane, nothing of the last burst counted. */
export type Visit = 'done' | 'fenced';

/**
 * Handles what waits in one lane, burst by burst: claim, handler, one short transaction. That transaction holds the fence,
 * the sends and the rows, so either everything about a burst counts or nothing.
 *
 * The visit ends with its last transaction, which also gives up the lane. A message that arrives after the last claim has
 * brought a wake-up of its own, which pg-boss keeps beside the active job; so it is enough to ask at the claim whether
 * more waits.
 */
export class LaneVisit {
  readonly #options: LaneVisitOptions;
  readonly #rows: LaneRows;
  readonly #outbox = new LaneRows('outbound');

  constructor(options: LaneVisitOptions) {
    this.#options = options;
    this.#rows = new LaneRows(options.queue);
  }

  /** Rejects with what the handler or the database rejected with; the lane is then still held. */
  async run(claim: LaneClaim, signal: AbortSignal, stopping: () => boolean): Promise<Visit> {
    const { database, burst } = this.#options;
    const startedAt = performance.now();
    for (let handled = 0; ; ) {
      if (stopping()) return this.#leave(claim, true);
      const { rows, more } = await this.#rows.claim(database, claim.lane, burst);
      if (rows.length === 0) return this.#leave(claim, false);
      const sends: NewJob<OutboundMessage>[] = [];
      const settled = await this.#handle(rows, sends, signal);
      handled += rows.length;
      const waits = more && settled.at(-1)?.[1].outcome !== 'retry';
      const turnIsOver = handled >= TURN.rows || performance.now() - startedAt >= TURN.ms || stopping();
      const next = !waits ? 'leave' : turnIsOver ? 'leave awake' : 'stay';
      if (!(await this.#settle(claim, settled, sends, next))) return 'fenced';
      if (next !== 'stay') return 'done';
    }
  }

  async #handle(
    rows: readonly ClaimedRow[],
    sends: NewJob<OutboundMessage>[],
    signal: AbortSignal,
  ): Promise<readonly (readonly [seq: number, settlement: Settlement])[]> {
    const send = (message: OutboundMessage) => void sends.push(sendJob(message));
    const settlements = await this.#options.handler(rows.map(({ job }) => job) as never, { send, signal });
    if (settlements.length !== rows.length) throw new Error('the handler settled another number of jobs than it got');
    const firstRetry = settlements.findIndex(({ outcome }) => outcome === 'retry');
    const counting = firstRetry === -1 ? settlements : settlements.slice(0, firstRetry + 1);
    return counting.map((settlement, index) => [rows[index]!.seq, settlement]);
  }

  /** False if the lane was lost. */
  async #settle(
    claim: LaneClaim,
    settled: readonly (readonly [number, Settlement])[],
    sends: readonly NewJob[],
    next: 'stay' | 'leave' | 'leave awake',
  ): Promise<boolean> {
    const { database, scheduler, queue } = this.#options;
    let outboundLanes: readonly string[] = [];
    const held = await this.#fenced(() =>
      database.transaction(async (tx) => {
        await this.#assertHeld(tx, claim, next);
        if (sends.length > 0) outboundLanes = await this.#outbox.insert(tx, sends);
        await this.#rows.settle(tx, settled);
      }),
    );
    if (held && outboundLanes.length > 0) scheduler.wake('outbound', outboundLanes);
    if (!held) this.#options.metrics.count('fence_rejections_total', { queue });
    return held;
  }

  async #leave(claim: LaneClaim, awake: boolean): Promise<Visit> {
    const { database } = this.#options;
    const leave = () => database.transaction((tx) => this.#assertHeld(tx, claim, awake ? 'leave awake' : 'leave'));
    return (await this.#fenced(leave)) ? 'done' : 'fenced';
  }

  async #assertHeld(tx: Queryable, claim: LaneClaim, next: 'stay' | 'leave' | 'leave awake'): Promise<void> {
    const { scheduler, queue } = this.#options;
    const held = next === 'stay' ? await scheduler.hold(tx, queue, claim) : await scheduler.release(tx, queue, claim);
    if (!held) throw new WahookError('fenced', 'another worker has the lane');
    if (next === 'leave awake') await scheduler.wakeInside(tx, queue, [claim.lane]);
  }

  async #fenced(transaction: () => Promise<void>): Promise<boolean> {
    try {
      await transaction();
      return true;
    } catch (error) {
      if (error instanceof WahookError && error.code === 'fenced') return false;
      throw error;
    }
  }
}

/** A copy: what the handler does with its object afterwards changes nothing. One lane a recipient, so replies keep order. */
function sendJob(message: OutboundMessage): NewJob<OutboundMessage> {
  return {
    key: { id: message.sendId, day: 0 },
    lane: conversationOf(message.phoneNumberId, message.to.groupId, message.to),
    payload: structuredClone(message),
  };
}
