import type { ApplyStatuses } from './delivery-status.ts';
import type { HandleEvent } from './handle-event.ts';
import { isBulkLane } from './lanes.ts';
import type { Metrics } from './ports/observation.ts';
import type {
  ConsumeOptions,
  Consumption,
  JobContext,
  JobHandler,
  MessageQueue,
  QueueName,
  QueuePayloads,
  Settlement,
} from './ports/queue.ts';
import type { SendMessage } from './send-message.ts';

/** Statuses that are applied together: 30 ms of PostgreSQL, and more at once are not cheaper each (measured 2026-11). */
const BULK_BURST = 500;

/** Statuses of one recipient that are shown to the bot together; a process that dies over them shows so many again. */
const STATUS_BURST = 20;

/** Everything that happens after the 200: handles events, applies statuses, sends messages. */
export class Worker {
  readonly #queue: MessageQueue;
  readonly #handleEvent: HandleEvent;
  readonly #applyStatuses: ApplyStatuses;
  readonly #sendMessage: SendMessage;
  readonly #metrics: Metrics;
  readonly #concurrency: number;
  #consumptions: readonly Consumption[] = [];

  /** @param concurrency conversations handled at once, and as many sends, by this process */
  constructor(
    queue: MessageQueue,
    handleEvent: HandleEvent,
    applyStatuses: ApplyStatuses,
    sendMessage: SendMessage,
    metrics: Metrics,
    concurrency: number,
  ) {
    this.#queue = queue;
    this.#handleEvent = handleEvent;
    this.#applyStatuses = applyStatuses;
    this.#sendMessage = sendMessage;
    this.#metrics = metrics;
    this.#concurrency = concurrency;
  }

  /** All or nothing: if one queue cannot be consumed, none is, and it may be tried again. */
  async start(): Promise<void> {
    const concurrency = this.#concurrency;
    const started = await Promise.allSettled([
      this.#consume(
        'messages',
        (jobs, context) => this.#handleEvent.run(jobs, context),
        concurrency,
        this.#handleEvent.messagesAtOnce,
      ),
      this.#consume('outbound', (jobs, context) => this.#sendMessage.run(jobs, context), concurrency, 1),
      this.#consume('statuses', (jobs, context) => this.#applyStatuses.run(jobs, context), concurrency, statusBurst),
      this.#consume('account', (jobs, context) => this.#handleEvent.run(jobs, context), 1, 1),
    ]);
    this.#consumptions = started.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    const failed = started.find((one) => one.status === 'rejected');
    if (failed === undefined) return;
    await this.stop();
    throw failed.reason;
  }

  /** Takes nothing new; resolves when what runs is settled. */
  async stop(): Promise<void> {
    await Promise.all(this.#consumptions.map((consumption) => consumption.stop()));
  }

  #consume<Name extends QueueName>(
    name: Name,
    handler: JobHandler<QueuePayloads[Name]>,
    concurrency: number,
    burst: ConsumeOptions['burst'],
  ): Promise<Consumption> {
    const counted: JobHandler<QueuePayloads[Name]> = async (jobs, context: JobContext) => {
      const settlements = await handler(jobs, context);
      for (const settlement of settlements) this.#countDead(name, settlement);
      return settlements;
    };
    return this.#queue.consume(name, counted, { concurrency, burst });
  }

  #countDead(queue: QueueName, settlement: Settlement): void {
    if (settlement.outcome === 'dead')
      this.#metrics.count('dead_letters_total', { queue, reason: settlement.error.code });
  }
}

function statusBurst(lane: string): number {
  return isBulkLane(lane) ? BULK_BURST : STATUS_BURST;
}
