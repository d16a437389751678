import type {
  ConsumeOptions,
  Consumption,
  JobHandler,
  MessageQueue,
  NewJob,
  QueueDepth,
  QueueName,
  QueuePayloads,
} from '../core/ports/queue.ts';
import type { Unit } from '../core/ports/receiving.ts';

/** A queue whose consumer can die at its work: nothing of it is settled, and the jobs are claimed again. */
export class CrashingQueue implements MessageQueue {
  readonly #inner: MessageQueue;
  #crashes = 0;

  constructor(inner: MessageQueue) {
    this.#inner = inner;
  }

  /** The next runs of the bot over messages, so many of them, end like a process that dies right before it commits. */
  crashNext(times: number): void {
    this.#crashes += times;
  }

  publish<Name extends QueueName>(
    queue: Name,
    jobs: readonly NewJob<QueuePayloads[Name]>[],
    unit?: Unit,
  ): Promise<void> {
    return this.#inner.publish(queue, jobs, unit);
  }

  consume<Name extends QueueName>(
    queue: Name,
    handler: JobHandler<QueuePayloads[Name]>,
    options: ConsumeOptions,
  ): Promise<Consumption> {
    if (queue !== 'messages') return this.#inner.consume(queue, handler, options);
    const mortal: JobHandler<QueuePayloads[Name]> = async (jobs, context) => {
      if (this.#crashes === 0) return await handler(jobs, context);
      this.#crashes -= 1;
      await handler(jobs, context);
      throw new Error('the process died, as the test asked for');
    };
    return this.#inner.consume(queue, mortal, options);
  }

  depth(queue: QueueName): Promise<QueueDepth> {
    return this.#inner.depth(queue);
  }
}
