export interface CircuitBreakerOptions {
  /** Resolves if the other side works again. Must settle by itself. */
  readonly probe: () => Promise<void>;
  readonly probeEveryMs: number;
  /** Called at each change of state; `error` is what opened it. */
  readonly onChange: (closed: boolean, error?: unknown) => void;
}

/**
 * Keeps callers from waiting for something that does not work: the first failure opens it, and from then on nobody asks but
 * a probe in the background, until one succeeds. No caller ever pays for a probe. Starts closed.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #timer: NodeJS.Timeout | undefined;
  #closed = true;
  #stopped = false;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  /** True: go ahead, and report what fails. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Opens it. Failures of calls that were under way when it opened change nothing. */
  failed(error: unknown): void {
    if (!this.#closed || this.#stopped) return;
    this.#closed = false;
    this.#options.onChange(false, error);
    this.#scheduleProbe();
  }

  /** Ends the probing for good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #scheduleProbe(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#probe(), this.#options.probeEveryMs);
    // Probing is no reason for a process to live.
    this.#timer.unref();
  }

  async #probe(): Promise<void> {
    try {
      await this.#options.probe();
    } catch {
      this.#scheduleProbe();
      return;
    }
    if (this.#stopped) return;
    this.#closed = true;
    this.#options.onChange(true);
  }
}
