import type { AccountEvent, EventKey, Json } from '../../core/model.ts';
import type { WebhookElement } from '../../core/ports/receiving.ts';
import { type ChangeItem, ChangeItems } from './change-items.ts';
import { decodeCall } from './decode-call.ts';
import { messageKey } from './decode-message.ts';
import { statusKey } from './decode-status.ts';
import { type Change, type Decoded, decoded, elementAt, Place, quarantined } from './element.ts';
import { isSmall, valueBody } from './envelope.ts';
import { contentHash, eventKey } from './event-key.ts';
import { findFlaw } from './storable-json.ts';
import { itemSchema, statusSchema } from './webhook-schema.ts';
import { isJsonArray, isJsonObject, type JsonObject } from './wire-json.ts';
import { secondsOf } from './wire-time.ts';
import { withoutUndefined } from './without-undefined.ts';

/**
 * Every field but `messages`, and `messages` without messages: the value as it came, one event per item where the value lists
 * independent things.
 */
export function* decodeAccountField(place: Place, change: Change): Generator<WebhookElement> {
  const items = new ChangeItems(change.field, change.value);
  const several = items.count > 1;
  const shared = several ? items.shared() : change.value;
  const flaw = findFlaw(shared);
  if (flaw !== undefined) yield quarantined(place, flaw);
  else if (items.count === 0) yield decoded(place, accountEvent(change));
  else
    for (const item of items) {
      const bodyWith = (): Json => valueBody(change, valueToKeep(change, items, item, several && !isSmall(shared)));
      const itsPlace = new Place(`${place.path}.${item.path}`, item.wire, bodyWith);
      yield elementAt(itsPlace, () => accountEvent({ ...change, value: items.valueWith(item) }, item));
    }
}

/** What an item is kept with: all that the items share, or of too much the number alone. */
function valueToKeep(change: Change, items: ChangeItems, item: ChangeItem, numberOnly: boolean): Json {
  if (!numberOnly) return items.valueWith(item);
  const phoneNumberId = phoneNumberIdOf(change.value);
  const isKept = phoneNumberId !== undefined && isSmall(phoneNumberId);
  return { ...(isKept && { metadata: { phone_number_id: phoneNumberId } }), ...items.valueWithOnly(item) };
}

/** An event whose item, or field, has no id is recognised by its content: Meta gives account-level fields none. */
function accountEvent(change: Change, item?: ChangeItem): Decoded<AccountEvent> {
  const phoneNumberId = phoneNumberIdOf(change.value);
  const seconds = happenedAt(change, item?.wire);
  const event: AccountEvent = withoutUndefined({
    kind: 'account',
    field: change.field,
    businessAccountId: change.businessAccountId,
    phoneNumberId,
    occurredAtMs: seconds === undefined ? undefined : seconds * 1000,
    call: decodeCall(change.field, item),
    value: change.value,
  });
  const key = item && phoneNumberId ? itemKey(change.field, phoneNumberId, item) : undefined;
  return { key: key ?? contentKey(change, item, seconds), event };
}

function contentKey(change: Change, item: ChangeItem | undefined, seconds: number | undefined): EventKey {
  const content = item === undefined ? change.value : item.wire;
  const hash = contentHash([change.businessAccountId, change.time ?? null, change.field, content]);
  return eventKey([change.field, hash], seconds);
}

/** The key of a listed item, starting with its field: a standby copy must not pass for the message itself. */
function itemKey(field: string, phoneNumberId: string, { list, wire }: ChangeItem): EventKey | undefined {
  const { data } = itemSchema.safeParse(wire);
  if (data === undefined) return undefined;
  const { id, event, status, timestamp } = data;
  if (field === 'calls') return eventKey([field, phoneNumberId, id, event, status, String(timestamp ?? '')], timestamp);
  if (field !== 'standby') return eventKey([field, phoneNumberId, id], timestamp);
  if (list === 'message_echoes') return eventKey([field, 'e', phoneNumberId, id], timestamp);
  const copied = list === 'messages' ? messageKey(phoneNumberId, data) : standbyStatusKey(phoneNumberId, wire);
  return copied && { ...copied, id: `${field}|${copied.id}` };
}

function standbyStatusKey(phoneNumberId: string, wire: Json): EventKey | undefined {
  const { data } = statusSchema.safeParse(wire);
  return data && statusKey(phoneNumberId, data);
}

/** The number that the change is about: fields name it in different places, or not at all. */
function phoneNumberIdOf(value: Json): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const holders = [value['metadata'], value['recipient'], value['phone_number_settings']];
  const named = holders.map((holder) => (isJsonObject(holder) ? holder['phone_number_id'] : undefined));
  const entity = value['entity_type'] === 'PHONE_NUMBER' ? value['entity_id'] : undefined;
  return [...named, entity].find((id) => typeof id === 'string' && id !== '') as string | undefined;
}

/** Seconds since 1970 by the item, else the value, else the entry, else the first thing in a list of the value. */
function happenedAt({ value, time }: Change, item: Json | undefined): number | undefined {
  return timestampIn(item) ?? timestampIn(value) ?? secondsOf(time) ?? timestampInLists(value);
}

function timestampIn(wire: Json | undefined): number | undefined {
  return isJsonObject(wire) ? secondsOf(wire['timestamp']) : undefined;
}

/** `groups`, `user_preferences`, `automatic_events` and others have their timestamps in here. */
function timestampInLists(value: Json): number | undefined {
  const lists = isJsonObject(value) ? Object.values(value as JsonObject).filter(isJsonArray) : [];
  return lists.map((list) => timestampIn(list[0])).find((seconds) => seconds !== undefined);
}
