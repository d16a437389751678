import { isWahookError } from './errors.ts';
import type { Accepted, Intake } from './intake.ts';
import type { Clock, DecodeWebhook, Log, SignatureVerifier } from './ports.ts';

/** What became of one delivery of a webhook. Only `accepted` may be answered with 200. */
export type Receipt =
  | ({ readonly outcome: 'accepted' } & Accepted)
  /** Not from Meta, or our secret is wrong. Nothing was parsed, logged or stored. */
  | { readonly outcome: 'bad_signature' }
  /** Not known to be stored; Meta shall deliver it again. */
  | { readonly outcome: 'unavailable'; readonly reason: 'storage' | 'overload' | 'timeout' };

/** A wrong secret refuses every webhook: the operator must see it, but one line a minute is enough. */
const REFUSAL_LOG_MS = 60_000;

/** Verify → decode → store: the use case behind `POST /webhook/whatsapp`. */
export class ReceiveWebhook {
  readonly #verifier: SignatureVerifier;
  readonly #decode: DecodeWebhook;
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #deadlineMs: number;
  #refused = 0;
  #refusalLoggedAtMs = Number.NEGATIVE_INFINITY;

  /** @param deadlineMs how long a delivery may take; afterwards it is `unavailable`, though it may still get stored. */
  constructor(
    verifier: SignatureVerifier,
    decode: DecodeWebhook,
    intake: Intake,
    clock: Clock,
    log: Log,
    deadlineMs: number,
  ) {
    this.#verifier = verifier;
    this.#decode = decode;
    this.#intake = intake;
    this.#clock = clock;
    this.#log = log;
    this.#deadlineMs = deadlineMs;
  }

  /** Never rejects for anything that the sender, the body or the store does. Safe to repeat and to run concurrently. */
  async run(rawBody: Uint8Array, signature: string | undefined): Promise<Receipt> {
    if (!this.#verifier.verify(rawBody, signature)) return this.#badSignature();
    const elements = this.#decode(rawBody);
    if (elements.length === 0) return { outcome: 'accepted', fresh: 0, duplicate: 0, quarantined: 0 };
    const accepted = this.#intake.accept(elements, this.#clock.now() + this.#deadlineMs).then(
      (counts): Receipt => ({ outcome: 'accepted', ...counts }),
      (error: unknown) => this.#unavailable(error),
    );
    return await this.#withinDeadline(accepted);
  }

  #badSignature(): Receipt {
    this.#refused += 1;
    const now = this.#clock.now();
    if (now - this.#refusalLoggedAtMs >= REFUSAL_LOG_MS) {
      const hint = 'if Meta sent them, WHATSAPP_WEBHOOK_SECRET is not the secret of its app';
      this.#log.warn('Webhooks without a good signature are refused', { refused: this.#refused, hint });
      this.#refused = 0;
      this.#refusalLoggedAtMs = now;
    }
    return { outcome: 'bad_signature' };
  }

  #unavailable(error: unknown): Receipt {
    if (isWahookError(error, 'overloaded')) return { outcome: 'unavailable', reason: 'overload' };
    if (!isWahookError(error, 'storage_unavailable')) throw error;
    this.#log.warn('The webhook could not be stored; Meta will deliver it again', { error: error.message });
    return { outcome: 'unavailable', reason: 'storage' };
  }

  async #withinDeadline(accepted: Promise<Receipt>): Promise<Receipt> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Receipt>((resolve) => {
      timer = setTimeout(() => resolve({ outcome: 'unavailable', reason: 'timeout' }), this.#deadlineMs);
    });
    try {
      return await Promise.race([accepted, late]);
    } finally {
      clearTimeout(timer);
      accepted.catch((error: unknown) =>
        this.#log.error('Storing a webhook failed in an unexpected way', nameOf(error)),
      );
    }
  }
}

function nameOf(error: unknown): { readonly error: string } {
  return { error: error instanceof Error ? error.name : typeof error };
}
