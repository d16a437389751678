import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportedError, SentMessage } from '../core/model.ts';
import type { HandlerRun } from '../core/ports/bot.ts';

type Reached = 'delivered' | 'read' | 'played';

export interface DeliveredOptions {
  /** Default 10 s. The handler's own time goes on meanwhile (`HANDLER_TIMEOUT`). */
  readonly timeoutMs?: number;
  /** What to wait for, or more; default `delivered`. */
  readonly until?: 'delivered' | 'read';
}

/**
 * - `failed` Meta could not deliver it; `error` is Meta's reason
 * - `not_sent` Meta did not take it, or it was given up: it is a dead letter; `failure` says why, e.g. by the code `graph_131047`
 * - `timeout` nothing is known yet; it may still be delivered
 */
export class DeliveryError extends Error {
  readonly reason: 'failed' | 'not_sent' | 'timeout';
  readonly sendId: string;
  readonly error: ReportedError | undefined;
  readonly failure: SentMessage['failure'];

  constructor(reason: DeliveryError['reason'], sendId: string, { error, failure }: Partial<SentMessage> = {}) {
    super(explained(reason, error?.code, failure?.code));
    this.name = 'DeliveryError';
    this.reason = reason;
    this.sendId = sendId;
    this.error = error;
    this.failure = failure;
  }
}

function explained(reason: DeliveryError['reason'], metas: number | undefined, ours: string | undefined): string {
  switch (reason) {
    case 'failed':
      return `Meta could not deliver it (error ${metas ?? 'unknown'})`;
    case 'not_sent':
      return `It was not sent (${ours ?? 'unknown'}); it is a dead letter`;
    case 'timeout':
      return 'No status came in time';
  }
}

/** Statuses take from some 100 ms to seconds: often at first, then seldom. */
const FIRST_GAP_MS = 50;
const LAST_GAP_MS = 1_000;

const ENOUGH = { delivered: ['delivered', 'read', 'played'], read: ['read', 'played'] } as const;

/** A reply that is queued. */
export class SentReply {
  /** Our id of it, the same in every run over the same message: it comes back in its statuses. */
  readonly sendId: string;
  readonly #run: Pick<HandlerRun, 'flush' | 'find' | 'signal'>;

  constructor(sendId: string, run: Pick<HandlerRun, 'flush' | 'find' | 'signal'>) {
    this.sendId = sendId;
    this.#run = run;
  }

  /**
   * Waits until it has reached the customer's phone, and resolves to how far it has come.
   *
   * For that it must go out before the handler is done: everything queued so far is stored and sent now, even if the handler
   * fails afterwards. The next run queues none of it again, be its text another one: the first stands.
   *
   * @throws DeliveryError, or what aborted the run
   */
  async delivered({ timeoutMs = 10_000, until = 'delivered' }: DeliveredOptions = {}): Promise<Reached> {
    await this.#run.flush();
    const deadline = performance.now() + timeoutMs;
    for (let gapMs = FIRST_GAP_MS; ; gapMs = Math.min(2 * gapMs, LAST_GAP_MS)) {
      const reached = this.#reached(await this.#run.find(this.sendId), ENOUGH[until]);
      if (reached !== undefined) return reached;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new DeliveryError('timeout', this.sendId);
      await sleep(Math.min(gapMs, leftMs), undefined, { signal: this.#run.signal });
    }
  }

  #reached(sent: SentMessage | undefined, enough: readonly Reached[]): Reached | undefined {
    if (sent?.delivery === 'failed') throw new DeliveryError('failed', this.sendId, sent);
    if (sent?.state === 'dead') throw new DeliveryError('not_sent', this.sendId, sent);
    return enough.find((word) => word === sent?.delivery);
  }
}
