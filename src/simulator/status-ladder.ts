import type { Customer, Recipient } from './customers.ts';
import { statusError } from './graph-problem.ts';
import type { JsonObject } from './json.ts';
import { statusWebhook } from './webhook-body.ts';
import type { WebhookSender } from './webhook-sender.ts';
import { wireJson } from './wire-json.ts';
import type { OutboundRecord, World } from './world.ts';

/** The steps of a message, in order. */
const STEPS = ['sent', 'delivered', 'read'] as const;

export type Step = (typeof STEPS)[number];

/** After the acceptance, in milliseconds; `never`: the step does not happen. */
export type StatusDelays = { readonly [Each in Step]?: number | 'never' };

const DEFAULT_STATUS_DELAYS_MS = { sent: 50, delivered: 300, read: 800 } as const;

/** A message on its way to one person. */
export interface Accepted {
  readonly record: OutboundRecord;
  readonly customer: Customer;
  readonly recipient: Recipient;
  readonly callbackData?: string;
  /** Why it will not be delivered, by a fault. */
  readonly failure?: { readonly code: number; readonly details?: string };
}

/** Tells the service, webhook by webhook, what became of its messages. */
export class StatusLadder {
  readonly #world: World;
  readonly #sender: WebhookSender;
  readonly #delays: Required<StatusDelays>;
  /** What those who are offline have to come, in order. */
  readonly #offline = new Map<string, (() => void)[]>();
  readonly #accepted = new WeakMap<OutboundRecord, Accepted>();

  constructor(world: World, sender: WebhookSender, delays: StatusDelays) {
    this.#world = world;
    this.#sender = sender;
    this.#delays = { ...DEFAULT_STATUS_DELAYS_MS, ...delays };
  }

  /** Plans the steps. Of a reaction Meta reports nothing beyond `sent`; what fails does so when it would be delivered. */
  start(accepted: Accepted): void {
    this.#accepted.set(accepted.record, accepted);
    if (accepted.failure !== undefined) {
      const { sent, delivered } = this.#delays;
      if (sent !== 'never') this.#world.clock.after(sent, () => this.#report(accepted, 'sent'));
      const failsMs = delivered === 'never' ? DEFAULT_STATUS_DELAYS_MS.delivered : delivered;
      this.#world.clock.after(failsMs, () => this.#report(accepted, 'failed'));
      return;
    }
    for (const step of accepted.record.type === 'reaction' ? (['sent'] as const) : STEPS) {
      const delayMs = this.#delays[step];
      if (delayMs !== 'never') this.#world.clock.after(delayMs, () => this.#report(accepted, step));
    }
  }

  /** Who comes back gets at once what is due by then. */
  setOnline(customerId: string, online: boolean): void {
    const waiting = this.#offline.get(customerId) ?? [];
    if (!online) this.#offline.set(customerId, waiting);
    else if (this.#offline.delete(customerId)) for (const report of waiting) report();
  }

  /** Everybody is online. */
  reset(): void {
    this.#offline.clear();
  }

  /** Reports `read` now, whatever is planned; once. A message is delivered to whoever reads it. */
  read(record: OutboundRecord): void {
    const accepted = this.#accepted.get(record);
    if (accepted === undefined || accepted.failure !== undefined || record.type === 'reaction') return;
    if (!record.statuses.some(({ status }) => status === 'read')) this.#report(accepted, 'read');
  }

  #report(accepted: Accepted, step: Step | 'failed'): void {
    const { record, customer } = accepted;
    const waiting = step === 'sent' || step === 'failed' ? undefined : this.#offline.get(customer.id);
    if (waiting !== undefined) {
      waiting.push(() => this.#report(accepted, step));
      return;
    }
    const atMs = this.#world.clock.now();
    record.statuses.push({ status: step, atMs });
    this.#world.watch.changed();
    if (this.#sender.url === undefined) return;
    const priced = step !== 'read' || this.#delays.delivered === 'never';
    const status = step === 'failed' ? failedStatus(accepted, atMs) : statusOf(accepted, step, atMs, priced);
    const body = wireJson(statusWebhook(this.#world.business, customer, status));
    this.#sender.send(body, { kind: 'status', customer: customer.id, type: step });
  }
}

/**
 * An element of `statuses[]` in the shape of v24 and later: no `conversation`, `pricing` with `sent` and with one of delivered
 * and read.
 */
function statusOf({ record, customer, callbackData }: Accepted, step: Step, atMs: number, priced: boolean): JsonObject {
  return {
    id: record.wamid,
    status: step,
    timestamp: String(Math.floor(atMs / 1000)),
    ...(customer.waId === undefined ? {} : { recipient_id: customer.waId }),
    recipient_user_id: customer.userId,
    ...(callbackData === undefined ? {} : { biz_opaque_callback_data: callbackData }),
    ...(priced ? { pricing: pricingOf(record.type) } : {}),
  };
}

/**
 * By the address that the message was sent to, and no other (the digest of Meta's changes, 2026). Whether Meta returns
 * `biz_opaque_callback_data` here is not known.
 */
function failedStatus({ record, recipient, failure }: Accepted, atMs: number): JsonObject {
  return {
    ...{ id: record.wamid, status: 'failed', timestamp: String(Math.floor(atMs / 1000)) },
    ...(recipient.by === 'phone' ? { recipient_id: recipient.digits } : {}),
    ...(recipient.by === 'user_id' ? { recipient_user_id: recipient.userId } : {}),
    errors: failure === undefined ? [] : [statusError(failure.code, failure.details)],
  };
}

/** Answers inside the window are free, templates are billed per message (PMP); their category is not known here. */
function pricingOf(type: string): JsonObject {
  return type === 'template'
    ? { billable: true, pricing_model: 'PMP', type: 'regular', category: 'utility' }
    : { billable: false, pricing_model: 'PMP', type: 'free_customer_service', category: 'service' };
}
