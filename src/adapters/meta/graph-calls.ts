import type { RequestInit } from 'node-fetch';
import pRetry from 'p-retry';
import type { SendFailure } from '../../core/ports/sending.ts';
import { type GraphConnections, NotSentError, systemCode } from './graph-connections.ts';
import { classifyGraphError } from './graph-errors.ts';
import type { GraphTimeLimits } from './graph-time-limits.ts';

/** Where a number of ours is used, and by which token. */
export interface GraphAccess {
  /** With the version, without a slash at the end: `https://graph.facebook.com/v25.0`. */
  readonly apiUrl: string;
  readonly accessToken: string;
}

/** Undefined for a number that is none of ours: nothing is asked for it. */
export type AccessOf = (phoneNumberId: string) => GraphAccess | undefined;

export interface GraphCallsOptions {
  readonly accessOf: AccessOf;
  readonly connections: Pick<GraphConnections, 'fetch'>;
  readonly limits: Pick<GraphTimeLimits, 'reconnectDelayMs' | 'answerMs' | 'totalMs'>;
}

export interface GraphCall {
  /** The number of ours that it is about. */
  readonly phoneNumberId: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** After the version, e.g. `/106540352242922/messages`. */
  readonly path: string;
  readonly json?: object;
}

export interface Answered {
  readonly kind: 'answered';
  readonly body: unknown;
}

const TRIES = 3;

/** As every other reason for which nothing of a number would go: its messages wait until it is known. */
export const UNKNOWN_NUMBER: SendFailure = { kind: 'unauthorized', reason: 'This number is not in the settings.' };

/** A real answer has a few hundred bytes. */
const MAX_ANSWER_BYTES = 1_048_576;

/** Another try may end otherwise. */
class Inconclusive extends Error {
  readonly failure: SendFailure;

  constructor(failure: SendFailure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/**
 * Calls of the Graph API whose repetition changes nothing, so that every failure which may pass is tried again, up to 3 times in
 * all. Each goes with the access of its number. The token travels in the `Authorization` header only, and no redirect is
 * followed with it.
 */
export class GraphCalls {
  readonly #options: GraphCallsOptions;

  constructor(options: GraphCallsOptions) {
    this.#options = options;
  }

  /** Never rejects for anything that Meta or the network does. */
  async call(call: GraphCall, signal?: AbortSignal): Promise<Answered | SendFailure> {
    const { totalMs, reconnectDelayMs } = this.#options.limits;
    const timeout = AbortSignal.timeout(totalMs);
    const stop = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    let last: SendFailure = { kind: 'retry', reason: 'The call was stopped before it could leave.' };
    try {
      return await pRetry(
        async () => {
          const result = await this.#once(call, stop);
          if (result.kind !== 'retry' && result.kind !== 'ambiguous') return result;
          last = result;
          throw new Inconclusive(result);
        },
        { retries: TRIES - 1, minTimeout: reconnectDelayMs, randomize: true, signal: stop },
      );
    } catch {
      return last;
    }
  }

  async #once({ phoneNumberId, method, path, json }: GraphCall, stop: AbortSignal): Promise<Answered | SendFailure> {
    const { accessOf, connections, limits } = this.#options;
    const access = accessOf(phoneNumberId);
    if (access === undefined) return UNKNOWN_NUMBER;
    const request: RequestInit = {
      method,
      headers: {
        authorization: `Bearer ${access.accessToken}`,
        ...(json !== undefined && { 'content-type': 'application/json' }),
        'user-agent': 'wahook',
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
      redirect: 'error',
      size: MAX_ANSWER_BYTES,
      signal: AbortSignal.any([stop, AbortSignal.timeout(limits.answerMs)]),
    };
    try {
      const response = await connections.fetch(`${access.apiUrl}${path}`, request);
      return readAnswer(response.status, await response.text());
    } catch (error) {
      const code = error instanceof NotSentError ? error.code : systemCode(error);
      return { kind: 'retry', reason: `The call failed${code === undefined ? '' : ` (${code})`}.` };
    }
  }
}

function readAnswer(status: number, text: string): Answered | SendFailure {
  const body = parseJson(text);
  const failure = classifyGraphError(body);
  if (failure !== undefined) return failure;
  if (status >= 200 && status < 300 && body !== undefined) return { kind: 'answered', body };
  return { kind: 'ambiguous', reason: `The answer (HTTP ${status}) is neither a result nor a Graph error.` };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
