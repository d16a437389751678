import type { EventKey } from '../../core/model.ts';
import type { Clock } from '../../core/ports/observation.ts';
import type { DedupResult, DedupStore, Unit } from '../../core/ports/receiving.ts';
import { commitUnit, newUnit, rollBackUnit } from './memory-unit.ts';

/** As long as the other stores: twice the 7 days for which Meta repeats (its page on webhook endpoints, 2026-09-11). */
const RETAIN_MS = 15 * 24 * 60 * 60 * 1000;

/** About 200 MB. Beyond it the oldest keys are forgotten early, so that a long run ends in a duplicate and not in a crash. */
const MAX_KEYS = 1_000_000;

/**
 * Keys in this process's memory, for tests and for trying things out: they are gone with the process. A key that another
 * call is working on is `busy`; nobody waits. What joins the unit of work (memory-unit.ts) is stored when `work` resolves.
 */
export class MemoryDedupStore implements DedupStore {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  /** When each key was recorded, the oldest first. */
  readonly #recordedAtMs = new Map<string, number>();
  readonly #inFlight = new Set<string>();

  constructor(clock: Clock, { maxKeys = MAX_KEYS }: { readonly maxKeys?: number } = {}) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
  }

  async once(
    keys: readonly EventKey[],
    work: (fresh: readonly string[], unit: Unit) => Promise<void>,
  ): Promise<DedupResult> {
    this.#forget();
    const ids = [...new Set(keys.map(({ id }) => id))];
    const duplicate = ids.filter((id) => this.#recordedAtMs.has(id));
    const busy = ids.filter((id) => this.#inFlight.has(id));
    const fresh = ids.filter((id) => !this.#recordedAtMs.has(id) && !this.#inFlight.has(id));
    const unit = newUnit();
    if (fresh.length > 0) await this.#claimed(fresh, unit, () => work(fresh, unit));
    return { fresh, duplicate, busy };
  }

  /** No `await` lies between looking and claiming, so no other call comes in between. */
  async #claimed(ids: readonly string[], unit: Unit, work: () => Promise<void>): Promise<void> {
    for (const id of ids) this.#inFlight.add(id);
    try {
      await work();
      commitUnit(unit);
      for (const id of ids) this.#recordedAtMs.set(id, this.#clock.now());
    } catch (error) {
      rollBackUnit(unit);
      throw error;
    } finally {
      for (const id of ids) this.#inFlight.delete(id);
    }
  }

  #forget(): void {
    const oldestMs = this.#clock.now() - RETAIN_MS;
    for (const [id, recordedAtMs] of this.#recordedAtMs) {
      if (recordedAtMs >= oldestMs && this.#recordedAtMs.size <= this.#maxKeys) return;
      this.#recordedAtMs.delete(id);
    }
  }
}
