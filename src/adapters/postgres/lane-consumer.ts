import { WahookError } from '../../core/errors.ts';
import type { Consumption, Log } from '../../core/ports.ts';
import { HEARTBEAT_SECONDS, type LaneClaim } from './lane-scheduler.ts';
import type { LaneSweep } from './lane-sweep.ts';
import { LaneVisit, type LaneVisitOptions } from './lane-visit.ts';
import { toWahookError } from './sql-errors.ts';

export interface LaneConsumerOptions extends LaneVisitOptions {
  readonly concurrency: number;
  readonly sweep: LaneSweep;
  /** How long handlers may still run after `stop` before their signal is aborted. */
  readonly stopDeadlineMs: number;
  readonly log: Log;
}

/** The floor under notifications, which are only a hint: what was missed is found after this. */
const POLL_MS = 500;
const SWEEP_MS = 1_000;

/** Three chances within the lease. */
const BEAT_MS = (HEARTBEAT_SECONDS * 1000) / 3;

/** One attempt of one lane job; the id alone stays the same when pg-boss gives the lane away again. */
function keyOf({ id, retryCount }: LaneClaim): string {
  return `${id} ${retryCount}`;
}

interface Held {
  readonly claim: LaneClaim;
  readonly lost: AbortController;
  /**
   * When the question was asked whose answer proved last that the lane is ours, by `performance.now()`: that goes on while
   * the process is stopped. In a machine that is suspended it may not; there the fence alone holds.
   */
  provenAtMs: number;
}

/**
 * Fetches lanes whenever it has a free slot and reason to believe that one waits, and visits them side by side.
 *
 * pg-boss's own `work()` was measured against it (2026-11, 16 slots, on a busy machine). With `batchSize` 1 a worker sleeps
 * out its polling interval after each job, which drained a backlog at 27 lanes a second (this: 140 to 280), and a
 * notification wakes all idle workers, each of which asks the database: 6.3 ms of PostgreSQL a message at 150 a second
 * (this: 3.4 to 4.6). With larger batches a quick lane would wait for the slowest of its batch.
 */
export class LaneConsumer implements Consumption {
  readonly #options: LaneConsumerOptions;
  readonly #visit: LaneVisit;
  readonly #held = new Map<string, Held>();
  readonly #visits = new Set<Promise<void>>();
  readonly #deadline = new AbortController();
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #beat: NodeJS.Timeout;
  readonly #silence: () => void;
  #fetching: Promise<void> | undefined;
  #sweeping: Promise<void> | undefined;
  /** Rises with each hint that a lane may wait. */
  #hints = 0;
  #stopped: Promise<void> | undefined;

  constructor(options: LaneConsumerOptions) {
    this.#options = options;
    this.#visit = new LaneVisit(options);
    this.#silence = options.scheduler.onBell(options.queue, () => this.#hint());
    this.#timers = [setInterval(() => this.#hint(), POLL_MS), setInterval(() => this.#sweep(), SWEEP_MS)];
    this.#beat = setInterval(() => void this.#heartbeat(), BEAT_MS);
    this.#hint();
    this.#sweep();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Ends it at once: tells the running handlers that nothing they do counts any more, and leaves no timer behind. */
  abort(): void {
    this.#deadline.abort();
    this.#takeNothingNew();
    clearInterval(this.#beat);
  }

  #takeNothingNew(): void {
    this.#silence();
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #stop(): Promise<void> {
    this.#takeNothingNew();
    const deadline = setTimeout(() => this.#deadline.abort(), this.#options.stopDeadlineMs);
    await Promise.all([this.#fetching, this.#sweeping]);
    await Promise.all(this.#visits);
    clearTimeout(deadline);
    clearInterval(this.#beat);
  }

  #hint(): void {
    this.#hints += 1;
    if (this.#hasRoom) this.#fetching ??= this.#fetch();
  }

  get #hasRoom(): boolean {
    return this.#stopped === undefined && !this.#deadline.signal.aborted && this.#held.size < this.#options.concurrency;
  }

  /** Goes on until there is no room, or nothing waits and no hint came in meanwhile. */
  async #fetch(): Promise<void> {
    const { queue, concurrency, scheduler } = this.#options;
    try {
      while (this.#hasRoom) {
        const hints = this.#hints;
        const free = concurrency - this.#held.size;
        const provenAtMs = performance.now();
        const claims = await scheduler.fetch(queue, free);
        for (const claim of claims) this.#take({ claim, lost: new AbortController(), provenAtMs }, hints);
        if (claims.length < free && hints === this.#hints) break;
      }
    } catch (error) {
      this.#warn('fetching lanes failed', error);
    } finally {
      this.#fetching = undefined;
    }
  }

  #take(held: Held, hints: number): void {
    const { claim } = held;
    const full = this.#held.size + 1 === this.#options.concurrency;
    // A lane that was taken back from us and given to us again has the same id: what ran before does not count any more.
    for (const other of this.#held.values()) if (other.claim.id === claim.id) other.lost.abort();
    this.#held.set(keyOf(claim), held);
    const visit = this.#run(held).finally(() => {
      this.#held.delete(keyOf(claim));
      this.#visits.delete(visit);
      // A wake-up that came while its lane was active, or while all slots were taken, found nothing to fetch.
      if (full || hints !== this.#hints || this.#held.size + 1 === this.#options.concurrency) this.#hint();
    });
    this.#visits.add(visit);
  }

  async #run(held: Held): Promise<void> {
    const { claim, lost } = held;
    const { queue, scheduler, log } = this.#options;
    const signal = AbortSignal.any([lost.signal, this.#deadline.signal]);
    try {
      const isHeld = () => !signal.aborted && performance.now() - held.provenAtMs < HEARTBEAT_SECONDS * 1000;
      const outcome = await this.#visit.run(claim, { signal, isHeld }, () => this.#stopped !== undefined);
      if (outcome === 'fenced') log.warn('a lane was taken over; its last burst does not count', { queue });
    } catch (error) {
      // A handler's error may quote content, so only its name is told.
      const reason = error instanceof WahookError ? error.message : error instanceof Error ? error.name : typeof error;
      log.warn('a burst was not settled and comes again', { queue, reason });
      await scheduler
        .giveBack(queue, claim)
        .catch((reason: unknown) => this.#warn('giving a lane back failed', reason));
    }
  }

  async #heartbeat(): Promise<void> {
    const held = [...this.#held.values()].filter(({ lost }) => !lost.signal.aborted);
    if (held.length === 0) return;
    try {
      const { queue, scheduler } = this.#options;
      const provenAtMs = performance.now();
      const alive = await scheduler.beat(
        queue,
        held.map(({ claim }) => claim),
      );
      // One that its visit gave up meanwhile is missing too; its signal interests nobody any more.
      for (const one of held) {
        if (alive.has(one.claim.id)) one.provenAtMs = provenAtMs;
        else one.lost.abort();
      }
    } catch (error) {
      this.#warn('heartbeat failed', error);
    }
  }

  #sweep(): void {
    this.#sweeping ??= this.#options.sweep
      .sweep()
      .catch((error: unknown) => this.#warn('sweep failed', error))
      .finally(() => {
        this.#sweeping = undefined;
      });
  }

  /** About pg-boss and the database; their own words may quote the keys of lanes. */
  #warn(message: string, error: unknown): void {
    const { queue, log } = this.#options;
    log.warn(message, { queue, reason: toWahookError(error).message });
  }
}
