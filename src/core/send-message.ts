import { backoffMs } from './backoff.ts';
import { isWahookError } from './errors.ts';
import { leftAlone } from './lanes.ts';
import type { OutboundMessage } from './model.ts';
import type { Clock, Log, Metrics } from './ports/observation.ts';
import type { Job, JobContext, JobError, Settlement } from './ports/queue.ts';
import type {
  SendFailure,
  SendingNumbers,
  SendLimit,
  SendPermit,
  SendRate,
  Sent,
  SentMessages,
  ServiceWindows,
  WhatsAppGateway,
} from './ports/sending.ts';
import { LOOK_AGAIN_MS, NUMBER_STOPPED, PROBE } from './send-limits.ts';
import { fallbackContent, needsWindow, WINDOW_MS } from './service-window.ts';

export interface SendMessageOptions {
  /** How long to wait for the status of a send whose answer was lost, before `onUnsettled` decides. */
  readonly settleWaitMs: number;
  /** `resend`: rather twice than never. `hold`: rather never than twice; it becomes a dead letter for a person to decide. */
  readonly onUnsettled: 'resend' | 'hold';
  /** What is not a template, after the window is closed: `refuse` it without asking Meta (or send its fallback), or `try` it. */
  readonly outsideWindow: 'refuse' | 'try';
}

const BACKOFF_BASE_MS = 1_000;
const BACKOFF_MAX_MS = 300_000;

/** Repetitions of one message where the failure names no limit of its own: with the backoff about a quarter of an hour. */
const DEFAULT_REPETITIONS = 11;

/** If the limits cannot be asked the store is in trouble: nothing goes, and it is asked again. */
const NO_LIMITS: SendPermit = { kind: 'later', inMs: 1_000, because: 'number' };

/** How Meta says that the window is closed. */
const REFUSED_BY_META = 'graph_131047';

/** What the next run must know, whatever it waits for in between: a status may still come, the fallback is due. */
const REMEMBERED: readonly string[] = ['ambiguous', REFUSED_BY_META];

/** Lanes that wait for one moment do not come back at one moment. */
const SPREAD = 0.1;

const WAITS: Readonly<Record<SendLimit, string>> = {
  recipient: 'This person has got as many messages as Meta lets through for now',
  number: 'The number has reached its throughput',
  account: 'The app or its business account has reached a limit of calls',
  app: 'The app has reached a limit of calls',
};

/** What keeps sending within Meta's limits. */
export interface SendControl {
  readonly rate: Pick<SendRate, 'reserve' | 'exceeded'>;
  readonly numbers: Pick<SendingNumbers, 'stop' | 'resume'>;
  readonly windows: Pick<ServiceWindows, 'closesAtMs'>;
}

/** One outbound message → the gateway → done, later again, waiting for its status, or a dead letter. */
export class SendMessage {
  readonly #gateway: Pick<WhatsAppGateway, 'send'>;
  readonly #sentMessages: Pick<SentMessages, 'proofOf'>;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #options: SendMessageOptions;
  readonly #control: SendControl;

