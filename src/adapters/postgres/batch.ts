interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result | PromiseLike<Result>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what comes while a run is under way goes into the next one, so that a statement serves one lane when there
 * is time and all of them when there is none. One run at a time, everything once, in the order of coming.
 */
export class Batch<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly (Result | PromiseLike<Result>)[]>;
  #waiting: Waiting<Item, Result>[] = [];
  #isRunning = false;

  /** @param run resolves to the results of the items, in their order; if it rejects, all of them reject with its reason */
  constructor(run: (items: readonly Item[]) => Promise<readonly (Result | PromiseLike<Result>)[]>) {
    this.#run = run;
  }

  add(item: Item): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.push({ item, resolve, reject });
    if (!this.#isRunning) void this.#runAll();
    return promise;
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    // What else is ready in this turn of the event loop goes along.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) await this.#runOnce(this.#waiting.splice(0));
    this.#isRunning = false;
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
