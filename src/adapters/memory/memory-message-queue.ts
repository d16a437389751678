import { sendJob } from '../../core/lanes.ts';
import type { Clock, Timers } from '../../core/ports/observation.ts';
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
import type { Unit } from '../../core/ports/receiving.ts';
import { realTimers } from '../../core/real-timers.ts';
import { MemoryConversationState } from './memory-conversation-state.ts';
import { Consumer, Line, type Store, type Time } from './memory-line.ts';
import type { MemoryRows } from './memory-rows.ts';
import { joinUnit } from './memory-unit.ts';

export interface MemoryMessageQueueOptions {
  readonly clock?: Clock;
  /** By the same time as `clock`. */
  readonly timers?: Timers;
  /** How long handlers may still run after `stop` before their signal is aborted. */
  readonly stopDeadlineMs?: number;
  /** Where handlers keep what they keep. */
  readonly state?: MemoryConversationState;
}

type StoredJob = Omit<NewJob, 'payload'> & { readonly payload: string };

/**
 * The queues in this process's memory, gone with it. Retries wait by the timers, times are those of the clock given.
 *
 * Joins the units of `MemoryDedupStore`. The unit of any other store cannot be joined: then the jobs are stored at once,
 * and the queue looks at the keys itself.
 */
export class MemoryMessageQueue implements MessageQueue {
  readonly #rows: MemoryRows;
  readonly #time: Time;
  readonly #stopDeadlineMs: number;
  readonly #state: MemoryConversationState;
  readonly #lines = new Map<QueueName, Line>();

  constructor(rows: MemoryRows, options: MemoryMessageQueueOptions = {}) {
    const { clock = Date, timers = realTimers, stopDeadlineMs = 20_000 } = options;
    const { state = new MemoryConversationState() } = options;
    this.#rows = rows;
    this.#state = state;
    this.#time = { clock, timers };
    this.#stopDeadlineMs = stopDeadlineMs;
  }

  async publish<Name extends QueueName>(
    queue: Name,
    jobs: readonly NewJob<QueuePayloads[Name]>[],
    unit?: Unit,
  ): Promise<void> {
    const rows = jobs.map(stored);
    if (unit !== undefined && joinUnit(unit, () => this.#store(queue, rows, true))) return;
    this.#store(queue, rows, false);
  }

  async consume<Name extends QueueName>(
    queue: Name,
    handler: JobHandler<QueuePayloads[Name]>,
    options: ConsumeOptions,
  ): Promise<Consumption> {
    const consumer = new Consumer(handler, options, this.#stopDeadlineMs);
    this.#line(queue).join(consumer);
    return consumer;
  }

  async depth(queue: QueueName): Promise<QueueDepth> {
    return this.#rows.depth(queue, this.#time.clock.now());
  }

  /** Nothing is at work, and nothing could be before its time has come. */
  get isAtRest(): boolean {
    return [...this.#lines.values()].every((line) => line.isAtRest);
  }

  /** For others who let rows wait again. */
  wake(queue: QueueName, lane: string): void {
    this.#line(queue).wake(lane);
  }

  /** Ends it at once: what still runs is aborted, and nothing of it counts. */
  close(): void {
    for (const line of this.#lines.values()) line.close();
  }

  #store(queue: QueueName, jobs: readonly StoredJob[], fresh: boolean): void {
    const added = jobs.filter((job) => this.#rows.add(queue, job, this.#time.clock.now(), fresh));
    for (const { lane } of added) this.#line(queue).wake(lane);
  }

  #line(queue: QueueName): Line {
    const store: Store = (sends, writes) => {
      this.#state.write(writes);
      this.#store(
        'outbound',
        sends.map((message) => stored(sendJob(message))),
        false,
      );
    };
    const line = this.#lines.get(queue) ?? new Line(queue, this.#rows, this.#time, store);
    this.#lines.set(queue, line);
    return line;
  }
}

function stored(job: NewJob): StoredJob {
  return { ...job, payload: JSON.stringify(job.payload) };
}
