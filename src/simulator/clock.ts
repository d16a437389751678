/** The simulator's one source of time: every status and every repetition of a webhook goes through it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `run` once after `delayMs`, unless the clock is cleared before. */
  after(delayMs: number, run: () => void): void;
  /** Forgets everything that is still to come. */
  clear(): void;
}

/** Time as it passes. What it has planned keeps no process alive. */
export class RealClock implements Clock {
  readonly #timers = new Set<NodeJS.Timeout>();

  now(): number {
    return Date.now();
  }

  after(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, delayMs);
    timer.unref();
    this.#timers.add(timer);
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
