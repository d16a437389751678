import { setTimeout as pause } from 'node:timers/promises';
import { WahookError } from '../../core/errors.ts';
import type { Log } from '../../core/ports/observation.ts';
import type { Consumption } from '../../core/ports/queue.ts';
import { Batch } from './batch.ts';
import { HEARTBEAT_SECONDS, type LaneClaim } from './lane-scheduler.ts';
import type { LaneSweep } from './lane-sweep.ts';
import { LaneVisit, type LaneVisitOptions } from './lane-visit.ts';
import type { LaneWatch } from './lane-watch.ts';
import { toWahookError } from './sql-errors.ts';

export interface LaneConsumerOptions extends LaneVisitOptions {
  readonly concurrency: number;
  readonly sweep: LaneSweep;
  readonly watch: LaneWatch;
  /** How long handlers may still run after `stop` before their signal is aborted. */
  readonly stopDeadlineMs: number;
  readonly log: Log;
}

/** Between the beginnings of two fetches, unless lanes are known to wait: under load one fetch brings several lanes. */
const FETCH_PACE_MS = 5;

/** Three chances within the lease. */
const BEAT_MS = (HEARTBEAT_SECONDS * 1000) / 3;

interface Held {
  readonly claim: LaneClaim;
  /** Aborted when what is done does not count any more: the lane is lost, or the time to stop is over. */
  readonly over: AbortController;
  isLost: boolean;
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
 * out its polling interval after each job, which drained a backlog at 27 lanes a second (this, one lane a transaction then:
 * 140 to 280), and a notification wakes all idle workers, each of which asks the database: 6.3 ms of PostgreSQL a message at
 * 150 a second (this: 3.4 to 4.6). With larger batches a quick lane would wait for the slowest of its batch.
 */
export class LaneConsumer implements Consumption {
  readonly #options: LaneConsumerOptions;
  readonly #visit: LaneVisit;
  /** By the id of their job: of two attempts of one job the later. */
  readonly #held = new Map<string, Held>();
  readonly #visits = new Set<Promise<void>>();
  readonly #givenBack: Batch<LaneClaim, undefined>;
  readonly #beat: NodeJS.Timeout;
  readonly #silence: readonly (() => void)[];
  #fetching: Promise<void> | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #sweeping: Promise<void> | undefined;
  /** Rises with each hint that a lane may wait. */
  #hints = 0;
  #isTimeUp = false;
  #stopped: Promise<void> | undefined;

  constructor(options: LaneConsumerOptions) {
    const { queue, scheduler, watch } = options;
    this.#options = options;
    this.#visit = new LaneVisit(options);
    this.#givenBack = new Batch(async (claims) => {
      await scheduler.giveBack(queue, claims);
      return claims.map(() => undefined);
    });
    this.#silence = [
      scheduler.onBell(queue, () => this.#hint()),
      watch.join(queue, {
        hint: () => this.#hint(),
        supervise: () => void this.#supervise(),
        sweep: () => this.#sweep(),
      }),
    ];
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
    this.#timeIsUp();
    this.#takeNothingNew();
    clearInterval(this.#beat);
  }

  #takeNothingNew(): void {
    for (const silence of this.#silence) silence();
  }

  #timeIsUp(): void {
    this.#isTimeUp = true;
    for (const { over } of this.#held.values()) over.abort();
  }

  async #stop(): Promise<void> {
    this.#takeNothingNew();
    const deadline = setTimeout(() => this.#timeIsUp(), this.#options.stopDeadlineMs);
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
    return this.#stopped === undefined && !this.#isTimeUp && this.#visits.size < this.#options.concurrency;
  }

