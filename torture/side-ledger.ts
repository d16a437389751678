import { type Element, poisonElement } from './webhook.ts';

/**
 * What was acked besides the messages: statuses, and elements with which nothing can be done. No answer at the Graph endpoint
 * tells of them, so they are judged by what the receiver's database holds at the end.
 */
export class SideLedger {
  #statuses = 0;
  #poisonWritten = 0;
  readonly #poison = new Set<number>();

  /** The same status, counted at its first 200. */
  watched(status: Element): Element {
    let isAcked = false;
    const onAcked = () => {
      if (!isAcked) this.#statuses += 1;
      isAcked = true;
    };
    return { ...status, onAcked };
  }

  /** A new element with which nothing can be done. */
  newPoison(): Element {
    this.#poisonWritten += 1;
    const n = this.#poisonWritten;
    return poisonElement(n, () => void this.#poison.add(n));
  }

  /** Different statuses with a 200. */
  get statuses(): number {
    return this.#statuses;
  }

  /** The numbers of the poisoned elements with a 200. */
  get poison(): ReadonlySet<number> {
    return this.#poison;
  }
}
