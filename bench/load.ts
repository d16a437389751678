import type { Spread } from './figures.ts';

/** What the webhooks of a load bring. */
export interface Content {
  /** Statuses to each message: Meta sends sent, delivered and read of every one that a business sends. Default 0. */
  readonly statusesPerMessage?: number;
  /** Messages or statuses in one webhook. Default 1. */
  readonly elements?: number;
  /** Share of the webhooks that come a second time, 0 to 0.5. Default 0. */
  readonly repeated?: number;
  /** False: under a signature that is not Meta's. Default true. */
  readonly signed?: boolean;
  /** True: few webhooks that come again and again, where nothing is stored. Default false. */
  readonly recycled?: boolean;
}

interface Target {
  /** Of all processes that take webhooks, in turns. */
  readonly urls: readonly string[];
  readonly seconds: number;
  readonly content?: Content;
}

/** What to send, in the generator's own process; it is sent one load at a time. */
export type Load =
  /** So many requests a second on average, whatever the answers do, at random moments (a Poisson process). */
  | (Target & { readonly kind: 'open'; readonly perSecond: number })
  /** So many connections, each of which sends its next request when it has its answer. */
  | (Target & { readonly kind: 'closed'; readonly connections: number });

export interface LoadResult {
  readonly requests: number;
  /** Answers a second that were 200, or 401 to what was not signed. */
  readonly perSecond: number;
  /** From the moment at which the request was due (open) or sent (closed) to the end of its answer. */
  readonly ackMs: Spread;
  /** Shares of all requests, 0 to 1; one that was not answered as it should counts as late. */
  readonly above250: number;
  readonly above1000: number;
  /** Any other answer, and none. */
  readonly failed: number;
  /** How late this process itself was in sending, which is part of `ackMs`. */
  readonly lateMs: Spread;
}