  /** Goes on until there is no room, or nothing waits and no hint came in meanwhile. */
  async #fetch(): Promise<void> {
    const { queue, concurrency, scheduler } = this.#options;
    try {
      let isMoreWaiting = false;
      while (this.#hasRoom) {
        if (!isMoreWaiting) await this.#keepPace();
        this.#fetchedAtMs = performance.now();
        const hints = this.#hints;
        const limit = fetchLimit(concurrency - this.#visits.size);
        const provenAtMs = performance.now();
        const claims = await scheduler.fetch(queue, limit);
        for (const claim of claims)
          this.#take({ claim, over: new AbortController(), isLost: false, provenAtMs }, hints);
        isMoreWaiting = claims.length === limit;
        if (!isMoreWaiting && hints === this.#hints) break;
      }
    } catch (error) {
      this.#warn('fetching lanes failed', error);
    } finally {
      this.#fetching = undefined;
    }
  }

  async #keepPace(): Promise<void> {
    const waitMs = this.#fetchedAtMs + FETCH_PACE_MS - performance.now();
    if (waitMs > 0) await pause(waitMs);
  }

  #take(held: Held, hints: number): void {
    const { claim } = held;
    const full = this.#visits.size + 1 === this.#options.concurrency;
    // A lane that was taken back from us and given to us again has the same id: what ran before does not count any more.
    this.#lose(this.#held.get(claim.id));
    this.#held.set(claim.id, held);
    if (this.#isTimeUp) held.over.abort();
    const visit = this.#run(held).finally(() => {
      const wasFull = this.#visits.size === this.#options.concurrency;
      if (this.#held.get(claim.id) === held) this.#held.delete(claim.id);
      this.#visits.delete(visit);
      // A wake-up that came while its lane was active, or while all slots were taken, found nothing to fetch.
      if (full || wasFull || hints !== this.#hints) this.#hint();
    });
    this.#visits.add(visit);
  }

  #lose(held: Held | undefined): void {
    if (held === undefined) return;
    held.isLost = true;
    held.over.abort();
  }

  async #run(held: Held): Promise<void> {
    const { claim } = held;
    const { queue, log } = this.#options;
    const { signal } = held.over;
    try {
      const isHeld = () => !signal.aborted && performance.now() - held.provenAtMs < HEARTBEAT_SECONDS * 1000;
      const outcome = await this.#visit.run(claim, { signal, isHeld }, () => this.#stopped !== undefined);
      if (outcome === 'fenced') log.warn('a lane was taken over; its last burst does not count', { queue });
      if (outcome === 'left or fenced')
        log.warn('no answer whether a burst was settled: it was, or its lane was taken over', { queue });
    } catch (error) {
      // A handler's error may quote content, so only its name is told.
      const reason = error instanceof WahookError ? error.message : error instanceof Error ? error.name : typeof error;
      log.warn('a burst was not settled and comes again', { queue, reason });
      await this.#givenBack.add(claim).catch((reason: unknown) => this.#warn('giving a lane back failed', reason));
    }
  }

  /** False if the database did not take it. */
  async #heartbeat(): Promise<boolean> {
    const held = [...this.#held.values()].filter(({ isLost }) => !isLost);
    if (held.length === 0) return true;
    try {
      const { queue, scheduler } = this.#options;
      const provenAtMs = performance.now();
      const { proven, busy } = await scheduler.beat(
        queue,
        held.map(({ claim }) => claim),
      );
      // One that its visit gave up meanwhile is missing too; its signal interests nobody any more.
      for (const one of held) {
        if (proven.has(one.claim)) one.provenAtMs = provenAtMs;
        else if (!busy.has(one.claim)) this.#lose(one);
      }
      return true;
    } catch (error) {
      this.#warn('heartbeat failed', error);
      return false;
    }
  }

  async #supervise(): Promise<void> {
    // If this process stood still, its own lanes look like those of a dead one.
    if (!(await this.#heartbeat())) return;
    const { queue, scheduler } = this.#options;
    await scheduler.supervise(queue).catch((error: unknown) => this.#warn('taking lanes back failed', error));
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

/** A power of two, since the limit is part of the text of the statement, which is planned once for each. */
function fetchLimit(free: number): number {
  return 2 ** Math.floor(Math.log2(free));
}
