import { isWahookError } from './errors.ts';
import { isBulkLane, recipientLaneOf } from './lanes.ts';
import type { DeliveryStatus, StatusUpdate } from './model.ts';
import type { Clock, Metrics } from './ports/observation.ts';
import type { Job, JobContext, JobError, JobHandler, Settlement } from './ports/queue.ts';
import type { SentMessages } from './ports/sending.ts';

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

/**
 * So long what a status says about a message that is not known is kept, in case that it becomes known: as long as the key that makes the
 * status a duplicate, after which Meta could bring it anew. The sends of our own that are settled late are so by minutes or, after an
 * outage, by days.
 */
export const UNMATCHED_DAYS = 15;

/** How often a message is sent again that Meta took and then could not deliver, at most. */
export const MOST_RESENDS = 3;

/** Why a message is sent again that Meta had taken. */
export function refusal(errors: StatusUpdate['errors']): JobError {
  return { code: `graph_${errors?.[0]?.code ?? 'unknown'}`, message: 'Meta took the message and could not deliver it' };
}

const UNKNOWN_MESSAGE: JobError = { code: 'unknown_message', message: 'The message of this status is not known yet' };

/**
 * Statuses → the delivery state of our messages, settled sends → the bot.
 *
 * Most statuses are of interest to nobody but the row of their message, whatever their order. So they come in through a few
 * lanes and are applied by the hundred; those that the bot listens to, or whose message is not known yet, move on to the lane
 * of their recipient, where one that fails or waits holds up nobody else.
 */
export class ApplyStatuses {
  readonly #sentMessages: Pick<SentMessages, 'apply'>;
  readonly #handle: JobHandler<StatusUpdate>;
  readonly #listensTo: (update: StatusUpdate) => boolean;
  readonly #metrics: Metrics;
  readonly #clock: Clock;

  /**
   * @param handle what runs the bot over the statuses afterwards
   * @param listensTo whether the bot would do anything with one
   */
  constructor(
    sentMessages: Pick<SentMessages, 'apply'>,
    handle: JobHandler<StatusUpdate>,
    listensTo: (update: StatusUpdate) => boolean,
    metrics: Metrics,
    clock: Clock,
  ) {
    this.#sentMessages = sentMessages;
    this.#handle = handle;
    this.#listensTo = listensTo;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  async run(jobs: readonly Job<StatusUpdate>[], context: JobContext): Promise<readonly Settlement[]> {
    return jobs.every(({ lane }) => isBulkLane(lane)) ? this.#applyInBulk(jobs) : this.#show(jobs, context);
  }

  async #applyInBulk(jobs: readonly Job<StatusUpdate>[]): Promise<readonly Settlement[]> {
    this.#countNew(jobs);
    try {
      const unknown = new Set(await this.#sentMessages.apply(jobs.map(({ payload }) => payload)));
      return jobs.map((job) => this.#afterApplying(job, !unknown.has(job.payload)));
    } catch (error) {
      if (!isWahookError(error, 'unstorable')) throw error;
      return await this.#applyEach(jobs);
    }
  }

  /** One of them can never be applied: the others must not suffer for it. */
  async #applyEach(jobs: readonly Job<StatusUpdate>[]): Promise<readonly Settlement[]> {
    const settlements: Settlement[] = [];
    for (const job of jobs) {
      try {
        const unknown = await this.#sentMessages.apply([job.payload]);
        settlements.push(this.#afterApplying(job, unknown.length === 0));
      } catch (error) {
        if (!isWahookError(error, 'unstorable')) throw error;
        settlements.push({ outcome: 'dead', error: { code: 'unstorable', message: error.message } });
      }
    }
    return settlements;
  }

  #afterApplying({ payload, acceptedAtMs }: Job<StatusUpdate>, isKnown: boolean): Settlement {
    const lane = recipientLaneOf(payload);
    const inMs = isKnown ? 0 : this.#waitMs(payload, acceptedAtMs);
    if (inMs > 0) return { outcome: 'moved', lane, inMs, error: UNKNOWN_MESSAGE };
    return this.#listensTo(payload) ? { outcome: 'moved', lane } : { outcome: 'done' };
  }

  /** In the lane of one recipient. */
  async #show(jobs: readonly Job<StatusUpdate>[], context: JobContext): Promise<readonly Settlement[]> {
    const unapplied = jobs.filter(({ claims, lastError }) => claims === 1 || lastError?.code === UNKNOWN_MESSAGE.code);
    const unknown = new Set(await this.#sentMessages.apply(unapplied.map(({ payload }) => payload)));
    // One that came here without the lanes of all waits here, once.
    const waitMs = ({ payload, claims, acceptedAtMs }: Job<StatusUpdate>) =>
      unknown.has(payload) && claims === 1 ? this.#waitMs(payload, acceptedAtMs) : 0;
    const early = jobs.findIndex((job) => waitMs(job) > 0);
    const ready = early === -1 ? jobs : jobs.slice(0, early);
    this.#countNew(ready);
    const settlements = ready.length === 0 ? [] : await this.#handle(ready, context);
    const waiting = jobs[early];
    if (waiting === undefined || settlements.some((settlement) => settlement.outcome === 'retry')) return settlements;
    return [...settlements, { outcome: 'retry', inMs: waitMs(waiting), counted: false, error: UNKNOWN_MESSAGE }];
  }

  /**
   * How long to wait for the message of a status to become known. By age, so that the statuses of one recipient wait together
   * and not one after the other; not at all if it names a send of ours, which is stored before it is sent.
   */
  #waitMs({ sendId }: StatusUpdate, acceptedAtMs: number): number {
    if (sendId !== undefined) return 0;
    return Math.max(0, UNKNOWN_MESSAGE_WAIT_MS - Math.max(0, this.#clock.now() - acceptedAtMs));
  }

  #countNew(jobs: readonly Job<StatusUpdate>[]): void {
    for (const { payload, claims } of jobs) {
      const labels = { status: payload.status, error_code: String(payload.errors?.[0]?.code ?? 'none') };
      if (claims === 1) this.#metrics.count('message_status_total', labels);
    }
  }
}
