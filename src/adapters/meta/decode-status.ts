import type { Customer, DeliveryStatus, EventKey, Json, StatusUpdate } from '../../core/model.ts';
import type { Decoded, ValueContext } from './element.ts';
import { contentHash, eventKey } from './event-key.ts';
import { deliveryFailureOf } from './graph-errors.ts';
import { customerFrom, type PersonIds } from './people.ts';
import { reportedErrors } from './reported-errors.ts';
import { statusSchema, type WireStatus } from './webhook-schema.ts';
import { isJsonObject } from './wire-json.ts';
import { msOf } from './wire-time.ts';
import { withoutUndefined } from './without-undefined.ts';

/** The statuses of messages that Meta documents (2026-09-11); our words are the same. */
const KNOWN: ReadonlyMap<string, DeliveryStatus> = new Map<string, DeliveryStatus>([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
  ['failed', 'failed'],
]);

/** The wire status as an event, or undefined if it lacks what every status has. */
export function decodeStatus(wire: Json, value: ValueContext): Decoded<StatusUpdate> | undefined {
  const { data } = statusSchema.safeParse(wire);
  if (data === undefined || !isJsonObject(wire)) return undefined;
  const status = statusOf(data);
  const errors = reportedErrors(wire['errors']);
  const event: StatusUpdate = withoutUndefined({
    kind: 'status',
    status,
    reported: data.status,
    messageId: data.id,
    businessAccountId: value.businessAccountId,
    phoneNumberId: value.phoneNumberId,
    recipient: recipientOf(data, value),
    groupId: isForGroup(data) ? data.recipient_id || undefined : undefined,
    participantId: participantOf(data),
    occurredAtMs: msOf(data.timestamp) ?? 0,
    sendId: data.biz_opaque_callback_data,
    errors,
    failure: status === 'failed' && errors?.[0] ? deliveryFailureOf(errors[0].code) : undefined,
    pricing: data.pricing ?? data.conversation?.pricing,
    payment: data.payment,
  });
  return { key: statusKey(value.phoneNumberId, data), event };
}

/** In a group each participant has a status of the same message; a payment changes within one status and one second. */
export function statusKey(phoneNumberId: string, status: WireStatus): EventKey {
  const payment = status.payment === undefined ? [] : [contentHash(status.payment)];
  const { id, timestamp } = status;
  const parts = ['s', phoneNumberId, id, status.status, participantOf(status), String(timestamp ?? ''), ...payment];
  return eventKey(parts, timestamp);
}

/** The status of something else than a message, such as a payment, must not move the message's own status. */
function statusOf(status: WireStatus): DeliveryStatus {
  const ofMessage = status.type === undefined || status.type === 'message';
  return (ofMessage ? KNOWN.get(status.status) : undefined) ?? 'unknown';
}

function isForGroup(status: WireStatus): boolean {
  return status.recipient_type === 'group';
}

function participantOf(status: WireStatus): string | undefined {
  return status.recipient_participant_user_id || participantNumberOf(status) || undefined;
}

function participantNumberOf(status: WireStatus): string | null | undefined {
  return status.recipient_participant_id || status.participant_recipient_id;
}

function recipientOf(status: WireStatus, value: ValueContext): Customer {
  const person: PersonIds = isForGroup(status)
    ? {
        waId: participantNumberOf(status),
        userId: status.recipient_participant_user_id,
        parentUserId: status.recipient_participant_parent_user_id,
      }
    : {
        waId: status.recipient_id,
        userId: status.recipient_user_id,
        parentUserId: status.parent_recipient_user_id || status.parent_user_id,
      };
  return customerFrom(person, value.contacts.find(person));
}
