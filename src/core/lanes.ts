import { conversationOf, type OutboundMessage, type StatusUpdate, type WebhookEvent } from './model.ts';
import type { Job, NewJob, QueueName, Settlement } from './ports/queue.ts';

export const QUEUE_NAMES: readonly QueueName[] = ['messages', 'statuses', 'account', 'outbound'];

/**
 * Few, so that one visit brings many statuses; more than one, so that several processes can work on them. With 1, 4 and 16
 * one process applied as many a second; each one more is a wake-up more a commit of the intake.
 */
const BULK_LANES = 4;

const BULK = 'bulk|';

/**
 * Order is kept within a lane: messages per conversation, everything else per account and field. Statuses come in through a
 * few lanes, all of a recipient through one, and go on in the lane of their recipient if somebody must see them in order.
 */
export function laneOf(event: WebhookEvent): string {
  switch (event.kind) {
    case 'message':
      return conversationOf(event.phoneNumberId, event.groupId, event.customer);
    case 'status':
      return bulkLaneOf(recipientLaneOf(event));
    case 'account':
      return `${event.phoneNumberId ?? event.businessAccountId}|${event.field}`;
  }
}

/** The lane in which the statuses of one recipient are shown to the bot, in order. */
export function recipientLaneOf({ phoneNumberId, groupId, recipient }: StatusUpdate): string {
  return conversationOf(phoneNumberId, groupId, recipient);
}

/** True for the lanes in which statuses come in. */
export function isBulkLane(lane: string): boolean {
  return lane.startsWith(BULK);
}

/** By a hash (FNV-1a) of the recipient. */
function bulkLaneOf(recipientLane: string): string {
  let hash = 0x811c9dc5;
  for (const character of recipientLane) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  return `${BULK}${(hash >>> 0) % BULK_LANES}`;
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
function sendLaneOf({ phoneNumberId, to }: Pick<OutboundMessage, 'phoneNumberId' | 'to'>): string {
  return conversationOf(phoneNumberId, to.groupId, to);
}

/**
 * The lanes in which statuses of a message are most likely: Meta names the recipient by either id in one status and by the
 * other in the next. Those of the recipient too: a version before this one put them there.
 */
export function statusLanesOf(message: OutboundMessage): readonly string[] {
  const lanes = addressesOf(message);
  return [...new Set([...lanes, ...lanes.map(bulkLaneOf)])];
}

/** The recipient in each way in which the message names it, by the name of the lane that it would have in that way; each once. */
export function addressesOf({ phoneNumberId, to }: Pick<OutboundMessage, 'phoneNumberId' | 'to'>): readonly string[] {
  const ids = new Set([to.groupId, to.userId, to.waId].filter((id) => id !== undefined));
  return [...ids].map((id) => conversationOf(phoneNumberId, id, {}));
}

/**
 * What becomes of a job before which `JobContext.isHeld` was false: nothing was done, so it waits as it was. If the lane has
 * a new owner by now this does not count, as all else.
 */
export function leftAlone({ lastError }: Job): Settlement {
  const error = { code: 'lease_expired', message: 'The process stood still for longer than its lease' };
  return { outcome: 'retry', inMs: 0, counted: false, error: lastError ?? error };
}
