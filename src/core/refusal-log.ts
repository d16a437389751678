import type { Clock, Log } from './ports/observation.ts';

/** Under an attack or in an outage there are thousands a second: one line a minute says as much. */
const LINE_EVERY_MS = 60_000;

/** Tells the operator that something is refused and how often, at once and then at most once a minute. */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #message: string;
  #counts: Record<string, number> = {};
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: Log, clock: Clock, message: string) {
    this.#log = log;
    this.#clock = clock;
    this.#message = message;
  }

  /**
   * @param reason one word of a closed set
   * @param error what the latest one failed of, where that is known
   */
  note(reason: string, error?: string): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
    const now = this.#clock.now();
    if (now - this.#toldAtMs < LINE_EVERY_MS) return;
    this.#log.warn(this.#message, error === undefined ? this.#counts : { ...this.#counts, error });
    this.#counts = {};
    this.#toldAtMs = now;
  }
}
