import { isWahookError, WahookError } from '../../core/errors.ts';
import type { JobContext } from '../../core/ports/queue.ts';
import { Batch } from './batch.ts';

type Effects = Parameters<JobContext['commit']>[0];

/**
 * What a handler commits in one run. In the order of the calls, since settlements run side by side and one could overtake another: those that
 * come while one is under way go together into the next, all or none, and only if they are refused for what is in them, each by itself.
 */
export class RunCommits {
  readonly #store: (effects: Effects) => Promise<void>;
  readonly #batch = new Batch<Effects, void>((waiting) => this.#storeAll(waiting));
  #last = Promise.resolve();
  #isOver = false;

  /** @param store in one transaction */
  constructor(store: (effects: Effects) => Promise<void>) {
    this.#store = store;
  }

  /** @throws WahookError `fenced` after `end`, and what `store` rejects with */
  add(effects: Effects): Promise<void> {
    if (this.#isOver) return Promise.reject(new WahookError('fenced', 'the handler is done'));
    const stored = this.#batch.add(effects);
    this.#last = stored.catch(() => {});
    // A promise of its own, so that a failure that nobody looks at is reported.
    return stored.then(() => {});
  }

  /** Takes nothing more; resolves when everything that was asked for is stored or refused. */
  end(): Promise<void> {
    this.#isOver = true;
    return this.#last;
  }

  async #storeAll(waiting: readonly Effects[]): Promise<readonly (undefined | Promise<void>)[]> {
    try {
      await this.#store({
        sends: waiting.flatMap(({ sends = [] }) => sends),
        writes: waiting.flatMap(({ writes = [] }) => writes),
      });
      return waiting.map(() => undefined);
    } catch (error) {
      if (waiting.length === 1 || !isWahookError(error, 'unstorable')) throw error;
      const results: Promise<void>[] = [];
      for (const effects of waiting) {
        const stored = this.#store(effects);
        await stored.catch(() => {});
        results.push(stored);
      }
      return results;
    }
  }
}