  constructor(
    gateway: Pick<WhatsAppGateway, 'send'>,
    sentMessages: Pick<SentMessages, 'proofOf'>,
    control: SendControl,
    log: Log,
    metrics: Metrics,
    clock: Clock,
    options: SendMessageOptions,
  ) {
    this.#gateway = gateway;
    this.#sentMessages = sentMessages;
    this.#control = control;
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
    const message = await this.#inWindow(job);
    if (message === undefined)
      return dead(
        'window_closed',
        'The last message of this person is more than 24 hours old, and it names no fallback',
      );
    const { signal } = context;
    const permit = await this.#control.rate.reserve(message, signal).catch(unlessStorage(NO_LIMITS));
    if (permit.kind !== 'go') return waiting(job, permit);
    if (!context.isHeld()) return leftAlone(job);
    const result = await this.#gateway.send(message, signal);
    if (permit.probe) await this.#probed(job.payload.phoneNumberId, result);
    if (result.kind === 'sent') return this.#sent(job, result);
    const settlement = uncountedIf(signal.aborted, await this.#failed(job, result));
    // It is the one that comes back for the next probe; everything else waits to be woken.
    if (!permit.probe || settlement.outcome !== 'retry' || endsStop(result)) return settlement;
    return { ...settlement, inMs: Math.max(settlement.inMs, stoppedMs(permit.nextInMs, settlement.error)) };
  }

  async #probed(phoneNumberId: string, result: Sent | SendFailure): Promise<void> {
    if (!endsStop(result)) return;
    if (await this.#control.numbers.resume(phoneNumberId).catch(unlessStorage(false)))
      this.#log.info('A number that was stopped sends again', {});
  }

  /** The message as it may be sent now, which is its fallback where the window is closed; undefined if it may not be sent at all. */
  async #inWindow({ payload, lastError }: Job<OutboundMessage>): Promise<OutboundMessage | undefined> {
    if (!needsWindow(payload)) return payload;
    const { fallback } = payload;
    const closed = (fallback !== undefined && lastError?.code === REFUSED_BY_META) || (await this.#isClosed(payload));
    if (!closed) return payload;
    return fallback && { ...payload, content: fallbackContent(fallback) };
  }

  /** As far as we know: without a trace of the person, or of the store, Meta decides. */
  async #isClosed({ phoneNumberId, to, openedAtMs = 0 }: OutboundMessage): Promise<boolean> {
    const nowMs = this.#clock.now();
    if (this.#options.outsideWindow === 'try' || openedAtMs + WINDOW_MS > nowMs) return false;
    const closesAtMs = await this.#control.windows.closesAtMs(phoneNumberId, to).catch(unlessStorage(undefined));
    const knownMs = Math.max(closesAtMs ?? 0, openedAtMs === 0 ? 0 : openedAtMs + WINDOW_MS);
    return knownMs > 0 && knownMs <= nowMs;
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

  async #failed(job: Job<OutboundMessage>, failure: SendFailure): Promise<Settlement> {
    const code = failure.code === undefined ? failure.kind : `graph_${failure.code}`;
    const error: JobError = { code, message: failure.reason };
    switch (failure.kind) {
      case 'ambiguous':
        return this.#ambiguous(job, failure.reason);
      case 'window_closed':
        // Rare: Meta refuses it though the window is open. The next run knows by this error, and sends the fallback.
        if (job.payload.fallback !== undefined && job.lastError?.code !== code && needsWindow(job.payload))
          return later(0, false, error);
        return { outcome: 'dead', error };
      case 'rejected':
        return { outcome: 'dead', error };
      case 'unauthorized':
        return await this.#stopped(job, error);
      case 'retry':
        return await this.#again(job, failure, error);
    }
  }

  /** No failure of the message: it waits until the number sends again. */
  async #stopped(job: Job<OutboundMessage>, error: JobError): Promise<Settlement> {
    if (await this.#control.numbers.stop(job.payload.phoneNumberId, error).catch(unlessStorage(true)))
      this.#log.error('Meta refuses this number, its token or its account; its messages wait', { ...error });
    return later(PROBE.leastMs, false, lasting(job, { code: NUMBER_STOPPED, message: error.message }));
  }

  async #again(job: Job<OutboundMessage>, failure: SendFailure, error: JobError): Promise<Settlement> {
    const { exceeded, afterMs = BACKOFF_BASE_MS, growth, limit = DEFAULT_REPETITIONS } = failure;
    if (exceeded !== undefined) {
      this.#log.warn('Meta refused a message because of a limit', { ...error, limit: exceeded });
      await this.#control.rate.exceeded(job.payload, exceeded).catch(unlessStorage(undefined));
    }
    const known = lasting(job, error);
    if (exceeded !== undefined && exceeded !== 'recipient') return later(afterMs, false, known);
    if (job.attempt > limit) return { outcome: 'dead', error };
    const waitMs = backoffMs(job.attempt, afterMs, BACKOFF_MAX_MS, Math.random(), growth);
    return later(Math.max(waitMs, failure.afterMs ?? 0), true, known);
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

function waiting(job: Job<OutboundMessage>, permit: Exclude<SendPermit, { kind: 'go' }>): Settlement {
  if (permit.kind === 'stopped') {
    const error = lasting(job, { code: NUMBER_STOPPED, message: 'The number is stopped' });
    return later(lookMs(job, stoppedMs(permit.inMs, error)), false, error);
  }
  const error = lasting(job, { code: `limit_${permit.because}`, message: WAITS[permit.because] });
  return later(permit.because === 'recipient' ? permit.inMs : spread(permit.inMs), false, error);
}

/** A number that is resumed wakes what waits for it by this error and no other: what it does not wake must see for itself. */
function stoppedMs(nextProbeInMs: number, { code }: JobError): number {
  return code === NUMBER_STOPPED ? nextProbeInMs : Math.min(nextProbeInMs, PROBE.leastMs);
}

/** What comes in the very moment of a resume is not woken, so each looks once at the time of the next probe before it relies on that. */
function lookMs({ lastError }: Job<OutboundMessage>, inMs: number): number {
  return lastError?.code === NUMBER_STOPPED ? Math.round(inMs + LOOK_AGAIN_MS * Math.random()) : spread(inMs);
}

/** A number sends again if Meta took the message that probed it, or refused that one alone. */
function endsStop({ kind }: Sent | SendFailure): boolean {
  return kind === 'sent' || kind === 'rejected' || kind === 'window_closed';
}

/** What the next run must know of the sends before is not replaced by why it waits. */
function lasting({ lastError }: Job<OutboundMessage>, error: JobError): JobError {
  return lastError !== undefined && REMEMBERED.includes(lastError.code) ? lastError : error;
}

function spread(ms: number): number {
  return Math.round(ms * (1 + SPREAD * Math.random()));
}

/** For errors of the store while something is known that must not be lost over them. */
function unlessStorage<Value>(value: Value): (error: unknown) => Value {
  return (error) => {
    if (isWahookError(error, 'storage_unavailable')) return value;
    throw error;
  };
}

function later(inMs: number, counted: boolean, error: JobError): Settlement {
  return { outcome: 'retry', inMs, counted, error };
}

function dead(code: string, message: string): Settlement {
  return { outcome: 'dead', error: { code, message } };
}
