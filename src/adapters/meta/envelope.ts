import type { Json } from '../../core/model.ts';
import type { Change } from './element.ts';
import type { Contacts } from './people.ts';
import type { WireEntry } from './webhook-schema.ts';
import { isJsonObject, type JsonObject, writeJson } from './wire-json.ts';
import { withoutUndefined } from './without-undefined.ts';

/*
 * What stands around a piece, so that it can be kept as a webhook of its own. Each part of it that is shared (metadata, a
 * contact, errors) goes along if it has at most 2,048 characters, real ones have some hundred: of a body with a thousand bad
 * pieces not a thousand copies are kept.
 */
const LARGEST_PART = 2_048;

const sizes = new WeakMap<object, number>();

/** Whether a part may be copied for each piece. Of a large part this is found out once. */
export function isSmall(part: Json): boolean {
  if (typeof part !== 'object' || part === null) return String(part).length <= LARGEST_PART;
  const size = sizes.get(part) ?? writeJson(part).length;
  sizes.set(part, size);
  return size <= LARGEST_PART;
}

function ifSmall<Part extends Json>(part: Part | undefined): Part | undefined {
  return part !== undefined && isSmall(part) ? part : undefined;
}

/** The body with this entry alone. */
export function entryBody(entry: Json): Json {
  return { object: 'whatsapp_business_account', entry: [entry] };
}

/** The body with this change alone. */
export function changeBody({ id, time, field }: Pick<WireEntry, 'id' | 'time' | 'field'>, change: Json): Json {
  return entryBody(withoutUndefined({ id, time: ifSmall(time), field: ifSmall(field), changes: [change] }));
}

/** The body with a change of the same field, with this value. */
export function valueBody({ businessAccountId: id, time, field }: Change, value: Json): Json {
  return changeBody({ id, time, field: undefined }, { field, value });
}

/** Where messages and statuses name people; a system message does it in `system`. */
const PEOPLE = [
  ...['from', 'from_user_id', 'recipient_id', 'recipient_user_id', 'recipient_participant_id'],
  ...['recipient_participant_user_id', 'participant_recipient_id'],
];
const SYSTEM_PEOPLE = ['previous_user_id', 'user_id'];

const LISTS = ['contacts', 'messages', 'statuses', 'errors'];

/** What stands around the messages, statuses and contacts of one change of the field `messages`. */
export class MessagesEnvelope {
  readonly #change: Change;
  readonly #value: JsonObject;
  #rest: JsonObject | undefined;

  constructor(change: Change, value: JsonObject) {
    this.#change = change;
    this.#value = value;
  }

  contactBody(contact: Json): Json {
    return valueBody(this.#change, { ...this.#shared(), contacts: [contact] });
  }

  statusBody(status: Json, contacts: Contacts): Json {
    return valueBody(this.#change, { ...this.#shared(), ...contactsOf(status, contacts), statuses: [status] });
  }

  /** @param withErrors the errors beside the messages go with this one */
  messageBody(message: Json, contacts: Contacts, withErrors: boolean): Json {
    const errors = withErrors ? ifSmall(this.#value['errors']) : undefined;
    return valueBody(this.#change, {
      ...this.#shared(),
      ...contactsOf(message, contacts),
      ...(errors !== undefined && { errors }),
      messages: [message],
    });
  }

  /** Without the lists. Of metadata that are too large only what decoding needs; it has been checked that it is there. */
  #shared(): JsonObject {
    if (this.#rest !== undefined) return this.#rest;
    const { metadata, ...others } = Object.fromEntries(
      Object.entries(this.#value).filter(([key]) => !LISTS.includes(key)),
    );
    const number = isJsonObject(metadata) ? metadata['phone_number_id'] : undefined;
    const needed = ifSmall(metadata) ?? (number === undefined ? undefined : { phone_number_id: number });
    this.#rest = { ...ifSmall(others), ...(needed !== undefined && { metadata: needed }) };
    return this.#rest;
  }
}

/** The contacts of the people whom the element names; of one that names nobody the only contact there is, if it may be its. */
function contactsOf(element: Json, contacts: Contacts): JsonObject {
  if (!isJsonObject(element)) return {};
  const { system } = element;
  const ids = [
    ...PEOPLE.map((key) => element[key]),
    ...(isJsonObject(system) ? SYSTEM_PEOPLE.map((key) => system[key]) : []),
  ].filter((id) => typeof id === 'string' && id !== '');
  const wires = ids.length > 0 ? contacts.wiresOf(ids as string[]) : contacts.onlyWire();
  const small = wires.filter(isSmall);
  return small.length > 0 ? { contacts: small } : {};
}
