interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result | PromiseLike<Result>) => void;
  readonly reject: (error: unknown) => void;
}

interface BatchLimits {
  /** Items that one run takes. Default: all that wait. */
  readonly mostItems?: number;
  /** Runs at the same time. Default 1. */
  readonly mostRuns?: number;
}

/**
 * Group commit: what comes while a run is under way goes into the next one, so that a statement serves one lane when there
 * is time and all of them when there is none. Everything once; runs begin in the order of coming. A run begins, or goes on, beside
 * another only for as many items as one may take: it would cost more than it brings if it were for fewer.
 */
export class Batch<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly (Result | PromiseLike<Result>)[]>;
  readonly #mostItems: number;
  readonly #mostRuns: number;
  #waiting: Waiting<Item, Result>[] = [];
  #runs = 0;

  /** @param run resolves to the results of the items, in their order; if it rejects, all of them reject with its reason */
  constructor(
    run: (items: readonly Item[]) => Promise<readonly (Result | PromiseLike<Result>)[]>,
    { mostItems = Number.POSITIVE_INFINITY, mostRuns = 1 }: BatchLimits = {},
  ) {
    this.#run = run;
    this.#mostItems = mostItems;
    this.#mostRuns = mostRuns;
  }

  add(item: Item): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.push({ item, resolve, reject });
    const isFull = this.#waiting.length >= this.#mostItems;
    if (this.#runs === 0 || (isFull && this.#runs < this.#mostRuns)) void this.#runAll();
    return promise;
  }

  async #runAll(): Promise<void> {
    this.#runs += 1;
    // What else is ready in this turn of the event loop goes along; one that begins beside another is full.
    if (this.#runs === 1) await new Promise(setImmediate);
    while (this.#waiting.length >= (this.#runs === 1 ? 1 : this.#mostItems))
      await this.#runOnce(this.#waiting.splice(0, this.#mostItems));
    this.#runs -= 1;
  }

  async #runOnce(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      for (const [place, { resolve }] of batch.entries()) resolve(results[place] as Result);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
