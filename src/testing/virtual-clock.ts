import type { Clock, Timers } from '../core/ports/observation.ts';
import type { Clock as MetaClock } from '../simulator/clock.ts';

interface Planned {
  readonly dueMs: number;
  /** What stands for Meta and its customers: goes on whatever the service does. */
  readonly isMetas: boolean;
  readonly run: () => void;
}

/** One time for the service and for Meta. It stands still until it is told to go on, and calls what is due in its order. */
export class VirtualClock implements Clock, Timers {
  #nowMs: number;
  /** By the time they are due; of the same time the first planned first. */
  #planned: Planned[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#plan(delayMs, run, false);
  }

  /** The same time, for Meta. */
  get metas(): MetaClock {
    return {
      now: () => this.#nowMs,
      after: (delayMs, run) => void this.#plan(delayMs, run, true),
      clear: () => {
        this.#planned = this.#planned.filter(({ isMetas }) => !isMetas);
      },
    };
  }

  /** When the next call is due; of Meta's only, if asked for. */
  nextDueMs(whose: 'all' | 'metas' = 'all'): number | undefined {
    return this.#planned.find(({ isMetas }) => isMetas || whose === 'all')?.dueMs;
  }

  /** Goes to that moment and makes what is due by then, in order. Never goes back. */
  goTo(ms: number): void {
    for (let next = this.#planned[0]; next !== undefined && next.dueMs <= ms; next = this.#planned[0]) {
      this.#planned.shift();
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  #plan(delayMs: number, run: () => void, isMetas: boolean): () => void {
    const planned = { dueMs: this.#nowMs + Math.max(0, delayMs), isMetas, run };
    const later = this.#planned.findIndex(({ dueMs }) => dueMs > planned.dueMs);
    this.#planned.splice(later === -1 ? this.#planned.length : later, 0, planned);
    return () => {
      this.#planned = this.#planned.filter((one) => one !== planned);
    };
  }
}
