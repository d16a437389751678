import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log, MetricLabels, Metrics } from '../core/ports/observation.ts';
import type { Receipt } from '../core/receive-webhook.ts';
import type { Admission } from './admission.ts';
import { answerEmpty } from './answer.ts';
import { readBody } from './read-body.ts';

/** 4 MiB: Meta's webhooks reach 3 MB (docs, 2026-10), and one that is refused for its size is lost after 7 days. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Meta does not say that it reads this; load balancers and the simulator do. */
const RETRY_AFTER_SECONDS = '5';

type Outcome = MetricLabels['webhook_requests_total']['outcome'];

/** Exactly 200 is success for Meta: 201, 202 and 204 would be delivered again, like every failure here, for up to 7 days. */
const STATUS: Readonly<Record<Outcome, number>> = {
  accepted: 200,
  bad_signature: 401,
  too_large: 413,
  unsupported_encoding: 415,
  unavailable: 503,
  error: 500,
};

/** The use case behind the route, see `ReceiveWebhook`. It has its own deadline, so that the answer comes in time. */
export interface WebhookReceiver {
  run(rawBody: Uint8Array, signature: string | undefined): Promise<Receipt>;
  /** True if it is of no use to read a body now. */
  isFull(): boolean;
}

/** One POST of Meta: raw bytes in, a status without a body out. */
export class WebhookDelivery {
  readonly #receiver: WebhookReceiver;
  readonly #admission: Admission;
  readonly #metrics: Metrics;
  readonly #log: Log;

  constructor(receiver: WebhookReceiver, admission: Admission, metrics: Metrics, log: Log) {
    this.#receiver = receiver;
    this.#admission = admission;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Rejects only for a bug in the use case; it is counted, and Express answers it with 500. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    if (!this.#admission.hasRoom() || this.#receiver.isFull()) return this.#refuse(response, 'unavailable', 'no_room');
    if (isEncoded(request)) return this.#refuse(response, 'unsupported_encoding');

    const body = await readBody(request, MAX_BODY_BYTES, this.#admission);
    switch (body.outcome) {
      case 'aborted':
        return this.#log.debug('The sender of a webhook went away');
      case 'too_large':
        return this.#refuse(response, 'too_large');
      case 'no_room':
        return this.#refuse(response, 'unavailable', 'no_room');
      case 'complete':
        try {
          await this.#receive(request, body.bytes, response, startedMs);
        } finally {
          this.#admission.release(body.bytes.length);
        }
    }
  }

  async #receive(
    request: IncomingMessage,
    rawBody: Buffer,
    response: ServerResponse,
    startedMs: number,
  ): Promise<void> {
    if (!this.#admission.takeSlot()) return this.#refuse(response, 'unavailable', 'no_room');
    try {
      const receipt = await this.#receiver.run(rawBody, signatureOf(request));
      this.#answer(response, receipt.outcome);
      this.#record(receipt, rawBody.length, performance.now() - startedMs);
    } catch (error) {
      this.#metrics.count('webhook_requests_total', { outcome: 'error' });
      throw error;
    } finally {
      this.#admission.leaveSlot();
    }
  }

  /** Only what was signed is measured: a stranger must not be able to move our latencies. */
  #record(receipt: Receipt, bytes: number, ms: number): void {
    this.#metrics.count('webhook_requests_total', { outcome: receipt.outcome });
    if (receipt.outcome !== 'bad_signature') {
      this.#metrics.observe('webhook_accept_duration_seconds', ms / 1_000, {});
      this.#metrics.observe('webhook_body_bytes', bytes, {});
    }
    this.#log.debug('Webhook answered', { ...receipt, bytes, ms: Math.round(ms) });
  }

  #refuse(response: ServerResponse, outcome: Outcome, reason?: string): void {
    this.#answer(response, outcome);
    this.#metrics.count('webhook_requests_total', { outcome });
    this.#log.debug('Webhook answered', { outcome, reason });
  }

  #answer(response: ServerResponse, outcome: Outcome): void {
    const status = STATUS[outcome];
    if (status === 503) response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
    // The server marks what comes in while it leaves; this request may have come before.
    if (this.#admission.phase !== 'open') response.setHeader('Connection', 'close');
    answerEmpty(response, status);
  }
}

/** The signature is made over the bytes on the wire; bytes that would have to be inflated first cannot be Meta's. */
function isEncoded(request: IncomingMessage): boolean {
  const encoding = request.headers['content-encoding'];
  return encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity';
}

/** A header that came twice arrives as `a, b`, which is no valid signature: the verifier refuses it. */
function signatureOf(request: IncomingMessage): string | undefined {
  const header = request.headers['x-hub-signature-256'];
  return typeof header === 'string' ? header : undefined;
}
