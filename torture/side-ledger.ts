import { DELIVERIES, type DeliveryName, type Element, poisonElement, type StatusElement } from './webhook.ts';

/**
 * What was acked besides the messages: statuses, and elements with which nothing can be done. No answer at the Graph endpoint
 * tells of them, so they are judged by what the receiver's database holds at the end.
 */
export class SideLedger {
  #statuses = 0;
  #poisonWritten = 0;
  readonly #deliveries = new Map<string, DeliveryName>();
  readonly #poison = new Set<number>();

  /** The same status, counted at its first 200. */
  watched(status: StatusElement): Element {
    let isAcked = false;
    const onAcked = () => {
      if (isAcked) return;
      isAcked = true;
      this.#statuses += 1;
      if (status.sendId !== undefined && isBehind(this.#deliveries.get(status.sendId), status.status))
        this.#deliveries.set(status.sendId, status.status);
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

  /** By send id: of the statuses with a 200 the one that says most. */
  get deliveries(): ReadonlyMap<string, DeliveryName> {
    return this.#deliveries;
  }

  /** The numbers of the poisoned elements with a 200. */
  get poison(): ReadonlySet<number> {
    return this.#poison;
  }
}

/** `one` says less than `other`; nothing says least. */
export function isBehind(one: string | undefined, other: DeliveryName): boolean {
  const names: readonly (string | undefined)[] = DELIVERIES;
  return names.indexOf(one) < names.indexOf(other);
}
