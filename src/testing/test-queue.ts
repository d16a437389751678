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

/** The queue in memory; counts the handlers that it runs, and can have them die. */
export class TestQueue implements MessageQueue {
  readonly #inner: MessageQueue & { readonly isAtRest: boolean };
  #crashes = 0;
  #running = 0;

  constructor(inner: MessageQueue & { readonly isAtRest: boolean }) {
    this.#inner = inner;
  }

  /** Nothing can happen before time goes on. @param waitingForTime so many of the handlers that run wait for nothing else */
  isAtRest(waitingForTime: number): boolean {
    return this.#inner.isAtRest || (this.#running > 0 && this.#running === waitingForTime);
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
    const watched: JobHandler<QueuePayloads[Name]> = async (jobs, context) => {
      const dies = queue === 'messages' && this.#crashes > 0;
      if (dies) this.#crashes -= 1;
      this.#running += 1;
      try {
        const settlements = await handler(jobs, context);
        if (dies) throw new Error('the process died, as the test asked for');
        return settlements;
      } finally {
        this.#running -= 1;
      }
    };
    return this.#inner.consume(queue, watched, options);
  }

  depth(queue: QueueName): Promise<QueueDepth> {
    return this.#inner.depth(queue);
  }
}
