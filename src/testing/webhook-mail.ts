import type { exchange } from '../simulator/http-exchange.ts';

type Deliver = typeof exchange;
type Request = Parameters<Deliver>[0];
type Answer = Awaited<ReturnType<Deliver>>;

/** What the service says to a webhook: its HTTP status. */
type Receive = (body: Uint8Array, signature: string | undefined) => Promise<number>;

/** Carries webhooks from Meta to the service in the same process, and can hold one back so that the next one overtakes it. */
export class WebhookMail {
  readonly #receive: Receive;
  #underWay = 0;
  #swaps = 0;
  #held: (() => void) | undefined;

  constructor(receive: Receive) {
    this.#receive = receive;
  }

  /** No webhook is under way; one that is held back does not count. */
  get isAtRest(): boolean {
    return this.#underWay === 0;
  }

  get isHoldingOneBack(): boolean {
    return this.#held !== undefined;
  }

  /** The next webhook of a customer's message waits until the one after it is delivered. */
  swapNext(): void {
    this.#swaps += 1;
  }

  /** Holds one back if asked to, and lets go the one that is held. @param isMessage a customer's message, not a status */
  async deliver(request: Request, isMessage: boolean): Promise<Answer> {
    if (isMessage && this.#held === undefined && this.#swaps > 0) {
      this.#swaps -= 1;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#held = resolve;
      await promise;
      return await this.#carry(request);
    }
    const answer = await this.#carry(request);
    if (isMessage) this.#release();
    return answer;
  }

  #release(): void {
    const release = this.#held;
    if (release === undefined) return;
    this.#held = undefined;
    // Counted from here on, so that nobody takes the moment before it sets out for rest.
    this.#underWay += 1;
    release();
    queueMicrotask(() => {
      this.#underWay -= 1;
    });
  }

  async #carry({ headers, body = new Uint8Array() }: Request): Promise<Answer> {
    this.#underWay += 1;
    try {
      const status = await this.#receive(body, headers['X-Hub-Signature-256']);
      return { status, contentType: undefined, body: '' };
    } finally {
      this.#underWay -= 1;
    }
  }
}
