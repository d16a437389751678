import type { DeliveryStatus, StatusUpdate } from './model.ts';
import type { Clock, Job, JobContext, JobError, JobHandler, Metrics, SentMessages, Settlement } from './ports.ts';

/** What a message's delivery state can be; absent: accepted by Meta, no status yet. */
export type Delivery = Exclude<DeliveryStatus, 'unknown'>;

/**
 * In the order in which one replaces the other. `failed` stands between: it ends a message that was at most sent; a later
 * delivered, read or played is real evidence and lifts it, and a `failed` after such evidence is about one of several devices;
 * its error is kept in any case.
 */
export const DELIVERY_ORDER: readonly Delivery[] = ['sent', 'failed', 'delivered', 'read', 'played'];

/** The delivery state after one more status. Statuses come late, repeated and in any order, so the state only ever rises. */
export function nextDelivery(current: Delivery | undefined, status: DeliveryStatus): Delivery | undefined {
  if (status === 'unknown') return current;
  if (current === undefined) return status;
  return DELIVERY_ORDER.indexOf(status) > DELIVERY_ORDER.indexOf(current) ? status : current;
}

/**
 * A status can overtake the answer of its own send by some hundred ms. One that has been here for so long is about a message
 * of somebody else, who uses the same number.
 */
const UNKNOWN_MESSAGE_WAIT_MS = 3_000;

/** Why a message is sent again that Meta had taken. */
export function refusal(errors: StatusUpdate['errors']): JobError {
  return { code: `graph_${errors?.[0]?.code ?? 'unknown'}`, message: 'Meta took the message and could not deliver it' };
}

/** Statuses → the delivery state of our messages, settled sends → the bot. */
export class ApplyStatuses {
  readonly #sentMessages: SentMessages;
  readonly #handle: JobHandler<StatusUpdate>;
  readonly #metrics: Metrics;
  readonly #clock: Clock;

  /** @param handle what runs the bot over the statuses afterwards */
  constructor(sentMessages: SentMessages, handle: JobHandler<StatusUpdate>, metrics: Metrics, clock: Clock) {
    this.#sentMessages = sentMessages;
    this.#handle = handle;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  async run(jobs: readonly Job<StatusUpdate>[], context: JobContext): Promise<readonly Settlement[]> {
    const unknown = new Set(await this.#sentMessages.apply(jobs.map((job) => job.payload)));
    const early = jobs.findIndex((job) => unknown.has(job.payload) && this.#waitMs(job) > 0);
    const ready = early === -1 ? jobs : jobs.slice(0, early);
    for (const { payload, claims } of ready) if (claims === 1) this.#count(payload);
    const settlements = ready.length === 0 ? [] : await this.#handle(ready, context);
    const waiting = jobs[early];
    if (waiting === undefined || settlements.some((settlement) => settlement.outcome === 'retry')) return settlements;
    const error = { code: 'unknown_message', message: 'The message of this status is not known yet' };
    return [...settlements, { outcome: 'retry', inMs: this.#waitMs(waiting), counted: false, error }];
  }

  /**
   * How long to wait for the message of a status to become known. By age, so that the statuses of one recipient wait together
   * and not one after the other; once at most, whatever the clocks say; not at all if it names a send of ours, which is
   * stored before it is sent.
   */
  #waitMs({ payload, claims, acceptedAtMs }: Job<StatusUpdate>): number {
    if (payload.sendId !== undefined || claims > 1) return 0;
    return Math.max(0, UNKNOWN_MESSAGE_WAIT_MS - Math.max(0, this.#clock.now() - acceptedAtMs));
  }

  #count({ status, errors }: StatusUpdate): void {
    this.#metrics.count('message_status_total', { status, error_code: String(errors?.[0]?.code ?? 'none') });
  }
}
