import { backoffMs } from './backoff.ts';
import { decidingOf, waitForMoreMs } from './burst-turn.ts';
import { isWahookError, PermanentError, WahookError } from './errors.ts';
import { type BotStores, type KeptDocuments, type OpenRun, openRun } from './handler-run.ts';
import { describeFailure } from './job-error.ts';
import { leftAlone } from './lanes.ts';
import type { AccountEvent, WebhookEvent } from './model.ts';
import type { EventHandler } from './ports/bot.ts';
import type { Clock, Log, Metrics, Timers } from './ports/observation.ts';
import type { Job, JobContext, JobError, Settlement } from './ports/queue.ts';
import { realTimers } from './real-timers.ts';
import { RunGate } from './run-gate.ts';
import { openingsOf, type WindowOpening } from './service-window.ts';

export interface HandleEventOptions {
  /** Runs of the handler before the event becomes a dead letter. */
  readonly attempts: number;
  /** Time for one run of the handler. */
  readonly timeoutMs: number;
  /** Told of each event by which a customer opens the service window. */
  readonly windowOpened?: (opening: WindowOpening) => void;
  /** Told of each account event, before the bot is. */
  readonly accountChanged?: (event: AccountEvent) => void;
  /** By which that time is measured. */
  readonly timers?: Timers;
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

const DEFERRED: JobError = { code: 'deferred', message: 'The bot wants the event later' };

const BURST: JobError = { code: 'burst', message: 'It waits for what the customer writes next' };

/** How a run of the bot ended. */
type Outcome = 'ok' | 'failed' | 'timeout';

/** Events that the bot handles in one run. Never empty; the first of them stands for all where there can be only one. */
interface Turn {
  readonly jobs: readonly Job<WebhookEvent>[];
  readonly first: Job<WebhookEvent>;
  readonly deciding: WebhookEvent;
}

/** Event → the bot → its replies into the outbound queue, or a retry, or a dead letter. */
export class HandleEvent {
  readonly #handler: Pick<EventHandler, 'handle' | 'turn'>;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #options: HandleEventOptions;
  readonly #timers: Timers;
  readonly #stores: BotStores;
  readonly #gate = new RunGate();

  constructor(
    handler: Pick<EventHandler, 'handle' | 'turn'>,
    log: Log,
    metrics: Metrics,
    clock: Clock,
    options: HandleEventOptions,
    stores: BotStores,
  ) {
    this.#handler = handler;
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#options = options;
    this.#timers = options.timers ?? realTimers;
    this.#stores = stores;
  }

  /** Messages of one conversation that the bot wants to be handed over together, at most. */
  get messagesAtOnce(): number {
    return this.#handler.turn?.maxMessages ?? 1;
  }

  /**
   * Runs the bot over the events in order, each by itself or messages together if the bot wants it so, and stops at the first
   * that must be tried again. What a failed run wanted to send and to keep is dropped.
   *
   * @throws what aborted the claim, so that nothing of it is settled
   */
  async run(jobs: readonly Job<WebhookEvent>[], context: JobContext): Promise<readonly Settlement[]> {
    const settlements: Settlement[] = [];
    const kept: KeptDocuments = new Map();
    for (const turn of this.#turnsOf(jobs)) {
      const settlement = context.isHeld() ? await this.#runOne(turn, context, kept) : leftAlone(turn.first);
      if (settlement.outcome === 'retry') return [...settlements, settlement];
      for (const _ of turn.jobs) settlements.push(settlement);
    }
    return settlements;
  }

  #turnsOf(jobs: readonly Job<WebhookEvent>[]): readonly Turn[] {
    const together = this.#handler.turn !== undefined && jobs.every(({ payload }) => payload.kind === 'message');
    return (together ? [jobs] : jobs.map((job) => [job])).flatMap((turn) => {
      const [first] = turn;
      const deciding = decidingOf(turn.map(({ payload }) => payload));
      return first === undefined || deciding === undefined ? [] : [{ jobs: turn, first, deciding }];
    });
  }

