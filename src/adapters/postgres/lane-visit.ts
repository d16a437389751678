import { isWahookError, WahookError } from '../../core/errors.ts';
import { sendJob } from '../../core/lanes.ts';
import type { OutboundMessage } from '../../core/model.ts';
import type { JobContext, JobHandler, Metrics, NewJob, QueueName, Settlement, StateWrite } from '../../core/ports.ts';
import type { Database, Queryable } from './database.ts';
import { type ClaimedRow, LaneRows } from './lane-rows.ts';
import type { LaneClaim, LaneScheduler } from './lane-scheduler.ts';
import { writeState } from './state-writes.ts';

/** What one visit may take before the lane goes to the end of the line, so that a chatty lane starves nobody. */
const TURN = { rows: 50, ms: 5_000 } as const;

export interface LaneVisitOptions {
  readonly database: Database;
  readonly scheduler: LaneScheduler;
  readonly queue: QueueName;
  readonly handler: JobHandler<never>;
  readonly burst: number;
  /** Nothing of a lane runs behind a dead row of it; so a burst is one row. */
  readonly holds: boolean;
  readonly metrics: Metrics;
}

/** `fenced`: another worker has the lane, and nothing of the last burst counted. */
export type VisitOutcome = 'left' | 'fenced';

/** Tells whether the lane is still ours. */
type LaneHold = Pick<JobContext, 'signal' | 'isHeld'>;

/** What to do with the lane after a burst; `leave awake`: something waits, but others come first. */
type Next = 'stay' | 'leave' | 'leave awake';

/** What a handler wants to have stored. */
interface Effects {
  readonly sends: readonly NewJob<OutboundMessage>[];
  readonly writes: readonly StateWrite[];
}

/** What a handler made of a burst. */
interface Burst extends Effects {
  readonly settled: readonly (readonly [seq: number, settlement: Settlement])[];
  /** Behind a message that must be tried again: as if they had not been handed over. */
  readonly untouched: readonly ClaimedRow[];
}

/**
 * Handles what waits in one lane, burst by burst: claim, handler, one short transaction. That transaction holds the fence,
 * the sends and the rows, so either everything about a burst counts or nothing.
 *
 * The last transaction of a visit also gives up the lane. A message that arrives after the last claim has brought a wake-up
 * of its own, which pg-boss keeps beside the active job; so it is enough to ask at the claim whether more waits.
 */
export class LaneVisit {
  readonly #options: LaneVisitOptions;
  readonly #rows: LaneRows;
  readonly #outbox = new LaneRows('outbound');

  constructor(options: LaneVisitOptions) {
    this.#options = options;
    this.#rows = new LaneRows(options.queue, options);
  }

