import type { Customer, Json } from '../../core/model.ts';
import type { WireContact } from './webhook-schema.ts';
import { withoutUndefined } from './without-undefined.ts';

/** How an element names a person. */
export interface PersonIds {
  readonly waId?: string | null | undefined;
  readonly userId?: string | null | undefined;
  readonly parentUserId?: string | null | undefined;
}

/** The `contacts` of one value. Their order and number need not be those of the messages: found by id only. */
export class Contacts {
  readonly #byUserId = new Map<string, WireContact>();
  readonly #byWaId = new Map<string, WireContact>();
  /** Each as it came. */
  readonly #all = new Map<WireContact, Json>();

  add(contact: WireContact, wire: Json): void {
    this.#all.set(contact, wire);
    if (contact.user_id) this.#byUserId.set(contact.user_id, contact);
    if (contact.wa_id) this.#byWaId.set(contact.wa_id, contact);
  }

  find(person: PersonIds): WireContact | undefined {
    return this.#byUserId.get(person.userId ?? '') ?? this.#byWaId.get(person.waId ?? '');
  }

  /** The contact, if there is exactly one. */
  only(): WireContact | undefined {
    return this.#all.size === 1 ? this.#all.keys().next().value : undefined;
  }

  /** As they came: the contacts with these ids, of either kind. */
  wiresOf(ids: readonly string[]): readonly Json[] {
    const found = new Set(ids.map((id) => this.find({ userId: id, waId: id })));
    return [...found].flatMap((contact) => (contact && this.#all.get(contact)) ?? []);
  }

  /** As it came: the contact, if there is exactly one. */
  onlyWire(): readonly Json[] {
    return this.#all.size === 1 ? [...this.#all.values()] : [];
  }
}

/**
 * The ids of the element go before those of the contact: `wa_id` and the number in `from` may differ (Brazil's ninth
 * digit), and the conversation must not depend on whether the contact came along.
 */
export function customerFrom(person: PersonIds, contact: WireContact | undefined): Customer {
  return withoutUndefined({
    waId: person.waId || contact?.wa_id || undefined,
    userId: person.userId || contact?.user_id || undefined,
    parentUserId: person.parentUserId || contact?.parent_user_id || undefined,
    name: contact?.profile?.name,
    username: contact?.profile?.username,
  });
}
