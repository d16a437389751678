/** A list that remembers only its newest items, so that a simulator under load does not grow for ever. */
export class History<Item> {
  readonly #limit: number;
  #items: Item[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(item: Item): void {
    this.#items.push(item);
    // Cut at twice the limit: one copy per `limit` additions.
    if (this.#items.length >= 2 * this.#limit) this.#items = this.#items.slice(-this.#limit);
  }

  /** Oldest first, at most the limit. */
  get items(): readonly Item[] {
    return this.#items.slice(-this.#limit);
  }

  /** The newest item that matches. */
  last<Match extends Item>(matches: (item: Item) => item is Match): Match | undefined {
    return this.#items.findLast(matches);
  }

  /** The newest items for which `holds` is true without a gap, oldest first. */
  tail(holds: (item: Item) => boolean): readonly Item[] {
    let from = this.#items.length;
    while (from > 0 && holds(this.#items[from - 1] as Item)) from -= 1;
    return this.#items.slice(from);
  }

  clear(): void {
    this.#items = [];
  }
}
