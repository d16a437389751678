import { SimulatorError } from './simulator-error.ts';
import type { InboundRecord, OutboundRecord, WebhookRecord, World } from './world.ts';

/** Long enough for a loaded machine; whoever waits in vain gets to know what came instead. */
export const DEFAULT_WAIT_MS = 5_000;

/** Resolves when every copy of the webhook was answered with 200. @throws SimulatorError `timeout`, `given_up`, `closed` */
export function acknowledgement(world: World, webhook: WebhookRecord, timeoutMs: number): Promise<WebhookRecord> {
  const deliveries = (): string =>
    webhook.deliveries.map(({ status, error }) => status ?? error ?? 'no answer').join(', ') || 'none';
  return world.watch.until(
    () => {
      if (webhook.state === 'given_up')
        throw new SimulatorError('given_up', `The webhook was not acknowledged. Deliveries: ${deliveries()}.`);
      return webhook.state === 'acknowledged' ? webhook : undefined;
    },
    timeoutMs,
    () => `no acknowledgement. Deliveries: ${deliveries()}.`,
  );
}

/** Resolves when the service has sent `count` messages to the customer since `seq`. @throws SimulatorError `timeout`, `closed` */
export function repliesSince(
  world: World,
  { customer, seq, count, timeoutMs }: { customer: string; seq: number; count: number; timeoutMs: number },
): Promise<readonly OutboundRecord[]> {
  const calls = (): string =>
    world.requests.items
      .slice(-3)
      .map(({ method, path, answer }) => `${method} ${path} → ${answer.status ?? 'no answer'}`)
      .join(', ') || 'none';
  return world.watch.until(
    () => {
      const replies = world.repliesTo(customer, seq);
      return replies.length >= count ? replies : undefined;
    },
    timeoutMs,
    () => `${world.repliesTo(customer, seq).length} of ${count} replies to ${customer}. Last Graph calls: ${calls()}.`,
  );
}

/** A webhook on its way. */
export class SentWebhook {
  readonly #world: World;
  readonly webhook: WebhookRecord;

  constructor(world: World, webhook: WebhookRecord) {
    this.#world = world;
    this.webhook = webhook;
  }

  /** Resolves when every copy was answered with 200. @throws SimulatorError `timeout`, `given_up`, `closed` */
  acknowledged(timeoutMs = DEFAULT_WAIT_MS): Promise<WebhookRecord> {
    return acknowledgement(this.#world, this.webhook, timeoutMs);
  }
}

/** A customer's message on its way. */
export class CustomerTurn extends SentWebhook {
  readonly #world: World;
  readonly record: InboundRecord;

  constructor(world: World, record: InboundRecord, webhook: WebhookRecord) {
    super(world, webhook);
    this.#world = world;
    this.record = record;
  }

  get wamid(): string {
    return this.record.wamid;
  }

  /** The first message that the service sends to this customer from now on. @throws SimulatorError `timeout`, `closed` */
  async reply(timeoutMs = DEFAULT_WAIT_MS): Promise<OutboundRecord> {
    const [first] = await this.replies(1, timeoutMs);
    return first as OutboundRecord;
  }

  /** All messages since this one, as soon as there are `count`. @throws SimulatorError `timeout`, `closed` */
  replies(count: number, timeoutMs = DEFAULT_WAIT_MS): Promise<readonly OutboundRecord[]> {
    const { customer, seq } = this.record;
    return repliesSince(this.#world, { customer, seq, count, timeoutMs });
  }
}
