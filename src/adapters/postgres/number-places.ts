import { PLACE_LASTS_MS, sliceOf } from '../../core/send-limits.ts';

/** More places were used lately: so many are needed again soon. */
const LATELY_MS = 1_000;

/**
 * The places that this process has taken in the throughput of one number: moments, by the process's monotonic clock, at each of
 * which one message may go. Those that pass unused are lost, as the second is that they were in.
 */
export class NumberPlaces {
  #times: number[] = [];
  #used = 0;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  /** Callers that wait for the next slice. */
  waiting = 0;
  /** The slice under way; resolves to why there is none. */
  taking: Promise<void> | undefined;

  /** The next place, if there is one. */
  next(nowMs: number): number | undefined {
    while ((this.#times[0] ?? nowMs) < nowMs - PLACE_LASTS_MS) this.#times.shift();
    const place = this.#times.shift();
    if (place !== undefined) this.#used += 1;
    return place;
  }

  giveBack(place: number): void {
    this.#used -= 1;
    this.#times = [...this.#times, place].sort((one, other) => one - other);
  }

  /** How many places to take: for those that wait, and a reserve if the last ones were used, but no more than fit into a slice. */
  needed(perSecond: number, nowMs: number): number {
    const reserve = nowMs - this.#takenAtMs < LATELY_MS ? 2 * this.#used : 0;
    return Math.min(sliceOf(perSecond), Math.max(1, this.waiting, reserve));
  }

  add(firstMs: number, stepMs: number, count: number, nowMs: number): void {
    for (let index = 0; index < count; index += 1) this.#times.push(firstMs + index * stepMs);
    this.#used = 0;
    this.#takenAtMs = nowMs;
  }

  clear(): void {
    this.#times = [];
  }
}
