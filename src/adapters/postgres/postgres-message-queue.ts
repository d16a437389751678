import { WahookError } from '../../core/errors.ts';
import { QUEUE_NAMES } from '../../core/lanes.ts';
import type { Log, Metrics } from '../../core/ports/observation.ts';
import type {
  ConsumeOptions,
  Consumption,
  JobHandler,
  MessageQueue,
  NewJob,
  QueueDepth,
  QueueName,
  QueuePayloads,
} from '../../core/ports/queue.ts';
import type { DedupStore, Unit } from '../../core/ports/receiving.ts';
import type { Database } from './database.ts';
import { LaneConsumer } from './lane-consumer.ts';
import { LaneRows } from './lane-rows.ts';
import { LaneScheduler } from './lane-scheduler.ts';
import { LaneSweep } from './lane-sweep.ts';
import { LaneWatch } from './lane-watch.ts';
import { afterCommit, queryableOf } from './postgres-unit.ts';

export interface PostgresMessageQueueOptions {
  readonly database: Database;
  /** The store on the same database that remembers accepted keys, for publishing without a unit. */
  readonly dedup: DedupStore;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How long handlers may still run after `stop` before their signal is aborted. */
  readonly stopDeadlineMs: number;
  /** `hold`: a lane of messages waits behind a dead one. Default `continue`. */
  readonly onDeadLetter?: 'continue' | 'hold';
}

export type LaneWaker = Pick<LaneScheduler, 'wake' | 'wakeInside'>;

/**
 * The queues on Postgres, server or embedded. A job is a row of `wahook.inbox` or `wahook.outbox`, which is all there is to
 * know about it; pg-boss schedules the lanes that have rows waiting, so that its own cost does not depend on how many
 * messages wait (docs/architecture). The row is the truth, the lane job only wakes.
 *
 * Retries are up to 1 s late: the sweep wakes them. A worker that dies is noticed after 10 to 12 s; if the database was away, after 5 s more at most.
 */
export class PostgresMessageQueue implements MessageQueue {
  readonly #options: PostgresMessageQueueOptions;
  readonly #scheduler: LaneScheduler;
  readonly #watch: LaneWatch;
  readonly #rows: Readonly<Record<QueueName, LaneRows>>;
  readonly #consumers = new Set<LaneConsumer>();

  constructor(options: PostgresMessageQueueOptions) {
    this.#options = options;
    this.#scheduler = new LaneScheduler({ boss: options.database.bossOptions(), log: options.log });
    this.#watch = new LaneWatch(options.database, options.log);
    this.#rows = Object.fromEntries(
      QUEUE_NAMES.map((queue) => [queue, new LaneRows(queue, this.#holding(queue))]),
    ) as Record<QueueName, LaneRows>;
  }

  /** Prepares pg-boss's schema and queues; before anything else. @throws WahookError `storage_unavailable` */
  start(): Promise<void> {
    return this.#scheduler.start();
  }

  /** For others who let rows wait again: they wake the lanes. */
  get lanes(): LaneWaker {
    return this.#scheduler;
  }

  /** Ends it at once: what still runs is aborted and comes again. Stop the consumptions first to let it finish. */
  async close(): Promise<void> {
    for (const consumer of this.#consumers) consumer.abort();
    await this.#scheduler.close();
  }

  async publish<Name extends QueueName>(
    queue: Name,
    jobs: readonly NewJob<QueuePayloads[Name]>[],
    unit?: Unit,
  ): Promise<void> {
    if (jobs.length === 0) return;
    const tx = unit && queryableOf(unit, this.#options.database);
    if (unit !== undefined && tx !== undefined) {
      const lanes = await this.#rows[queue].insert(tx, jobs);
      afterCommit(unit, () => this.#scheduler.wake(queue, lanes));
    } else if (queue === 'outbound') {
      await this.#publishSends(jobs);
    } else {
      await this.#publishFresh(queue, jobs);
    }
  }

  async consume<Name extends QueueName>(
    queue: Name,
    handler: JobHandler<QueuePayloads[Name]>,
    { concurrency, burst }: ConsumeOptions,
  ): Promise<Consumption> {
    const { database, log, metrics, stopDeadlineMs } = this.#options;
    const scheduler = this.#scheduler;
    await scheduler.listen();
    const holding = this.#holding(queue);
    const sweep = new LaneSweep(database, scheduler, queue, holding);
    const watch = this.#watch;
    const consumer = new LaneConsumer({
      ...{ database, scheduler, queue, handler, concurrency, burst, sweep, watch, stopDeadlineMs, log, metrics },
      ...holding,
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  #holding(queue: QueueName): { readonly holds: boolean } {
    return { holds: queue === 'messages' && this.#options.onDeadLetter === 'hold' };
  }

  depth(queue: QueueName): Promise<QueueDepth> {
    return this.#rows[queue].depth(this.#options.database);
  }

  /** Sends have a unique key of their own. */
  async #publishSends(jobs: readonly NewJob[]): Promise<void> {
    const lanes = await this.#options.database.transaction((tx) => this.#rows.outbound.insert(tx, jobs));
    this.#scheduler.wake('outbound', lanes);
  }

  /** Without a unit the queue asks itself which keys are fresh. */
  async #publishFresh(queue: QueueName, jobs: readonly NewJob[]): Promise<void> {
    const byKey = new Map(jobs.toReversed().map((job) => [job.key.id, job]));
    const { busy } = await this.#options.dedup.once(
      jobs.map(({ key }) => key),
      (fresh, unit) => {
        const freshJobs = fresh.flatMap((id) => byKey.get(id) ?? []);
        return this.publish(queue, freshJobs as never, unit);
      },
    );
    if (busy.length > 0) throw new WahookError('storage_unavailable', 'others are storing the same jobs right now');
  }
}
