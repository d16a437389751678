import { laneOf } from './lanes.ts';
import type { AccountEvent, InboundMessage, StatusUpdate, WebhookEvent } from './model.ts';
import type { MessageQueue, NewJob, QueueName, QueuePayloads } from './ports/queue.ts';
import type { DedupResult, DedupStore, EventStore, KeyedEvent, Unit } from './ports/receiving.ts';

/** An event as a job, with the queue that it belongs to. */
export type EventJob = NewJob<InboundMessage | StatusUpdate | AccountEvent> & {
  readonly queue: Exclude<QueueName, 'outbound'>;
};

/** The events as jobs, in their order; the first of those with one key. */
export function eventJobs(events: readonly KeyedEvent[]): readonly EventJob[] {
  const byId = new Map<string, EventJob>();
  for (const { key, event } of events)
    if (!byId.has(key.id)) byId.set(key.id, { queue: queueOf(event), key, lane: laneOf(event), payload: event });
  return [...byId.values()];
}

function queueOf({ kind }: WebhookEvent): EventJob['queue'] {
  switch (kind) {
    case 'message':
      return 'messages';
    case 'status':
      return 'statuses';
    case 'account':
      return 'account';
  }
}

/** An event store made of a dedup store and a queue that joins its units. */
export class StoreEvents implements EventStore {
  readonly #dedup: DedupStore;
  readonly #queue: MessageQueue;

  constructor(dedup: DedupStore, queue: MessageQueue) {
    this.#dedup = dedup;
    this.#queue = queue;
  }

  store(events: readonly KeyedEvent[]): Promise<DedupResult> {
    return storeEvents(this.#dedup, this.#queue, events);
  }
}

/**
 * Records the keys of the events and queues those that are fresh, in their order, in one unit of work. `before` runs in it
 * ahead of the queueing, with the ids of the fresh ones; if it rejects nothing is stored, and its rejection is passed on.
 *
 * @throws WahookError `storage_unavailable`, or `unstorable` if one of the events can never be stored
 */
export async function storeEvents(
  dedup: DedupStore,
  queue: MessageQueue,
  events: readonly KeyedEvent[],
  before: (fresh: readonly string[], unit: Unit) => Promise<void> = async () => {},
): Promise<DedupResult> {
  const jobs = eventJobs(events);
  const keys = jobs.map(({ key }) => key);
  return await dedup.once(keys, async (fresh, unit) => {
    await before(fresh, unit);
    const isFresh = new Set(fresh);
    const freshJobs = jobs.filter(({ key }) => isFresh.has(key.id));
    // In alphabetical order, as everywhere: whoever locks lanes of several queues must meet nobody who does it otherwise.
    await publish(queue, 'account', freshJobs, unit);
    await publish(queue, 'messages', freshJobs, unit);
    await publish(queue, 'statuses', freshJobs, unit);
  });
}

async function publish<Name extends EventJob['queue']>(
  queue: MessageQueue,
  name: Name,
  jobs: readonly EventJob[],
  unit: Unit,
): Promise<void> {
  const own = jobs.flatMap(({ queue: itsQueue, key, lane, payload }) => {
    return itsQueue === name ? [{ key, lane, payload: payload as QueuePayloads[Name] }] : [];
  });
  if (own.length > 0) await queue.publish(name, own, unit);
}
