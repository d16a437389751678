import { laneOf } from './lanes.ts';
import type {
  DedupResult,
  DedupStore,
  MessageQueue,
  NewJob,
  QueueName,
  QueuePayloads,
  Unit,
  WebhookElement,
} from './ports.ts';

export type EventElement = Extract<WebhookElement, { kind: 'event' }>;

/**
 * Records the keys of the events and queues those that are fresh, in their order, in one unit of work. `before` runs in it
 * ahead of the queueing, with the ids of the fresh ones; if it rejects nothing is stored, and its rejection is passed on.
 *
 * @throws WahookError `storage_unavailable`, or `unstorable` if one of the events can never be stored
 */
export async function storeEvents(
  dedup: DedupStore,
  queue: MessageQueue,
  events: readonly EventElement[],
  before: (fresh: readonly string[], unit: Unit) => Promise<void> = async () => {},
): Promise<DedupResult> {
  const byId = new Map<string, EventElement>();
  for (const event of events) if (!byId.has(event.key.id)) byId.set(event.key.id, event);
  const keys = [...byId.values()].map((event) => event.key);
  return await dedup.once(keys, async (fresh, unit) => {
    await before(fresh, unit);
    const isFresh = new Set(fresh);
    const freshEvents = [...byId.values()].filter(({ key }) => isFresh.has(key.id));
    await publish(queue, freshEvents, unit);
  });
}

async function publish(queue: MessageQueue, events: readonly EventElement[], unit: Unit): Promise<void> {
  const jobs: { [Name in QueueName]: NewJob<QueuePayloads[Name]>[] } = {
    messages: [],
    statuses: [],
    account: [],
    outbound: [],
  };
  for (const { key, event } of events) {
    if (event.kind === 'message') jobs.messages.push({ key, lane: laneOf(event), payload: event });
    else if (event.kind === 'status') jobs.statuses.push({ key, lane: laneOf(event), payload: event });
    else jobs.account.push({ key, lane: laneOf(event), payload: event });
  }
  if (jobs.messages.length > 0) await queue.publish('messages', jobs.messages, unit);
  if (jobs.statuses.length > 0) await queue.publish('statuses', jobs.statuses, unit);
  if (jobs.account.length > 0) await queue.publish('account', jobs.account, unit);
}
