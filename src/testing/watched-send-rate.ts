import type { Route, SendLimit, SendPermit, SendRate } from '../core/ports/sending.ts';

/** The limits in memory; tells how many senders wait for their place in a number's throughput. */
export class WatchedSendRate implements SendRate {
  readonly #inner: SendRate;
  waiting = 0;

  constructor(inner: SendRate) {
    this.#inner = inner;
  }

  async reserve(route: Route, signal?: AbortSignal): Promise<SendPermit> {
    this.waiting += 1;
    try {
      return await this.#inner.reserve(route, signal);
    } finally {
      this.waiting -= 1;
    }
  }

  exceeded(route: Route, limit: SendLimit): Promise<void> {
    return this.#inner.exceeded(route, limit);
  }

  received(phoneNumberId: string, messages: number): void {
    this.#inner.received(phoneNumberId, messages);
  }
}
