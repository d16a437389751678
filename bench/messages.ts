import { decodeWebhook } from '../src/adapters/meta/decode-webhook.ts';
import type { EventKey, InboundMessage } from '../src/core/model.ts';
import type { Metrics } from '../src/core/ports/observation.ts';
import type { Origin } from '../src/core/ports/receiving.ts';
import { messageWebhook } from './webhooks.ts';

/** A message as it comes out of the decoder. */
export interface DecodedMessage {
  readonly kind: 'event';
  readonly key: EventKey;
  readonly event: InboundMessage;
  readonly origin: Origin;
}

/** New messages of about 900 bytes a webhook, from so many customers in turns. */
export function decodedMessages(count: number, customers: number): readonly DecodedMessage[] {
  return Array.from({ length: count }, () => {
    const [element] = decodeWebhook(messageWebhook(customers).body);
    if (element?.kind !== 'event' || element.event.kind !== 'message') throw new Error('the webhook holds no message');
    return { ...element, event: element.event };
  });
}

/** Metrics that nobody reads: remembering every one of them would be part of what is measured. */
export const noMetrics: Metrics = { count() {}, observe() {} };
