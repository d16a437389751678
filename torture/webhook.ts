import { createHmac } from 'node:crypto';
import type { Random } from './random.ts';

/** Made-up values for everything that a receiver requires. */
export const SETTINGS = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'EAAGtorturetokentorturetokentorture',
  WHATSAPP_VERIFY_TOKEN: 'verify-token-of-the-torture',
  WHATSAPP_WEBHOOK_SECRET: '0123456789abcdef0123456789abcdef',
} as const;

/** One message, some of one person, or one status: what Meta delivers at least once, alone or in company. */
export interface Element {
  readonly kind: 'message' | 'status';
  /** Of the customer. */
  readonly waId: string;
  /** On the wire, the same at every repetition. */
  readonly json: string;
  /** Called at every 200 to a webhook that holds it. */
  readonly onAcked?: () => void;
}

/** What Meta tells about a message that it took. */
export interface StatusElement extends Element {
  readonly status: DeliveryName;
  /** Of the message; undefined if it came without one. */
  readonly sendId: string | undefined;
}

/** As far as Meta says that a message has come; later ones say more. */
export const DELIVERIES = ['sent', 'delivered', 'read'] as const;

export type DeliveryName = (typeof DELIVERIES)[number];

export interface SignedWebhook {
  readonly body: string;
  readonly signature: string;
}

/** A text message in the shape of Meta's documentation (2026-09). */
export function messageElement(waId: string, wamid: string, text: string, onAcked: () => void): Element {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  return {
    kind: 'message',
    waId,
    json: JSON.stringify({ from: waId, id: wamid, timestamp, type: 'text', text: { body: text } }),
    onAcked,
  };
}

/** Each of them would fail the whole batch in PostgreSQL's jsonb, or in a receiver that takes the shape for granted. */
const POISONS = [
  (n: number) => ({ id: `wamid.P${n}`, type: 'text', text: { body: `poison-${n}- \u0000` } }),
  (n: number) => ({ id: `wamid.P${n}`, type: 'text', text: { body: `poison-${n}- \ud800` } }),
  (n: number) => ({ type: 'text', text: { body: `poison-${n}-` } }),
] as const;

/** A message with which nothing can be done. `n` from 1; it stands in it as `poison-<n>-`. */
export function poisonElement(n: number, onAcked: () => void): Element {
  const waId = String(15_540_000_000 + n);
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const poison = POISONS[n % POISONS.length]?.(n);
  return { kind: 'message', waId, json: JSON.stringify({ from: waId, timestamp, ...poison }), onAcked };
}

/** Messages of one person that come together whenever they come, in this order; the sender takes them for one element. */
export function together(messages: readonly Element[]): Element {
  const [first] = messages;
  if (first === undefined) throw new Error('no messages');
  const onAcked = () => {
    for (const message of messages) message.onAcked?.();
  };
  return { ...first, json: messages.map(({ json }) => json).join(','), onAcked };
}

/** What Meta tells about a message that it took; the send id comes back as it was given. */
export function statusElement(
  waId: string,
  wamid: string,
  status: DeliveryName,
  sendId: string | undefined,
): StatusElement {
  return {
    kind: 'status',
    waId,
    status,
    sendId,
    json: JSON.stringify({
      id: wamid,
      status,
      timestamp: String(Math.floor(Date.now() / 1_000)),
      recipient_id: waId,
      ...(sendId !== undefined && { biz_opaque_callback_data: sendId }),
      pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'service' },
    }),
  };
}

/** One webhook with these elements in this order, grouped into changes as chance has it. */
export function webhookOf(elements: readonly Element[], random: Random): SignedWebhook {
  const changes: string[] = [];
  const largest = random.chance(0.5) ? elements.length : random.int(1, elements.length);
  for (let from = 0; from < elements.length; from += largest)
    changes.push(changeOf(elements.slice(from, from + largest)));
  const body = `{"object":"whatsapp_business_account","entry":[{"id":"218765430912345","changes":[${changes.join(',')}]}]}`;
  return { body, signature: signatureOf(body) };
}

function signatureOf(body: string): string {
  return `sha256=${createHmac('sha256', SETTINGS.WHATSAPP_WEBHOOK_SECRET).update(body).digest('hex')}`;
}

const METADATA = `"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100200","phone_number_id":"${SETTINGS.WHATSAPP_PHONE_NUMBER_ID}"}`;

function changeOf(elements: readonly Element[]): string {
  const people = [...new Set(elements.map(({ waId }) => waId))];
  const contacts = people.map((waId) => `{"profile":{"name":"Amara Okafor"},"wa_id":"${waId}"}`);
  const lists = (['message', 'status'] as const).flatMap((kind) => {
    const ofKind = elements.filter((element) => element.kind === kind).map(({ json }) => json);
    return ofKind.length === 0 ? [] : [`,"${kind === 'message' ? 'messages' : 'statuses'}":[${ofKind.join(',')}]`];
  });
  return `{"value":{${METADATA},"contacts":[${contacts.join(',')}]${lists.join('')}},"field":"messages"}`;
}
