import type { Json, ReportedError } from '../../core/model.ts';
import type { WebhookElement } from '../../core/ports/receiving.ts';
import { decodeAccountField } from './decode-account-field.ts';
import { decodeMessage } from './decode-message.ts';
import { decodeStatus } from './decode-status.ts';
import { type Change, elementAt, Place, quarantined, type ValueContext } from './element.ts';
import { MessagesEnvelope } from './envelope.ts';
import { Contacts } from './people.ts';
import { reportedErrors } from './reported-errors.ts';
import { findFlaw } from './storable-json.ts';
import { contactSchema, metadataSchema } from './webhook-schema.ts';
import { isJsonArray, isJsonObject, type JsonObject } from './wire-json.ts';
import { withoutUndefined } from './without-undefined.ts';

/** One or two have been seen. */
const MOST_SHARED_ERRORS = 20;

interface Lists {
  /** What they stand in. */
  readonly value: JsonObject;
  readonly contacts: readonly Json[];
  readonly messages: readonly Json[];
  readonly statuses: readonly Json[];
  readonly errors: readonly Json[];
}

/**
 * The field `messages`: every message and every status, each alone. A contact that cannot be used is a quarantined piece of
 * its own; the messages beside it do without. Errors beside messages go with these; those that no message takes along
 * become an account event with the value as it came.
 */
export function* decodeMessagesField(place: Place, change: Change): Generator<WebhookElement> {
  const lists = listsOf(change.value);
  if (lists === undefined) yield quarantined(place, 'wrong_shape');
  else if (lists.messages.length + lists.statuses.length > 0) yield* decodeLists(place, change, lists);
  else {
    const badContact = onlyBadContact(place, change, lists);
    if (badContact !== undefined) yield badContact;
    // Errors alone (131035: Meta has given a webhook up), or something that this version does not know.
    else yield* decodeAccountField(place, change);
  }
}

/** A contact alone is no webhook of Meta's, but one of a bad contact that was kept: it must not pass for an event. */
function onlyBadContact(place: Place, change: Change, lists: Lists): WebhookElement | undefined {
  if (lists.contacts.length !== 1 || lists.errors.length > 0) return undefined;
  const envelope = new MessagesEnvelope(change, lists.value);
  return [...readContacts(place, lists, envelope, new Contacts())][0];
}

function* decodeLists(place: Place, change: Change, lists: Lists): Generator<WebhookElement> {
  const wireMetadata = isJsonObject(change.value) ? change.value['metadata'] : undefined;
  const { data: metadata } = metadataSchema.safeParse(wireMetadata);
  const flaw = findFlaw(wireMetadata);
  if (metadata === undefined || flaw !== undefined) {
    yield quarantined(place, flaw ?? 'wrong_shape');
    return;
  }
  const contacts = new Contacts();
  const envelope = new MessagesEnvelope(change, lists.value);
  yield* readContacts(place, lists, envelope, contacts);
  const errors = sharedErrors(lists.errors);

  const context: ValueContext = withoutUndefined({
    businessAccountId: change.businessAccountId,
    phoneNumberId: metadata.phone_number_id,
    displayPhoneNumber: metadata.display_phone_number,
    contacts,
    errors,
    single: lists.messages.length + lists.statuses.length === 1,
  });
  let errorsTaken = lists.errors.length === 0;
  const messageBody = (wire: Json) => envelope.messageBody(wire, contacts, errors.length > 0);
  for (const message of placesOf(place, 'messages', lists, messageBody)) {
    const element = elementAt(message, (wire) => decodeMessage(wire, context));
    errorsTaken ||= element.kind === 'event' && errors.length > 0;
    yield element;
  }
  const statusBody = (wire: Json) => envelope.statusBody(wire, contacts);
  for (const status of placesOf(place, 'statuses', lists, statusBody))
    yield elementAt(status, (wire) => decodeStatus(wire, context));
  if (!errorsTaken) yield* decodeAccountField(place, change);
}

/** Undefined if the value is none, or if something else stands where a list should. */
function listsOf(value: Json): Lists | undefined {
  if (!isJsonObject(value)) return undefined;
  const contacts = value['contacts'] ?? [];
  const messages = value['messages'] ?? [];
  const statuses = value['statuses'] ?? [];
  const errors = value['errors'] ?? [];
  const areLists = isJsonArray(contacts) && isJsonArray(messages) && isJsonArray(statuses) && isJsonArray(errors);
  return areLists ? { value, contacts, messages, statuses, errors } : undefined;
}

function* placesOf(
  change: Place,
  list: 'contacts' | 'messages' | 'statuses',
  lists: Lists,
  bodyWith: (wire: Json) => Json,
): Generator<Place> {
  for (const [index, wire] of lists[list].entries())
    yield new Place(`${change.path}.value.${list}[${index}]`, wire, bodyWith);
}

/** Adds the contacts that can be used; the others are quarantined. */
function* readContacts(
  change: Place,
  lists: Lists,
  envelope: MessagesEnvelope,
  contacts: Contacts,
): Generator<WebhookElement> {
  const contactBody = (wire: Json) => envelope.contactBody(wire);
  for (const place of placesOf(change, 'contacts', lists, contactBody)) {
    const { data } = contactSchema.safeParse(place.wire);
    const flaw = findFlaw(place.wire);
    if (data === undefined || flaw !== undefined) yield quarantined(place, flaw ?? 'wrong_shape');
    else contacts.add(data, place.wire);
  }
}

/** Errors for every message of the value; none if they could not be stored, or are so many that copies would hurt. */
function sharedErrors(wire: readonly Json[]): readonly ReportedError[] {
  const errors = wire.length <= MOST_SHARED_ERRORS && findFlaw(wire) === undefined ? reportedErrors(wire) : undefined;
  return errors ?? [];
}
