import { isWahookError } from './errors.ts';
import type { Accepted, Intake } from './intake.ts';
import type { Clock, Log } from './ports/observation.ts';
import type { DecodeWebhook, SignatureVerifier } from './ports/receiving.ts';
import { RefusalLog } from './refusal-log.ts';

/** What became of one delivery of a webhook. Only `accepted` may be answered with 200. */
export type Receipt =
  | ({ readonly outcome: 'accepted' } & Accepted)
  /** Not from Meta, or our secret is wrong. Nothing was parsed, logged or stored. */
  | { readonly outcome: 'bad_signature' }
  /** Not known to be stored; Meta shall deliver it again. */
  | { readonly outcome: 'unavailable'; readonly reason: 'storage' | 'overload' | 'timeout' };

/** Verify → decode → store: the use case behind `POST /webhook/whatsapp`. */
export class ReceiveWebhook {
  readonly #verifier: SignatureVerifier;
  readonly #decode: DecodeWebhook;
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #deadlineMs: number;
  readonly #forged: RefusalLog;
  readonly #unstored: RefusalLog;

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
    const wrongSecret = 'if Meta sent them, WHATSAPP_WEBHOOK_SECRET is not the secret of its app';
    this.#forged = new RefusalLog(log, clock, `Webhooks without a good signature are refused; ${wrongSecret}`);
    this.#unstored = new RefusalLog(log, clock, 'Webhooks could not be stored; Meta will deliver them again');
  }

  /**
   * True if a webhook of one element would be refused now, which is then noted as a refusal. Asked before a body is read: in an
   * overload, reading, verifying and decoding what is refused anyway would take the time of what is not.
   */
  isFull(): boolean {
    if (!this.#intake.isFull) return false;
    this.#unstored.note('overload');
    return true;
  }

  /** Never rejects for anything that the sender, the body or the store does. Safe to repeat and to run concurrently. */
  async run(rawBody: Uint8Array, signature: string | undefined): Promise<Receipt> {
    if (!this.#verifier.verify(rawBody, signature)) return this.#badSignature();
    const elements = this.#decode(rawBody);
    if (elements.length === 0) return { outcome: 'accepted', fresh: 0, duplicate: 0, quarantined: 0 };
    const accepted = this.#intake.accept(elements, this.#clock.now() + this.#deadlineMs);
    return await this.#withinDeadline(accepted);
  }

  #badSignature(): Receipt {
    this.#forged.note('badSignature');
    return { outcome: 'bad_signature' };
  }

  #failed(error: unknown): Receipt {
    if (isWahookError(error, 'overloaded')) return this.#unavailable('overload', error.message);
    if (isWahookError(error, 'storage_unavailable')) return this.#unavailable('storage', error.message);
    throw error;
  }

  #unavailable(reason: Extract<Receipt, { outcome: 'unavailable' }>['reason'], error?: string): Receipt {
    this.#unstored.note(reason, error);
    return { outcome: 'unavailable', reason };
  }

  /** One promise and one timer: with `Promise.race` and what hangs on it a webhook would need a dozen. */
  #withinDeadline(accepted: Promise<Accepted>): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(this.#unavailable('timeout')), this.#deadlineMs);
      accepted.then(
        (counts) => {
          clearTimeout(timer);
          resolve({ outcome: 'accepted', ...counts });
        },
        (error: unknown) => {
          clearTimeout(timer);
          try {
            resolve(this.#failed(error));
          } catch (unexpected) {
            // After the deadline nobody waits for the rejection any more.
            this.#log.error('Storing a webhook failed unexpectedly', nameOf(unexpected));
            reject(unexpected);
          }
        },
      );
    });
  }
}

function nameOf(error: unknown): { readonly error: string } {
  return { error: error instanceof Error ? error.name : typeof error };
}
