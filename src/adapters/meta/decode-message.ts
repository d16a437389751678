import type { EventKey, InboundMessage, Json, MessageContext, Referral } from '../../core/model.ts';
import { decodeContent } from './decode-content.ts';
import type { Decoded, ValueContext } from './element.ts';
import { eventKey } from './event-key.ts';
import { customerFrom, type PersonIds } from './people.ts';
import { reportedErrors } from './reported-errors.ts';
import { messageSchema, referralSchema, systemSchema, type WireMessage } from './webhook-schema.ts';
import { isJsonObject } from './wire-json.ts';
import { msOf } from './wire-time.ts';
import { withoutUndefined } from './without-undefined.ts';

/** The wire message as an event, or undefined if it lacks what every message has. */
export function decodeMessage(wire: Json, value: ValueContext): Decoded<InboundMessage> | undefined {
  const { data } = messageSchema.safeParse(wire);
  if (data === undefined || !isJsonObject(wire)) return undefined;
  const person = senderOf(data);
  const anonymous = !person.waId && !person.userId;
  const contact = value.contacts.find(person) ?? (anonymous && value.single ? value.contacts.only() : undefined);
  const errors = [...(reportedErrors(wire['errors']) ?? []), ...value.errors];
  const event: InboundMessage = {
    ...decodeContent(data.type, wire),
    ...withoutUndefined({
      kind: 'message',
      id: data.id,
      businessAccountId: value.businessAccountId,
      phoneNumberId: value.phoneNumberId,
      displayPhoneNumber: value.displayPhoneNumber,
      customer: customerFrom(person, contact),
      groupId: data.group_id || undefined,
      sentAtMs: msOf(data.timestamp) ?? 0,
      context: contextOf(data.context),
      referral: referralOf(wire['referral']),
      errors: errors.length > 0 ? errors : undefined,
    }),
  };
  return { key: messageKey(value.phoneNumberId, data), event };
}

export function messageKey(phoneNumberId: string, message: Pick<WireMessage, 'id' | 'timestamp'>): EventKey {
  return eventKey(['m', phoneNumberId, message.id], message.timestamp);
}

/**
 * A system message about a changed BSUID has no sender (2026-08-11). It belongs to the person under the old id, as Meta
 * itself does it where it names one.
 */
function senderOf(message: WireMessage): PersonIds {
  const { from: waId, from_user_id: userId, from_parent_user_id: parentUserId } = message;
  if (waId || userId || message.type !== 'system') return { waId, userId, parentUserId };
  const system = systemSchema.safeParse(message['system']).data;
  return { userId: system?.previous_user_id || system?.user_id, parentUserId };
}

function contextOf(context: WireMessage['context']): MessageContext | undefined {
  if (context === undefined) return undefined;
  const product = context.referred_product;
  const found = withoutUndefined({
    messageId: context.id,
    from: context.from,
    forwarded: forwardedOf(context),
    product: product && { catalogId: product.catalog_id, productRetailerId: product.product_retailer_id },
  });
  return Object.keys(found).length > 0 ? found : undefined;
}

function forwardedOf(context: NonNullable<WireMessage['context']>): MessageContext['forwarded'] {
  if (context.frequently_forwarded) return 'frequently';
  return context.forwarded ? 'once' : undefined;
}

function referralOf(wire: Json | undefined): Referral | undefined {
  const data = wire === undefined ? undefined : referralSchema.safeParse(wire).data;
  if (data === undefined || wire === undefined) return undefined;
  return withoutUndefined({
    sourceType: data.source_type,
    sourceId: data.source_id,
    sourceUrl: data.source_url,
    headline: data.headline,
    body: data.body,
    clickId: data.ctwa_clid,
    value: wire,
  });
}
