import { conversationOf, type OutboundMessage, type WebhookEvent } from './model.ts';
import type { Job, NewJob, QueueName, Settlement } from './ports.ts';

export const QUEUE_NAMES: readonly QueueName[] = ['messages', 'statuses', 'account', 'outbound'];

/**
 * Order is kept within a lane: messages per conversation, statuses per recipient, everything else per account and field.
 */
export function laneOf(event: WebhookEvent): string {
  switch (event.kind) {
    case 'message':
      return conversationOf(event.phoneNumberId, event.groupId, event.customer);
    case 'status':
      return conversationOf(event.phoneNumberId, event.groupId, event.recipient);
    case 'account':
      return `${event.phoneNumberId ?? event.businessAccountId}|${event.field}`;
  }
}

/** The job of sending a message; one lane a recipient, so that replies keep their order. A copy of the message. */
export function sendJob(message: OutboundMessage): NewJob<OutboundMessage> {
  return {
    key: { id: message.sendId, day: 0 },
    lane: sendLaneOf(message),
    payload: structuredClone(message),
  };
}

/** The recipient of a message, and the number that it is from. */
export function sendLaneOf({ phoneNumberId, to }: Pick<OutboundMessage, 'phoneNumberId' | 'to'>): string {
  return conversationOf(phoneNumberId, to.groupId, to);
}

/**
 * The lanes in which statuses of a message are most likely: Meta names the recipient by either id in one status and by the
 * other in the next.
 */
export function statusLanesOf({ phoneNumberId, to: { groupId, userId, waId } }: OutboundMessage): readonly string[] {
  const recipients = [groupId, userId, waId].filter((id) => id !== undefined);
  return recipients.map((id) => conversationOf(phoneNumberId, id, {}));
}

/**
 * What becomes of a job before which `JobContext.isHeld` was false: nothing was done, so it waits as it was. If the lane has
 * a new owner by now this does not count, as all else.
 */
export function leftAlone({ lastError }: Job): Settlement {
  const error = { code: 'lease_expired', message: 'The process stood still for longer than its lease' };
  return { outcome: 'retry', inMs: 0, counted: false, error: lastError ?? error };
}
