import { WahookError } from '../../core/errors.ts';
import type { OutboundMessage } from '../../core/model.ts';
import type { StateWrite } from '../../core/ports/bot.ts';
import type { Clock, Timers } from '../../core/ports/observation.ts';
import type { ConsumeOptions, Consumption, JobHandler, QueueName, Settlement } from '../../core/ports/queue.ts';
import type { MemoryRow, MemoryRows } from './memory-rows.ts';

/** What a lane waits after its handler rejected. */
const AGAIN_MS = 100;

/** Has what a handler wants stored happen. */
export type Store = (sends: readonly OutboundMessage[], writes: readonly StateWrite[]) => void;

/** One process's share of the handling of a queue. */
export class Consumer implements Consumption {
  readonly handler: JobHandler<never>;
  readonly burst: ConsumeOptions['burst'];
  readonly #concurrency: number;
  readonly #stopDeadlineMs: number;
  readonly #running = new Set<Promise<void>>();
  readonly #deadline = new AbortController();
  #stopped: Promise<void> | undefined;

  constructor(handler: JobHandler<never>, { burst, concurrency }: ConsumeOptions, stopDeadlineMs: number) {
    this.handler = handler;
    this.burst = burst;
    this.#concurrency = concurrency;
    this.#stopDeadlineMs = stopDeadlineMs;
  }

  get isFree(): boolean {
    return this.#stopped === undefined && this.#running.size < this.#concurrency;
  }

  get signal(): AbortSignal {
    return this.#deadline.signal;
  }

  /** Takes a slot for `visit`; `then` is called when it is free again. */
  run(visit: () => Promise<void>, then: () => void): void {
    // Later, so that the slot is taken before the handler can wake another lane.
    const running = Promise.resolve()
      .then(visit)
      .finally(() => {
        this.#running.delete(running);
        then();
      });
    this.#running.add(running);
  }

  abort(): void {
    this.#deadline.abort();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const deadline = setTimeout(() => this.abort(), this.#stopDeadlineMs);
    await Promise.all(this.#running);
    clearTimeout(deadline);
  }
}

export interface Time {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** The lanes of one queue that wait for a consumer, in the order in which they began to wait. */
export class Line {
  readonly #queue: QueueName;
  readonly #rows: MemoryRows;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #store: Store;
  readonly #consumers = new Set<Consumer>();
  readonly #ready = new Set<string>();
  readonly #active = new Set<string>();
  /** How to take back the waking of each lane that is planned. */
  readonly #planned = new Map<string, () => void>();
  #closed = false;

  constructor(queue: QueueName, rows: MemoryRows, time: Time, store: Store) {
    this.#queue = queue;
    this.#rows = rows;
    this.#clock = time.clock;
    this.#timers = time.timers;
    this.#store = store;
  }

  get isAtRest(): boolean {
    return this.#active.size === 0 && this.#ready.size === 0;
  }

  join(consumer: Consumer): void {
    this.#consumers.add(consumer);
    this.#dispatch();
  }

  close(): void {
    this.#closed = true;
    for (const consumer of this.#consumers) consumer.abort();
    for (const takeBack of this.#planned.values()) takeBack();
  }

  /** Has the lane handled as soon as its first row is due; an active lane is looked at again when it is left. */
  wake(lane: string, notBeforeMs = 0): void {
    const [head] = this.#rows.ready(this.#queue, lane);
    if (head === undefined || this.#active.has(lane) || this.#closed) return;
    const inMs = Math.max(head.dueAtMs, notBeforeMs) - this.#clock.now();
    if (inMs <= 0) {
      this.#ready.add(lane);
      this.#dispatch();
      return;
    }
    const again = () => {
      this.#planned.delete(lane);
      this.wake(lane);
    };
    // The one before may be about another row, which stood first until this one was redriven.
    this.#planned.get(lane)?.();
    this.#planned.set(lane, this.#timers.after(inMs, again));
  }

  #dispatch(): void {
    for (const lane of this.#ready) {
      const consumer = [...this.#consumers].find(({ isFree }) => isFree);
      if (consumer === undefined) return;
      this.#ready.delete(lane);
      this.#active.add(lane);
      let notBeforeMs = 0;
      const visit = async () => {
        notBeforeMs = await this.#visit(lane, consumer);
      };
      consumer.run(visit, () => {
        this.#active.delete(lane);
        this.wake(lane, notBeforeMs);
        this.#dispatch();
      });
    }
  }

  /**
   * One burst; then the lane goes to the end of the line, so that a chatty lane starves nobody. Resolves to the time before
   * which the lane should not be visited again.
   */
  async #visit(lane: string, { handler, burst, signal }: Consumer): Promise<number> {
    const now = this.#clock.now();
    // One alone where the next must not run if this one dies.
    const most = this.#rows.holds(this.#queue) ? 1 : sizeOf(burst, lane);
    const waiting = this.#rows.ready(this.#queue, lane).slice(0, most);
    const notDue = waiting.findIndex(({ dueAtMs }) => dueAtMs > now);
    const rows = notDue === -1 ? waiting : waiting.slice(0, notDue);
    if (rows.length === 0) return 0;
    const sends: OutboundMessage[] = [];
    const writes: StateWrite[] = [];
    let isOver = false;
    try {
      const told = await handler(rows.map((row) => this.#rows.claim(row)) as never, {
        send: (message) => void sends.push(structuredClone(message)),
        keep: (write) => void writes.push(structuredClone(write)),
        commit: async (effects) => {
          if (isOver || signal.aborted) throw new WahookError('fenced', 'the lane was given up');
          this.#store(effects.sends ?? [], effects.writes ?? []);
        },
        ...{ signal, pause: (until) => until, isHeld: () => !signal.aborted },
      });
      if (!this.#closed) this.#settle(rows, told, sends, writes);
      return 0;
    } catch {
      if (signal.aborted) for (const row of rows) this.#rows.unclaim(row);
      return this.#clock.now() + AGAIN_MS;
    } finally {
      isOver = true;
    }
  }

  #settle(
    rows: readonly MemoryRow[],
    told: readonly Settlement[],
    sends: readonly OutboundMessage[],
    writes: readonly StateWrite[],
  ): void {
    const firstRetry = told.findIndex(({ outcome }) => outcome === 'retry');
    const counting = firstRetry === -1 ? told : told.slice(0, firstRetry + 1);
    if (told.length > rows.length || (firstRetry === -1 && told.length < rows.length)) {
      throw new TypeError('the handler settled another number of jobs than it got');
    }
    for (const [index, row] of rows.entries()) {
      const settlement = counting[index];
      if (settlement === undefined) this.#rows.unclaim(row);
      else this.#rows.settle(row, settlement, this.#clock.now());
      if (settlement?.outcome === 'moved') this.wake(settlement.lane);
    }
    this.#store(sends, writes);
  }
}

function sizeOf(burst: ConsumeOptions['burst'], lane: string): number {
  return typeof burst === 'number' ? burst : burst(lane);
}
