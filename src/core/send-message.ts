import { backoffMs } from './backoff.ts';
import { leftAlone } from './lanes.ts';
import type { OutboundMessage } from './model.ts';
import type {
  Clock,
  Job,
  JobContext,
  JobError,
  Log,
  Metrics,
  SendFailure,
  Sent,
  SentMessages,
  Settlement,
  WhatsAppGateway,
} from './ports.ts';

export interface SendMessageOptions {
  /** How long to wait for the status of a send whose answer was lost, before `onUnsettled` decides. */
  readonly settleWaitMs: number;
  /** `resend`: rather twice than never. `hold`: rather never than twice; it becomes a dead letter for a person to decide. */
  readonly onUnsettled: 'resend' | 'hold';
}

const BACKOFF_BASE_MS = 1_000;
const BACKOFF_MAX_MS = 300_000;

/** Repetitions of one message where the failure names no limit of its own: with the backoff about a quarter of an hour. */
const DEFAULT_REPETITIONS = 11;

/** How long a number rests whose token or account Meta refuses: nothing is lost, and Meta is not hammered. */
const PAUSE_MS = 60_000;

const PAUSED: JobError = { code: 'paused', message: 'The number is paused' };

/** One outbound message → the gateway → done, later again, waiting for its status, or a dead letter. */
export class SendMessage {
  readonly #gateway: WhatsAppGateway;
  readonly #sentMessages: Pick<SentMessages, 'proofOf'>;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #options: SendMessageOptions;
  readonly #pausedUntilMs = new Map<string, number>();

  constructor(
    gateway: WhatsAppGateway,
    sentMessages: Pick<SentMessages, 'proofOf'>,
    log: Log,
    metrics: Metrics,
    clock: Clock,
    options: SendMessageOptions,
  ) {
    this.#gateway = gateway;
    this.#sentMessages = sentMessages;
    this.#log = log;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#options = options;
  }

  /** Sends in order and stops at the first message that must be tried again: nothing overtakes it. */
  async run(jobs: readonly Job<OutboundMessage>[], context: JobContext): Promise<readonly Settlement[]> {
    const settlements: Settlement[] = [];
    for (const job of jobs) {
      const settlement = await this.#runOne(job, context);
      settlements.push(settlement);
      if (settlement.outcome === 'dead')
        this.#log.error('A message was not sent; it is a dead letter', { job: job.id, ...settlement.error });
      if (settlement.outcome === 'retry') break;
    }
    return settlements;
  }

  async #runOne(job: Job<OutboundMessage>, context: JobContext): Promise<Settlement> {
    const proof = await this.#proofOf(job);
    if (proof !== undefined) return { outcome: 'done', messageId: proof };
    if (job.interrupted) return this.#ambiguous(job, 'The process ended while it was sending');
    if (job.lastError?.code === 'ambiguous' && this.#options.onUnsettled === 'hold')
      return dead('unsettled', 'The answer was lost and no status came; Meta may or may not have the message');
    const pausedForMs = (this.#pausedUntilMs.get(job.payload.phoneNumberId) ?? 0) - this.#clock.now();
    // What is known of an earlier try stays known: its status may still come.
    if (pausedForMs > 0) return later(pausedForMs, false, job.lastError ?? PAUSED);
    if (!context.isHeld()) return leftAlone(job);
    const { signal } = context;
    const result = await this.#gateway.send(job.payload, signal);
    return result.kind === 'sent' ? this.#sent(job, result) : uncountedIf(signal.aborted, this.#failed(job, result));
  }

  /** Of a send that may have happened: its status may be here already, behind others or while no worker ran. */
  async #proofOf({ interrupted, lastError, payload }: Job<OutboundMessage>): Promise<string | undefined> {
    return interrupted || lastError?.code === 'ambiguous' ? this.#sentMessages.proofOf(payload) : undefined;
  }

  #sent({ payload: { causedAtMs } }: Job<OutboundMessage>, { messageId }: Sent): Settlement {
    if (causedAtMs !== undefined)
      this.#metrics.observe('end_to_end_seconds', Math.max(0, this.#clock.now() - causedAtMs) / 1000, {});
    return { outcome: 'done', messageId };
  }

  #failed(job: Job<OutboundMessage>, failure: SendFailure): Settlement {
    const code = failure.code === undefined ? failure.kind : `graph_${failure.code}`;
    const error: JobError = { code, message: failure.reason };
    switch (failure.kind) {
      case 'ambiguous':
        return this.#ambiguous(job, failure.reason);
      case 'window_closed':
      case 'rejected':
        return { outcome: 'dead', error };
      case 'unauthorized':
        this.#pausedUntilMs.set(job.payload.phoneNumberId, this.#clock.now() + PAUSE_MS);
        this.#log.error('Meta refuses this number or its token; its messages wait', { ...error, pauseMs: PAUSE_MS });
        return later(PAUSE_MS, false, error);
      case 'retry': {
        if (job.attempt > (failure.limit ?? DEFAULT_REPETITIONS)) return { outcome: 'dead', error };
        const waitMs = backoffMs(job.attempt, failure.afterMs ?? BACKOFF_BASE_MS, BACKOFF_MAX_MS, Math.random());
        return later(Math.max(waitMs, failure.afterMs ?? 0), true, error);
      }
    }
  }

  /**
   * Waits for the status that carries our send id. If one comes the queue marks the message as sent and it never returns
   * here; if none comes it returns with `lastError.code` `ambiguous`.
   */
  #ambiguous(job: Job<OutboundMessage>, reason: string): Settlement {
    const error = { code: 'ambiguous', message: reason };
    return job.attempt > DEFAULT_REPETITIONS
      ? { outcome: 'dead', error }
      : later(this.#options.settleWaitMs, true, error);
  }
}

/** A send that this process broke off because it must stop is no failure of the message. */
function uncountedIf(stopped: boolean, settlement: Settlement): Settlement {
  return stopped && settlement.outcome === 'retry' ? { ...settlement, counted: false } : settlement;
}

function later(inMs: number, counted: boolean, error: JobError): Settlement {
  return { outcome: 'retry', inMs, counted, error };
}

function dead(code: string, message: string): Settlement {
  return { outcome: 'dead', error: { code, message } };
}
