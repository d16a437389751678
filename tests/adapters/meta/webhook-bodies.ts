import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { decodeWebhook } from '../../../src/adapters/meta/decode-webhook.ts';
import type {
  AccountEvent,
  EventKey,
  InboundMessage,
  Json,
  StatusUpdate,
  WebhookEvent,
} from '../../../src/core/model.ts';
import type { QuarantinedPiece, WebhookElement } from '../../../src/core/ports/receiving.ts';

const FIXTURES = new URL('../../fixtures/webhooks/', import.meta.url);

export const ACCOUNT_ID = '218765430912345';
export const PHONE_NUMBER_ID = '109876543210987';

/** The names of all recorded bodies. */
export function bodyNames(): string[] {
  return readdirSync(FIXTURES).filter((name) => name.endsWith('.json') && name !== 'signature-vectors.json');
}

export function bodyOf(name: string): Buffer {
  return readFileSync(new URL(name, FIXTURES));
}

export interface WireChange {
  readonly field: string;
  readonly value: Json;
}

export interface WireEntry {
  readonly id: string;
  readonly time?: number;
  readonly changes: readonly WireChange[];
}

export function entriesOf(name: string): readonly WireEntry[] {
  return (JSON.parse(bodyOf(name).toString()) as { readonly entry: readonly WireEntry[] }).entry;
}

export function bytes(body: unknown): Buffer {
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A body of these entries. */
export function webhook(...entry: readonly unknown[]): Buffer {
  return bytes({ object: 'whatsapp_business_account', entry });
}

/** A body with one change of the field. */
export function change(field: string, value: unknown, entry: object = {}): Buffer {
  return webhook({ id: ACCOUNT_ID, changes: [{ field, value }], ...entry });
}

/** A body with one change of the field `messages` to our number. */
export function messagesChange(lists: object): Buffer {
  const metadata = { display_phone_number: '15550100200', phone_number_id: PHONE_NUMBER_ID };
  return change('messages', { messaging_product: 'whatsapp', metadata, ...lists });
}

const SENDER = { from: '15550101001', from_user_id: 'US.1', id: 'wamid.A', timestamp: '1790000000' };

/** A body with one message, which is complete but for its content. */
export function messageBody(message: object): Buffer {
  return messagesChange({ messages: [{ ...SENDER, ...message }] });
}

export function statusBody(status: object): Buffer {
  return messagesChange({ statuses: [{ id: 'wamid.A', status: 'sent', timestamp: '1790000000', ...status }] });
}

export interface DecodedEvent<Event extends WebhookEvent = WebhookEvent> {
  readonly key: EventKey;
  readonly event: Event;
}

export function eventsIn(elements: readonly WebhookElement[]): DecodedEvent[] {
  return elements.flatMap((element) => (element.kind === 'event' ? [element] : []));
}

export function piecesIn(elements: readonly WebhookElement[]): QuarantinedPiece[] {
  return elements.flatMap((element) => (element.kind === 'quarantined' ? [element.piece] : []));
}

export function keysIn(elements: readonly WebhookElement[]): string[] {
  return eventsIn(elements).map(({ key }) => key.id);
}

/** Reason and path of every quarantined piece. */
export function quarantine(body: Buffer): string[] {
  return piecesIn(decodeWebhook(body)).map(({ reason, path }) => `${reason} ${path}`.trim());
}

function only(body: Buffer): DecodedEvent {
  const elements = decodeWebhook(body);
  expect(elements).to.have.lengthOf(1);
  const [decoded] = eventsIn(elements);
  if (decoded === undefined) throw new Error(`Quarantined: ${quarantine(body)[0]}`);
  return decoded;
}

/** The only element of the body, which must be a message. */
export function onlyMessage(body: Buffer): DecodedEvent<InboundMessage> {
  const { key, event } = only(body);
  if (event.kind !== 'message') throw new Error(`A ${event.kind}`);
  return { key, event };
}

export function onlyStatus(body: Buffer): DecodedEvent<StatusUpdate> {
  const { key, event } = only(body);
  if (event.kind !== 'status') throw new Error(`A ${event.kind}`);
  return { key, event };
}

export function onlyAccountEvent(body: Buffer): DecodedEvent<AccountEvent> {
  const { key, event } = only(body);
  if (event.kind !== 'account') throw new Error(`A ${event.kind}`);
  return { key, event };
}

/** The content of the only message, which must be of this type. */
export function contentOf<Type extends InboundMessage['type']>(
  type: Type,
  body: Buffer,
): Extract<InboundMessage, { readonly type: Type }> {
  const { event } = onlyMessage(body);
  expect(event.type).to.equal(type);
  return event as Extract<InboundMessage, { readonly type: Type }>;
}
