import { backoffMs } from './backoff.ts';
import { PermanentError, WahookError } from './errors.ts';
import { describeFailure } from './job-error.ts';
import { leftAlone } from './lanes.ts';
import type { OutboundMessage, WebhookEvent } from './model.ts';
import type { Clock, EventHandler, Job, JobContext, Log, Metrics, Settlement, Timers } from './ports.ts';
import { realTimers } from './real-timers.ts';
import { RunGate } from './run-gate.ts';

export interface HandleEventOptions {
  /** Runs of the handler before the event becomes a dead letter. */
  readonly attempts: number;
  /** Time for one run of the handler. */
  readonly timeoutMs: number;
}

/** 2 s, 4 s, 8 s …: a bot's failure is mostly a neighbour's short outage. */
const BACKOFF_BASE_MS = 2_000;
const BACKOFF_MAX_MS = 600_000;

/**
 * One interruption can be chance, or the fault of a neighbour in the same process; an event with two is a suspect. It runs
 * alone from then on, so that a further one incriminates it and nobody else.
 */
const SUSPECT_INTERRUPTIONS = 2;

/**
 * Its process died three times over it alone. Each costs its worker the lease (10 to 12 s) and a start; a cause outside of the
 * event (no memory, a rough deployment) rarely lasts so long.
 */
const KILLER_INTERRUPTIONS = 5;

/** Event → the bot → its replies into the outbound queue, or a retry, or a dead letter. */
export class HandleEvent {
  readonly #handler: EventHandler;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #options: HandleEventOptions;
  readonly #timers: Timers;
  readonly #gate = new RunGate();

  constructor(
    handler: EventHandler,
    log: Log,
    metrics: Metrics,
    clock: Clock,
    options: HandleEventOptions,
    timers: Timers = realTimers,
  ) {
    this.#handler = handler;
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#options = options;
    this.#timers = timers;
  }

  /**
   * Runs the bot over the events in order and stops at the first that must be tried again. What a failed run wanted to
   * send is dropped.
   *
   * @throws what aborted the claim, so that nothing of it is settled
   */
  async run(jobs: readonly Job<WebhookEvent>[], context: JobContext): Promise<readonly Settlement[]> {
    const settlements: Settlement[] = [];
    for (const job of jobs) {
      const settlement = context.isHeld() ? await this.#runOne(job, context) : leftAlone(job);
      settlements.push(settlement);
      if (settlement.outcome === 'retry') break;
    }
    return settlements;
  }

  async #runOne(job: Job<WebhookEvent>, context: JobContext): Promise<Settlement> {
    if (job.interruptions >= KILLER_INTERRUPTIONS) return this.#setAside(job);
    const turn = this.#gate.enter(job.interruptions >= SUSPECT_INTERRUPTIONS);
    try {
      if (turn.entered !== undefined || job.interruptions > 0)
        await context.pause(unlessAborted(turn.entered ?? Promise.resolve(), context.signal));
      return await this.#handle(job, context);
    } finally {
      turn.leave();
    }
  }

  async #handle(job: Job<WebhookEvent>, context: JobContext): Promise<Settlement> {
    const startedAtMs = this.#clock.now();
    const sends: OutboundMessage[] = [];
    const timeout = new AbortController();
    const inTime = this.#timers.after(this.#options.timeoutMs, () => timeout.abort(this.#timeoutError()));
    const signal = AbortSignal.any([context.signal, timeout.signal]);
    const run = {
      attempt: job.attempt,
      signal,
      log: this.#log,
      send: (message: OutboundMessage) => sends.push(message),
    };
    const failure = await unlessAborted(this.#handler.handle(job.payload, run), signal).then(
      () => undefined,
      (thrown: unknown) => ({ thrown }),
    );
    inTime();
    if (failure !== undefined) {
      context.signal.throwIfAborted();
      const late = timeout.signal.aborted;
      this.#measure(late ? 'timeout' : 'failed', startedAtMs);
      return this.#failed(job, late ? 'handler_timeout' : 'handler_failed', failure.thrown);
    }
    for (const message of sends) context.send({ ...message, causedAtMs: job.acceptedAtMs });
    this.#measure('ok', startedAtMs);
    return { outcome: 'done' };
  }

  /** Its process died or froze over it again and again: whatever the reason, others must not suffer any more. */
  #setAside(job: Job<WebhookEvent>): Settlement {
    const message = `Its process died or froze ${job.interruptions} times in a row while the bot was at work on it`;
    this.#log.error('An event is set aside without running it again; it is a dead letter', {
      job: job.id,
      error: message,
    });
    return { outcome: 'dead', error: { code: 'suspected_killer', message } };
  }

  #timeoutError(): WahookError {
    return new WahookError('handler_timeout', `The handler took longer than ${this.#options.timeoutMs} ms`);
  }

  #failed(job: Job<WebhookEvent>, code: string, thrown: unknown): Settlement {
    const isPermanent = thrown instanceof PermanentError;
    const error = describeFailure(isPermanent ? 'permanent_error' : code, thrown, job.payload);
    const { attempt, id } = job;
    if (isPermanent) {
      this.#log.error('The handler failed for good; the event is a dead letter', {
        ...{ job: id, attempt, error: error.message },
      });
      return { outcome: 'dead', error };
    }
    const { attempts } = this.#options;
    if (attempt >= attempts) {
      this.#log.error('The handler failed for the last time; the event is a dead letter', {
        attempt,
        error: error.message,
      });
      return { outcome: 'dead', error };
    }
    const inMs = backoffMs(attempt, BACKOFF_BASE_MS, BACKOFF_MAX_MS, Math.random());
    this.#log.warn('The handler failed and will run again', { job: id, attempt, attempts, inMs, error: error.message });
    return { outcome: 'retry', inMs, counted: true, error };
  }

  #measure(outcome: 'ok' | 'failed' | 'timeout', startedAtMs: number): void {
    this.#metrics.count('handler_attempts_total', { outcome });
    this.#metrics.observe('handler_duration_seconds', (this.#clock.now() - startedAtMs) / 1000, { outcome });
  }
}

/** What becomes of `work`, or a rejection as soon as the signal is aborted; `work` itself goes on. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  try {
    await Promise.race([work, rejectOnAbort(signal, ended.signal)]);
  } finally {
    ended.abort();
  }
}

/**
 * @param ended aborted when nobody waits any more: a listener left on a signal that outlives the event (a consumer's) keeps
 *   the event alive with it, 1.8 kB each
 */
function rejectOnAbort(signal: AbortSignal, ended: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true, signal: ended });
  });
}
