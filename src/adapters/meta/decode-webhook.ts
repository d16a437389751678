import type { Json } from '../../core/model.ts';
import type { DecodeWebhook, QuarantineReason, WebhookElement } from '../../core/ports/receiving.ts';
import { decodeAccountField } from './decode-account-field.ts';
import { decodeMessagesField } from './decode-messages-field.ts';
import { type Change, Place, quarantined } from './element.ts';
import { changeBody, entryBody } from './envelope.ts';
import { findFlaw } from './storable-json.ts';
import { entrySchema, type WireEntry } from './webhook-schema.ts';
import { isJsonArray, isJsonObject, parseJsonBytes } from './wire-json.ts';
import { withoutUndefined } from './without-undefined.ts';

/** Meta sends at most 1,000 updates in a webhook (docs, 2026-09-11). */
const MOST_ELEMENTS = 5000;

/**
 * Meta's webhooks, element by element. What several elements share is judged once: a change without a usable
 * `phone_number_id` is one quarantined piece with all that is in it. A body with more than 5000 elements is not cut but
 * quarantined whole. A body without elements (`entry: []`) gives none.
 */
export const decodeWebhook: DecodeWebhook = (rawBody) => {
  const whole = (reason: QuarantineReason): readonly WebhookElement[] => [
    { kind: 'quarantined', piece: { reason, path: '', raw: rawBody } },
  ];
  const body = parseJsonBytes(rawBody);
  if (body === undefined) return whole('not_json');
  // The same URL may be subscribed to other products of Meta's: `page`, `instagram` …
  if (!isJsonObject(body) || body['object'] !== 'whatsapp_business_account') return whole('not_whatsapp');
  if (!isJsonArray(body['entry'])) return whole('wrong_shape');
  const elements: WebhookElement[] = [];
  for (const element of decodeEntries(body['entry'])) {
    if (elements.length === MOST_ELEMENTS) return whole('too_many');
    elements.push(element);
  }
  return elements;
};

function* decodeEntries(entries: readonly Json[]): Generator<WebhookElement> {
  for (const [index, wire] of entries.entries()) {
    const place = new Place(`entry[${index}]`, wire, entryBody);
    const { data: entry } = entrySchema.safeParse(wire);
    const changes = isJsonObject(wire) ? wire['changes'] : undefined;
    const flaw = findFlaw(entry?.id);
    if (entry === undefined || !isJsonArray(changes) || flaw !== undefined) {
      yield quarantined(place, flaw ?? 'wrong_shape');
      continue;
    }
    for (const [at, change] of changes.entries()) {
      const itsPlace = new Place(`${place.path}.changes[${at}]`, change, (alone) => changeBody(entry, alone));
      yield* decodeChange(itsPlace, entry);
    }
  }
}

function* decodeChange(place: Place, entry: WireEntry): Generator<WebhookElement> {
  const wire = isJsonObject(place.wire) ? place.wire : {};
  const field = wire['field'] ?? entry.field;
  const value = wire['value'];
  const flaw = findFlaw(field);
  if (typeof field !== 'string' || value === undefined || flaw !== undefined) {
    yield quarantined(place, flaw ?? 'wrong_shape');
    return;
  }
  const change: Change = withoutUndefined({ businessAccountId: entry.id, time: entry.time, field, value });
  yield* field === 'messages' ? decodeMessagesField(place, change) : decodeAccountField(place, change);
}
