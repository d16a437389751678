import { FetchError, type RequestInit } from 'node-fetch';
import pRetry from 'p-retry';
import type { OutboundMessage } from '../../core/model.ts';
import type { Clock, Metrics } from '../../core/ports/observation.ts';
import type { Marked, Receipt, SendFailure, Sent, WhatsAppGateway } from '../../core/ports/sending.ts';
import { readAnswer } from './graph-answer.ts';
import { type AccessOf, type GraphAccess, type GraphCall, GraphCalls, UNKNOWN_NUMBER } from './graph-calls.ts';
import { GraphConnections, NotSentError, systemCode } from './graph-connections.ts';
import { errorCodeLabel } from './graph-errors.ts';
import { receiptBody, requestBody } from './graph-request.ts';
import type { GraphTimeLimits } from './graph-time-limits.ts';

export interface GraphGatewayOptions extends GraphAccess {
  /** Of each number, where they are not all the same. */
  readonly accessOf?: AccessOf;
  readonly metrics: Metrics;
  /** Measures how long a send takes; the process's monotonic clock if absent. */
  readonly clock?: Clock;
  readonly limits: GraphTimeLimits;
  /** Default: over the network. */
  readonly connections?: Pick<GraphConnections, 'fetch' | 'close'>;
}

const CONNECT_ATTEMPTS = 3;

/** A real answer has a few hundred bytes. */
const MAX_ANSWER_BYTES = 1_048_576;

/** The check before did not see it: a repetition would end the same way, and nothing must be sent of it. */
const UNWRITABLE: SendFailure = { kind: 'rejected', reason: 'Its content is not that of a message of its type.' };

/** Why a send is broken off from our side. */
type StopCause = 'timeout' | 'stopped';

/**
 * The Graph API over HTTP. It has no idempotency key, so a request that may have left is never repeated here; only a
 * connection that never came up is tried again, up to 3 times in all. The token travels in the `Authorization` header only,
 * and no redirect is followed with it. Concurrent sends are independent of each other.
 */
export class GraphGateway implements WhatsAppGateway {
  readonly #accessOf: AccessOf;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #limits: GraphTimeLimits;
  readonly #connections: Pick<GraphConnections, 'fetch' | 'close'>;
  readonly #calls: GraphCalls;

  constructor(options: GraphGatewayOptions) {
    this.#accessOf = options.accessOf ?? (() => options);
    this.#metrics = options.metrics;
    this.#clock = options.clock ?? performance;
    this.#limits = options.limits;
    this.#connections = options.connections ?? new GraphConnections(new URL(options.apiUrl).protocol, options.limits);
    this.#calls = new GraphCalls({ ...options, accessOf: this.#accessOf, connections: this.#connections });
  }

  /** Counts and times every send once, its repeated connecting included. */
  async send(message: OutboundMessage, signal?: AbortSignal): Promise<Sent | SendFailure> {
    const startedMs = this.#clock.now();
    const outcome = await this.#sendInTime(message, signal);
    this.#metrics.observe('graph_request_duration_seconds', (this.#clock.now() - startedMs) / 1_000, {});
    this.#metrics.count('graph_requests_total', {
      outcome: outcome.kind,
      error_code: errorCodeLabel(outcome.kind === 'sent' ? undefined : outcome.code),
    });
    return outcome;
  }

  async markRead(receipt: Receipt, signal?: AbortSignal): Promise<Marked | SendFailure> {
    const { phoneNumberId } = receipt;
    const path = `/${encodeURIComponent(phoneNumberId)}/messages`;
    const call: GraphCall = { phoneNumberId, method: 'POST', path, json: receiptBody(receipt) };
    const result = await this.#calls.call(call, signal);
    return result.kind === 'answered' ? { kind: 'marked' } : result;
  }

  /** Cuts the connections: a send that is under way ends ambiguous. */
  close(): void {
    this.#connections.close();
  }

  /** Joins the caller's signal and the total timeout to one that is cleaned up when the send is over. */
  async #sendInTime(message: OutboundMessage, signal: AbortSignal | undefined): Promise<Sent | SendFailure> {
    const stop = new AbortController();
    const abort = (cause: StopCause) => stop.abort(cause);
    const onAbort = () => abort('stopped');
    const timer = setTimeout(abort, this.#limits.totalMs, 'timeout');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      return await this.#connectAndSend(message, stop);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #connectAndSend(message: OutboundMessage, stop: AbortController): Promise<Sent | SendFailure> {
    const access = this.#accessOf(message.phoneNumberId);
    if (access === undefined) return UNKNOWN_NUMBER;
    const body = written(message);
    if (body === undefined) return UNWRITABLE;
    const url = `${access.apiUrl}/${encodeURIComponent(message.phoneNumberId)}/messages`;
    const request: RequestInit = {
      method: 'POST',
      headers: {
        authorization: `Bearer ${access.accessToken}`,
        'content-type': 'application/json',
        'user-agent': 'wahook',
      },
      body,
      redirect: 'error',
      size: MAX_ANSWER_BYTES,
      signal: stop.signal,
    };
    // Kept outside of p-retry, which rejects even after a success if `stop` is aborted in that very moment.
    const known: { outcome?: Sent | SendFailure } = {};
    const attempt = async () => {
      known.outcome = await this.#attempt(url, request, stop);
      return known.outcome;
    };
    try {
      return await pRetry(attempt, {
        retries: CONNECT_ATTEMPTS - 1,
        minTimeout: this.#limits.reconnectDelayMs,
        randomize: true,
        signal: stop.signal,
      });
    } catch (error) {
      return known.outcome ?? notSent(error, stop.signal);
    }
  }

  /** @throws NotSentError if the request cannot have left; everything else is an outcome. */
  async #attempt(url: string, request: RequestInit, stop: AbortController): Promise<Sent | SendFailure> {
    // A connection has not so long: when this comes, the request has left and is not repeated.
    const late: StopCause = 'timeout';
    const timer = setTimeout(() => stop.abort(late), this.#limits.answerMs);
    try {
      const response = await this.#connections.fetch(url, request);
      return readAnswer(response.status, await response.text());
    } catch (error) {
      if (error instanceof NotSentError) throw error;
      return { kind: 'ambiguous', reason: whyAmbiguous(error, stop.signal) };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Undefined for a content that Meta's form does not fit. */
function written(message: OutboundMessage): string | undefined {
  try {
    return requestBody(message);
  } catch {
    return undefined;
  }
}

function notSent(error: unknown, stop: AbortSignal): SendFailure {
  if (stop.aborted) return { kind: 'retry', reason: `${stopped(stop)} before the request could leave.` };
  return { kind: 'retry', reason: `No connection to the Graph API came up${inBrackets(systemCode(error))}.` };
}

function whyAmbiguous(error: unknown, stop: AbortSignal): string {
  if (stop.aborted) return `${stopped(stop)} after the request had left; no answer was read.`;
  if (error instanceof FetchError && error.type.endsWith('redirect'))
    return 'The API address answers with a redirect, which is not followed: the setting may be wrong.';
  return `The connection failed after the request had left${inBrackets(systemCode(error))}.`;
}

function stopped(stop: AbortSignal): string {
  const cause: StopCause = stop.reason;
  return cause === 'timeout' ? 'The time limit of the send was over' : 'The send was stopped';
}

function inBrackets(code: string | undefined): string {
  return code === undefined ? '' : ` (${code})`;
}