  /** Rejects with what the handler or the database rejected with; the lane is then still held. */
  async run(claim: LaneClaim, { signal, isHeld }: LaneHold, stopping: () => boolean): Promise<VisitOutcome> {
    const { database, holds } = this.#options;
    const burst = holds ? 1 : this.#options.burst;
    const turn = { rows: 0, startedAt: performance.now() };
    const isOver = () => stopping() || turn.rows >= TURN.rows || performance.now() - turn.startedAt >= TURN.ms;
    while (!stopping()) {
      const { rows, more } = await this.#rows.claim(database, claim, burst);
      if (rows.length === 0) return this.#leave(claim, 'leave');
      this.#countInterruptions(rows);
      turn.rows += rows.length;
      const isStopped = () => stopping() && signal.aborted;
      const handled = this.#handle(claim, rows, { signal, isHeld }).catch((error: unknown) => {
        if (!isStopped()) throw error;
        return notBegun(rows);
      });
      const next = await this.#handleAndSettle(claim, rows, handled, (burst) => nextOf(burst, more, isOver()));
      if (next === 'fenced') return 'fenced';
      if (next !== 'stay') return 'left';
    }
    return this.#leave(claim, 'leave awake');
  }

  #countInterruptions(rows: readonly ClaimedRow[]): void {
    const { metrics, queue } = this.#options;
    const interrupted = rows.filter(({ wasUnderWay }) => wasUnderWay).length;
    if (interrupted > 0) metrics.count('job_interruptions_total', { queue }, interrupted);
  }

  async #handleAndSettle(
    claim: LaneClaim,
    rows: readonly ClaimedRow[],
    handled: Promise<Burst>,
    decide: (burst: Burst) => Next,
  ): Promise<Next | 'fenced'> {
    try {
      const burst = await handled;
      const next = decide(burst);
      return (await this.#settle(claim, burst, next)) ? next : 'fenced';
    } catch (error) {
      // The process lives. If this cannot be noted either, the worst is an interruption too many.
      await this.#mark(claim, rows, false).catch(() => {});
      throw error;
    }
  }

  async #handle(claim: LaneClaim, rows: readonly ClaimedRow[], hold: LaneHold): Promise<Burst> {
    const sends: NewJob<OutboundMessage>[] = [];
    const writes: StateWrite[] = [];
    let isOver = false;
    const told = await this.#options
      .handler(rows.map(({ job }) => job) as never, {
        send: (message) => void sends.push(sendJob(message)),
        keep: (write) => void writes.push(structuredClone(write)),
        commit: (effects) => this.#commit(claim, effects, isOver),
        pause: (until) => this.#pause(claim, rows, until),
        ...hold,
      })
      .finally(() => {
        isOver = true;
      });
    return burstOf(rows, told, { sends, writes });
  }

  /** @param isOver the handler is done: the lane may still be ours, but what it does now does not count */
  async #commit(claim: LaneClaim, effects: Parameters<JobContext['commit']>[0], isOver: boolean): Promise<void> {
    const { sends = [], writes = [] } = effects;
    const burst: Burst = { sends: sends.map(sendJob), writes, settled: [], untouched: [] };
    if (isOver || !(await this.#write(claim, burst, 'stay')))
      throw new WahookError('fenced', 'the handler is done, or its lane was taken over');
  }

  async #pause(claim: LaneClaim, rows: readonly ClaimedRow[], until: Promise<void>): Promise<void> {
    // Noting comes first, and `until` may reject meanwhile.
    until.catch(() => {});
    await this.#mark(claim, rows, false);
    await until;
    await this.#mark(claim, rows, true);
  }

  async #mark(claim: LaneClaim, rows: readonly ClaimedRow[], underWay: boolean): Promise<void> {
    const { database, scheduler, queue } = this.#options;
    const seqs = rows.map(({ seq }) => seq);
    await database.transaction(async (tx) => {
      if (!(await scheduler.hold(tx, queue, claim))) throw new WahookError('fenced', 'the lane was taken over');
      await this.#rows.mark(tx, claim.lane, seqs, underWay);
    });
  }

  /**
   * False if the lane was lost. What the database refuses for good it would refuse at every run: then the burst is over, and
   * what was to be done with it is a dead letter for a person to look at.
   */
  async #settle(claim: LaneClaim, burst: Burst, next: Next): Promise<boolean> {
    try {
      return await this.#write(claim, burst, next);
    } catch (error) {
      if (!isWahookError(error, 'unstorable')) throw error;
      const dead: Settlement = { outcome: 'dead', error: { code: 'unstorable', message: error.message } };
      return await this.#write(
        claim,
        { ...burst, sends: [], writes: [], settled: burst.settled.map(([seq]) => [seq, dead]) },
        next,
      );
    }
  }

  async #write(claim: LaneClaim, { settled, untouched, sends, writes }: Burst, next: Next): Promise<boolean> {
    let outboundLanes: readonly string[] = [];
    const counted = await this.#fenced(claim, next, async (tx) => {
      if (sends.length > 0) outboundLanes = await this.#outbox.insert(tx, sends);
      if (writes.length > 0) await writeState(tx, writes);
      if (settled.length > 0) await this.#rows.settle(tx, claim.lane, settled);
      if (untouched.length > 0) await this.#rows.unclaim(tx, claim.lane, untouched);
    });
    if (counted && outboundLanes.length > 0) this.#options.scheduler.wake('outbound', outboundLanes);
    return counted;
  }

  async #leave(claim: LaneClaim, next: Next): Promise<VisitOutcome> {
    return (await this.#fenced(claim, next, async () => {})) ? 'left' : 'fenced';
  }

  /** Runs `work` in a transaction in which the lane is ours; false, and nothing done, if it is not ours any more. */
  async #fenced(claim: LaneClaim, next: Next, work: (tx: Queryable) => Promise<void>): Promise<boolean> {
    const { database, scheduler, queue, metrics } = this.#options;
    const fence = next === 'stay' ? 'hold' : 'release';
    const held = await database.transaction(async (tx) => {
      if (!(await scheduler[fence](tx, queue, claim))) return false;
      await work(tx);
      if (next === 'leave awake') await scheduler.wakeInside(tx, queue, [claim.lane]);
      return true;
    });
    if (!held) metrics.count('fence_rejections_total', { queue });
    return held;
  }
}

/** A process that is told to stop is not one that died: what it could not finish comes again without a trace of it. */
function notBegun(rows: readonly ClaimedRow[]): Burst {
  return { settled: [], untouched: rows, sends: [], writes: [] };
}

function nextOf({ settled }: Burst, more: boolean, turnIsOver: boolean): Next {
  if (settled.length === 0) return 'leave awake';
  // A retry stands before everything else in its lane; the sweep wakes the lane when it is due.
  if (!more || settled.at(-1)?.[1].outcome === 'retry') return 'leave';
  return turnIsOver ? 'leave awake' : 'stay';
}

function burstOf(rows: readonly ClaimedRow[], told: readonly Settlement[], effects: Effects): Burst {
  const firstRetry = told.findIndex(({ outcome }) => outcome === 'retry');
  const counting = firstRetry === -1 ? told.length : firstRetry + 1;
  // A list that ends with its first retry says enough about the rest.
  if (told.length > rows.length || (firstRetry === -1 && told.length < rows.length)) {
    throw new TypeError('the handler settled another number of jobs than it got');
  }
  return {
    settled: rows.slice(0, counting).map(({ seq }, index) => [seq, told[index] as Settlement]),
    untouched: rows.slice(counting),
    ...effects,
  };
}
