import type { Json } from '../../core/model.ts';
import { isJsonArray, isJsonObject, type JsonObject } from './wire-json.ts';

interface Listing {
  /** The key of the object that holds the lists, if it is not the value itself. */
  readonly within?: string;
  readonly lists: readonly string[];
}

/**
 * The fields whose values list independent things, each with an id of its own. A retry may batch them in another way, so each
 * has to be an event. History stays whole: its messages are no live ones, and they come in thousands.
 */
const LISTINGS: ReadonlyMap<string, Listing> = new Map<string, Listing>([
  ['calls', { lists: ['calls', 'statuses'] }],
  ['smb_message_echoes', { lists: ['message_echoes'] }],
  ['message_echoes', { lists: ['message_echoes'] }],
  ['standby', { within: 'standby', lists: ['messages', 'statuses', 'message_echoes'] }],
]);

/** One thing that a value lists. */
export interface ChangeItem {
  readonly list: string;
  /** Where it stands in the change, e.g. `value.calls[2]`. */
  readonly path: string;
  readonly wire: Json;
}

/** What the value of a field lists, in order; nothing for a field without items. */
export class ChangeItems implements Iterable<ChangeItem> {
  readonly #value: Json;
  readonly #listing: Listing | undefined;

  constructor(field: string, value: Json) {
    this.#value = value;
    this.#listing = LISTINGS.get(field);
  }

  get count(): number {
    return this.#lists().reduce((sum, [, items]) => sum + items.length, 0);
  }

  *[Symbol.iterator](): Iterator<ChangeItem> {
    const within = this.#listing?.within;
    const holder = within === undefined ? 'value' : `value.${within}`;
    for (const [list, items] of this.#lists())
      for (const [index, wire] of items.entries()) yield { list, path: `${holder}.${list}[${index}]`, wire };
  }

  /** The value with this item as the only one; if it is the only one, the value itself. */
  valueWith(item: ChangeItem): Json {
    return this.count <= 1 ? this.#value : this.#valueListing(item);
  }

  /** A value with this item and nothing else. */
  valueWithOnly({ list, wire }: ChangeItem): JsonObject {
    const within = this.#listing?.within;
    return within === undefined ? { [list]: [wire] } : { [within]: { [list]: [wire] } };
  }

  /** The value without any item: what the items share. */
  shared(): Json {
    return this.#valueListing(undefined);
  }

  #holder(): JsonObject | undefined {
    const value = isJsonObject(this.#value) ? this.#value : undefined;
    const within = this.#listing?.within;
    const holder = within === undefined ? value : value?.[within];
    return isJsonObject(holder) ? holder : undefined;
  }

  #lists(): readonly (readonly [list: string, items: readonly Json[]])[] {
    const holder = this.#holder();
    return (this.#listing?.lists ?? []).flatMap((list) => {
      const items = holder?.[list];
      return isJsonArray(items) && items.length > 0 ? [[list, items] as const] : [];
    });
  }

  /** `Object.fromEntries` and spread define properties: a key `__proto__` stays a key. */
  #valueListing(item: ChangeItem | undefined): Json {
    const lists = this.#lists().map(([list]) => list);
    const kept = Object.entries(this.#holder() ?? {}).flatMap(([key, inner]): [string, Json][] => {
      if (!lists.includes(key)) return [[key, inner]];
      return key === item?.list ? [[key, [item.wire]]] : [];
    });
    const holder = Object.fromEntries(kept);
    const within = this.#listing?.within;
    return within === undefined || !isJsonObject(this.#value) ? holder : { ...this.#value, [within]: holder };
  }
}
