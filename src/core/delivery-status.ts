import type { DeliveryStatus, StatusUpdate } from './model.ts';
import type { Job, JobContext, JobHandler, Metrics, SentMessages, Settlement } from './ports.ts';

/** What a message's delivery state can be; absent: accepted by Meta, no status yet. */
export type Delivery = Exclude<DeliveryStatus, 'unknown'>;

/**
 * In the order in which one replaces the other. `failed` stands between: it ends a message that was at most sent; a later
 * delivered, read or played is real evidence and lifts it, and a `failed` after such evidence is about one of several devices.
 */
export const DELIVERY_ORDER: readonly Delivery[] = ['sent', 'failed', 'delivered', 'read', 'played'];

/** The delivery state after one more status. Statuses come late, repeated and in any order, so the state only ever rises. */
export function nextDelivery(current: Delivery | undefined, status: DeliveryStatus): Delivery | undefined {
  if (status === 'unknown') return current;
  if (current === undefined) return status;
  return DELIVERY_ORDER.indexOf(status) > DELIVERY_ORDER.indexOf(current) ? status : current;
}

/** A status can overtake the answer of its own send by some hundred ms; after this it is about a message of somebody else. */
const UNKNOWN_MESSAGE_RETRY_MS = 3_000;

/** Statuses → the delivery state of our messages, settled sends → the bot. */
export class ApplyStatuses {
  readonly #sentMessages: SentMessages;
  readonly #handle: JobHandler<StatusUpdate>;
  readonly #metrics: Metrics;

  /** @param handle what runs the bot over the statuses afterwards */
  constructor(sentMessages: SentMessages, handle: JobHandler<StatusUpdate>, metrics: Metrics) {
    this.#sentMessages = sentMessages;
    this.#handle = handle;
    this.#metrics = metrics;
  }

  async run(jobs: readonly Job<StatusUpdate>[], context: JobContext): Promise<readonly Settlement[]> {
    const unknown = new Set(await this.#sentMessages.apply(jobs.map((job) => job.payload)));
    const early = jobs.findIndex((job) => unknown.has(job.payload) && !job.payload.sendId && job.attempt === 1);
    const ready = early === -1 ? jobs : jobs.slice(0, early);
    for (const { payload } of ready) this.#count(payload);
    const settlements = ready.length === 0 ? [] : await this.#handle(ready, context);
    if (early === -1 || settlements.some((settlement) => settlement.outcome === 'retry')) return settlements;
    const error = { code: 'unknown_message', message: 'The message of this status is not known yet' };
    return [...settlements, { outcome: 'retry', inMs: UNKNOWN_MESSAGE_RETRY_MS, counted: true, error }];
  }

  #count({ status, errors }: StatusUpdate): void {
    this.#metrics.count('message_status_total', { status, error_code: String(errors?.[0]?.code ?? 'none') });
  }
}