  async #runOne(turn: Turn, context: JobContext, kept: KeptDocuments): Promise<Settlement> {
    const { first } = turn;
    if (first.interruptions >= KILLER_INTERRUPTIONS) return this.#setAside(first);
    const waitMs = this.#waitForMoreMs(turn);
    if (waitMs > 0) return again(waitMs, first.lastError ?? BURST);
    const place = this.#gate.enter(first.interruptions >= SUSPECT_INTERRUPTIONS);
    try {
      if (place.entered !== undefined || first.interruptions > 0)
        await context.pause(unlessAborted(place.entered ?? Promise.resolve(), context.signal));
      return await this.#handle(turn, context, kept);
    } finally {
      place.leave();
    }
  }

  #waitForMoreMs({ jobs, deciding }: Turn): number {
    const { turn } = this.#handler;
    if (turn === undefined || deciding.kind !== 'message') return 0;
    return waitForMoreMs(jobs, turn, this.#clock.now());
  }

  async #handle({ jobs, first, deciding }: Turn, context: JobContext, kept: KeptDocuments): Promise<Settlement> {
    const startedAtMs = this.#clock.now();
    for (const opening of openingsOf(jobs)) this.#options.windowOpened?.(opening);
    if (deciding.kind === 'account') this.#options.accountChanged?.(deciding);
    const timeout = new AbortController();
    const inTime = this.#timers.after(this.#options.timeoutMs, () => timeout.abort(this.#timeoutError()));
    const signal = AbortSignal.any([context.signal, timeout.signal]);
    const parts = { jobs, first, context, signal, kept, log: this.#log, clock: this.#clock, stores: this.#stores };
    const opened = openRun(parts);
    const failure = await unlessAborted(this.#handler.handle(deciding, opened.run), signal).then(
      () => undefined,
      (thrown: unknown) => ({ thrown }),
    );
    inTime();
    if (failure !== undefined) {
      context.signal.throwIfAborted();
      const late = timeout.signal.aborted;
      this.#measure(late ? 'timeout' : 'failed', startedAtMs);
      return this.#failed(jobs, first, late ? 'handler_timeout' : 'handler_failed', failure.thrown);
    }
    this.#measure('ok', startedAtMs);
    return settled(opened);
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

  #failed(jobs: Turn['jobs'], { attempt, id }: Turn['first'], code: string, thrown: unknown): Settlement {
    const { attempts } = this.#options;
    const permanent = permanentCode(thrown);
    const payloads = jobs.map(({ payload }) => payload);
    const error = describeFailure(permanent ?? code, thrown, payloads);
    if (permanent !== undefined) {
      this.#log.error('The handler failed for good; the event is a dead letter', {
        ...{ job: id, attempt, error: error.message },
      });
      return { outcome: 'dead', error };
    }
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

  #measure(outcome: Outcome, startedAtMs: number): void {
    this.#metrics.count('handler_attempts_total', { outcome });
    this.#metrics.observe('handler_duration_seconds', (this.#clock.now() - startedAtMs) / 1000, { outcome });
  }
}

/** What a run that did not fail makes of its event. */
function settled(opened: OpenRun): Settlement {
  const deferredMs = opened.deferredMs();
  if (deferredMs !== undefined) return again(deferredMs, DEFERRED);
  opened.take();
  return { outcome: 'done' };
}

function again(inMs: number, error: JobError): Settlement {
  return { outcome: 'retry', inMs, counted: false, error };
}

/** Of an error that would come again at every run. */
function permanentCode(thrown: unknown): string | undefined {
  try {
    if (thrown instanceof PermanentError) return 'permanent_error';
    return isWahookError(thrown, 'unstorable') ? thrown.code : undefined;
  } catch {
    // A bot can throw anything, a proxy with a trap that throws itself too.
    return undefined;
  }
}

/** What becomes of `work`, or a rejection as soon as the signal is aborted; `work` itself goes on. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  try {
    await Promise.race([work, rejectOnAbort(signal, ended.signal)]);
  } finally {
    // With a reason of its own: the one that `abort` would make, with its stack, was a sixth of the work for an event.
    ended.abort(null);
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
