import { setTimeout as pause } from 'node:timers/promises';
import { isWahookError, WahookError } from '../../core/errors.ts';
import { sendJob } from '../../core/lanes.ts';
import type { OutboundMessage } from '../../core/model.ts';
import type { StateWrite } from '../../core/ports/bot.ts';
import type { ConsumeOptions, JobContext, JobHandler, NewJob, Settlement } from '../../core/ports/queue.ts';
import { Batch } from './batch.ts';
import { type ClaimedRow, type ClaimedRows, type LaneRequest, LaneRows } from './lane-rows.ts';
import type { LaneClaim } from './lane-scheduler.ts';
import {
  type Attempts,
  type Burst,
  type Effects,
  LANES_TOGETHER,
  LaneSettlement,
  type LaneSettlementOptions,
  type Next,
} from './lane-settlement.ts';
import { RunCommits } from './run-commits.ts';

/** What one visit may take before the lane goes to the end of the line, so that a chatty lane starves nobody. */
const TURN = { rows: 50, ms: 5_000 } as const;

/**
 * A settlement of sends that the database does not take is written again for so long: a minute is a failover. It counts for sure if it is
 * taken within the lease, and later unless another worker was quicker: the fence says whether the lane is still ours, and whether an
 * attempt whose answer was lost has counted.
 */
const SETTLE_AGAIN = { everyMs: 500, forMs: 60_000 } as const;

export interface LaneVisitOptions extends LaneSettlementOptions {
  readonly handler: JobHandler<never>;
  readonly burst: ConsumeOptions['burst'];
  /** Nothing of a lane runs behind a dead row of it; so a burst is one row. */
  readonly holds: boolean;
}

/**
 * `fenced`: another worker has the lane, and nothing of the last burst counted. `left or fenced`: the answer to a COMMIT was lost, and the
 * lane is not ours any more.
 */
export type VisitOutcome = 'left' | 'fenced' | 'left or fenced';

/** Rows under way. */
interface Claimed {
  readonly claim: LaneClaim;
  readonly rows: readonly ClaimedRow[];
  /** As in `JobContext`. */
  readonly signal: AbortSignal;
}

/** Tells whether the lane is still ours. */
type LaneHold = Pick<JobContext, 'signal' | 'isHeld'>;

/**
 * Handles what waits in lanes, burst by burst: claim, handler, settlement. Lanes run side by side, but share their statements:
 * those that are to be claimed at the same time are claimed by one, and those that are ready are settled by one transaction.
 *
 * The last settlement of a visit also gives up the lane. A message that arrives after the last claim has brought a wake-up
 * of its own, which pg-boss keeps beside the active job; so it is enough to ask at the claim whether more waits.
 */
export class LaneVisit {
  readonly #options: LaneVisitOptions;
  readonly #rows: LaneRows;
  readonly #settlement: LaneSettlement;
  readonly #claims: Batch<LaneRequest, ClaimedRows>;

  constructor(options: LaneVisitOptions) {
    this.#options = options;
    this.#rows = new LaneRows(options.queue, options);
    this.#settlement = new LaneSettlement(options, this.#rows);
    this.#claims = new Batch((requests) => this.#rows.claim(options.database, requests), LANES_TOGETHER);
  }

  /** Rejects with what the handler or the database rejected with; the lane is then still held. */
  async run(claim: LaneClaim, { signal, isHeld }: LaneHold, stopping: () => boolean): Promise<VisitOutcome> {
    const { holds, burst: burstOption } = this.#options;
    const burst = holds ? 1 : typeof burstOption === 'number' ? burstOption : burstOption(claim.lane);
    const turn = { rows: 0, startedAt: performance.now() };
    const isOver = () => stopping() || turn.rows >= TURN.rows || performance.now() - turn.startedAt >= TURN.ms;
    while (!stopping()) {
      const { rows, more } = await this.#claims.add({ claim, burst });
      if (rows.length === 0) return this.#leave(claim, 'leave');
      this.#countInterruptions(rows);
      turn.rows += rows.length;
      const isStopped = () => stopping() && signal.aborted;
      const handled = this.#handle(claim, rows, { signal, isHeld }).catch((error: unknown) => {
        if (!isStopped()) throw error;
        return notBegun(rows);
      });
      const next = await this.#handleAndSettle({ claim, rows, signal }, handled, (burst) =>
        nextOf(burst, more, isOver()),
      );
      if (next === 'fenced' || next === 'left or fenced') return next;
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
    { claim, rows, signal }: Claimed,
    handled: Promise<Burst>,
    decide: (burst: Burst) => Next,
  ): Promise<Next | 'fenced' | 'left or fenced'> {
    try {
      const burst = await handled;
      const next = decide(burst);
      const attempts = { mayHaveCounted: false };
      if (await this.#settle({ claim, rows, signal }, burst, next, attempts)) return next;
      return attempts.mayHaveCounted ? 'left or fenced' : 'fenced';
    } catch (error) {
      // The process lives. If this cannot be noted either, the worst is an interruption too many.
      await this.#mark(claim, rows, false).catch(() => {});
      throw error;
    }
  }

  /**
   * A handler of another queue is run again if this fails, which costs nothing but time. A send would be one that may have happened,
   * also one that did not: its person gets nothing until a status could have come, or it is a dead letter.
   */
  async #settle({ claim, signal }: Claimed, burst: Burst, next: Next, attempts: Attempts): Promise<boolean> {
    const untilMs = performance.now() + (this.#options.queue === 'outbound' ? SETTLE_AGAIN.forMs : 0);
    for (;;) {
      try {
        return await this.#settlement.settle(claim, burst, next, attempts);
      } catch (error) {
        if (!isWahookError(error, 'storage_unavailable') || performance.now() > untilMs) throw error;
        await pause(SETTLE_AGAIN.everyMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) throw error;
      }
    }
  }

  async #handle(claim: LaneClaim, rows: readonly ClaimedRow[], hold: LaneHold): Promise<Burst> {
    const sends: NewJob<OutboundMessage>[] = [];
    const writes: StateWrite[] = [];
    const commits = new RunCommits((effects) => this.#commit(claim, effects));
    const told = await this.#options
      .handler(rows.map(({ job }) => job) as never, {
        send: (message) => void sends.push(sendJob(message)),
        keep: (write) => void writes.push(structuredClone(write)),
        commit: (effects) => commits.add(effects),
        pause: (until) => this.#pause(claim, rows, until),
        ...hold,
      })
      .finally(() => commits.end());
    return burstOf(rows, told, { sends, writes });
  }

  async #commit(claim: LaneClaim, { sends = [], writes = [] }: Parameters<JobContext['commit']>[0]): Promise<void> {
    const burst: Burst = { sends: sends.map(sendJob), writes, settled: [], rows: [] };
    if (!(await this.#settlement.settle(claim, burst, 'stay')))
      throw new WahookError('fenced', 'the lane was taken over');
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
      const held = await scheduler.hold(tx, queue, [claim]);
      if (!held.has(claim)) throw new WahookError('fenced', 'the lane was taken over');
      await this.#rows.mark(tx, seqs, underWay);
    });
  }

  async #leave(claim: LaneClaim, next: Next): Promise<VisitOutcome> {
    const nothing: Burst = { settled: [], rows: [], sends: [], writes: [] };
    return (await this.#settlement.settle(claim, nothing, next)) ? 'left' : 'fenced';
  }
}

/** A process that is told to stop is not one that died: what it could not finish comes again without a trace of it. */
function notBegun(rows: readonly ClaimedRow[]): Burst {
  return { settled: [], rows, sends: [], writes: [] };
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
    rows,
    ...effects,
  };
}
