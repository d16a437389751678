import type { FaultSubject } from './faults.ts';
import type { exchange } from './http-exchange.ts';
import { signatureOf } from './signature.ts';
import { SimulatorError } from './simulator-error.ts';
import type { DeliveryRecord, WebhookRecord, World } from './world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Gaps before the 1st, 2nd … redelivery. A model: Meta says "retried immediately, then a few more times with decreasing
 * frequency over the next 7 days" (page of 2026-09-11) and publishes no table. Together 6.9 days.
 */
export const MODEL_RETRY_DELAYS_MS: readonly number[] = [
  ...[0, 10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR],
  ...Array.from({ length: 13 }, () => 12 * HOUR),
];

export interface SenderOptions {
  readonly retryDelaysMs: readonly number[];
  /** How long the service may take to answer. Meta's own limit is not known. */
  readonly webhookTimeoutMs: number;
  /** How a webhook reaches the service: HTTP, or a call in the same process. */
  readonly deliver: typeof exchange;
}

/** The subject of a webhook that is to be delivered. */
export type WebhookSubject = FaultSubject & { readonly kind: WebhookRecord['kind'] };

/** Delivers signed webhooks to the service under test, all at once as Meta does, again and again until it says 200. */
export class WebhookSender {
  readonly #world: World;
  readonly #options: SenderOptions;
  #url: string | undefined;
  /** Aborted and replaced at a reset: what is under way then belongs to a world that is gone. */
  #era = new AbortController();

  constructor(world: World, options: SenderOptions, url?: string) {
    this.#world = world;
    this.#options = options;
    if (url !== undefined) this.pointAt(url);
  }

  get url(): string | undefined {
    return this.#url;
  }

  /** Aborted at the next reset. */
  get signal(): AbortSignal {
    return this.#era.signal;
  }

  /** From now on also redeliveries go there. @throws SimulatorError `invalid` */
  pointAt(url: string): void {
    this.#url = requireHttpUrl(url);
  }

  /** @throws SimulatorError `no_webhook_url` */
  requireUrl(): string {
    if (this.#url !== undefined) return this.#url;
    throw new SimulatorError('no_webhook_url', 'Nobody to deliver to: give webhookUrl, or subscribe a URL first.');
  }

  /**
   * Signs the bytes and starts to deliver them; the record tells how it goes. @throws SimulatorError `no_webhook_url`
   */
  send(body: Buffer, subject: WebhookSubject): WebhookRecord {
    this.requireUrl();
    const record: WebhookRecord = {
      id: this.#world.ids.record('w'),
      kind: subject.kind,
      body,
      signature: signatureOf(body, this.#world.business.appSecret),
      deliveries: [],
      state: 'pending',
    };
    this.#world.webhooks.add(record);
    const duplicate = this.#world.faults.take('webhook', subject);
    const copies = 1 + (duplicate?.times ?? 0);
    const unsettled = { copies };
    for (let copy = 0; copy < copies; copy += 1) {
      const deliver = (): void => void this.#deliver(record, unsettled, 0);
      if (copy === 0 || !duplicate?.gapMs) deliver();
      else this.#world.clock.after(copy * duplicate.gapMs, deliver);
    }
    return record;
  }

  /** Breaks off what is under way; nothing is delivered again. The clock's owner clears the planned redeliveries. */
  reset(): void {
    this.#era.abort();
    this.#era = new AbortController();
  }

  /** Never rejects. */
  async #deliver(record: WebhookRecord, unsettled: { copies: number }, redeliveries: number): Promise<void> {
    const era = this.#era.signal;
    const delivery = await this.#post(record, era);
    if (era.aborted) return;
    record.deliveries.push(delivery);
    const gapMs = this.#options.retryDelaysMs[redeliveries];
    if (delivery.status === 200) unsettled.copies -= 1;
    else if (gapMs === undefined) record.state = 'given_up';
    else this.#world.clock.after(gapMs, () => void this.#deliver(record, unsettled, redeliveries + 1));
    if (unsettled.copies === 0) record.state = 'acknowledged';
    this.#world.watch.changed();
  }

  async #post(record: WebhookRecord, signal: AbortSignal): Promise<DeliveryRecord> {
    const atMs = this.#world.clock.now();
    const startedAt = performance.now();
    const taken = (): number => Math.round((performance.now() - startedAt) * 10) / 10;
    try {
      const answer = await this.#options.deliver({
        method: 'POST',
        url: this.requireUrl(),
        headers: {
          Accept: '*/*',
          'User-Agent': 'facebookexternalua',
          'Content-Type': 'application/json',
          'X-Hub-Signature-256': record.signature,
        },
        body: record.body,
        timeoutMs: this.#options.webhookTimeoutMs,
        signal,
      });
      return { atMs, status: answer.status, ms: taken() };
    } catch (error) {
      return { atMs, ms: taken(), error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** @throws SimulatorError `invalid` */
export function requireHttpUrl(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new SimulatorError('invalid', 'The webhook URL must start with http:// or https://.');
}
