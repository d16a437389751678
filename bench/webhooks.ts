import { createHmac, randomBytes } from 'node:crypto';

/** Made-up values for everything that the service requires. */
export const SETTINGS = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'EAAGbenchtokenbenchtokenbenchtoken',
  WHATSAPP_VERIFY_TOKEN: 'verify-token-of-the-benchmark',
  WHATSAPP_WEBHOOK_SECRET: '0123456789abcdef0123456789abcdef',
} as const;

/** What a webhook of Meta's with one short text measures, with the text that is typical of it. */
const BODY_BYTES = 900;

/** What a message adds beside its text, with the envelope of the webhook: so the text has about 360 characters. */
const AROUND_TEXT_BYTES = 541;

export interface SignedWebhook {
  readonly body: Buffer;
  readonly signature: string;
}

/** Different in every process, so that no run's messages are another one's duplicates. */
const RUN = randomBytes(9).toString('base64url');

let made = 0;

const WORDS = ['sent', 'delivered', 'read'] as const;

/** Messages of ours that statuses are about, counted from 0. */
export const SENT = {
  wamid: (message: number) => `wamid.HBgLMTU1NTAxMDEwMDEVAgASGBQzsent${String(message).padStart(8, '0')}`,
  sendId: (message: number) => `bench-${message}`,
} as const;

let statuses = 0;

/**
 * A webhook of so many messages or statuses, all new, from so many customers in turns. As in Meta's documentation (2026-09),
 * without white space, as on the wire.
 */
export function webhookOf(kind: 'message' | 'status', customers: number, elements = 1): SignedWebhook {
  const people = new Map<string, object>();
  const list = Array.from({ length: elements }, () => {
    made += 1;
    const waId = String(15_550_100_000 + (made % customers));
    people.set(waId, { profile: { name: 'Amara Okafor' }, wa_id: waId, user_id: `US.40231187650${waId}` });
    return kind === 'message' ? message(waId, BODY_BYTES) : status(waId);
  });
  const contacts = kind === 'message' ? { contacts: [...people.values()] } : {};
  return signed(envelope({ ...contacts, [kind === 'message' ? 'messages' : 'statuses']: list }));
}

/** A webhook with one new message of about so many bytes. */
export function messageWebhook(customers: number, bytes: number = BODY_BYTES): SignedWebhook {
  made += 1;
  const waId = String(15_550_100_000 + (made % customers));
  const contact = { profile: { name: 'Amara Okafor' }, wa_id: waId, user_id: `US.40231187650${waId}` };
  return signed(envelope({ contacts: [contact], messages: [message(waId, bytes)] }));
}

export function signed(body: Buffer): SignedWebhook {
  const hex = createHmac('sha256', SETTINGS.WHATSAPP_WEBHOOK_SECRET).update(body).digest('hex');
  return { body, signature: `sha256=${hex}` };
}

/** The same body under a signature of nobody's. */
export function unsigned({ body }: SignedWebhook): SignedWebhook {
  return { body, signature: `sha256=${'0'.repeat(64)}` };
}

function message(waId: string, bytes: number): object {
  return {
    from: waId,
    from_user_id: `US.40231187650${waId}`,
    id: wamid(),
    timestamp: String(Math.floor(Date.now() / 1_000)),
    type: 'text',
    text: { body: 'blue? '.repeat(bytes).slice(0, Math.max(1, bytes - AROUND_TEXT_BYTES)) },
  };
}

/** Sent, delivered and read of one message after the other: those that `SENT` names, in a database that was filled with them. */
function status(waId: string): object {
  const place = statuses;
  statuses += 1;
  const message = Math.floor(place / WORDS.length);
  return {
    id: SENT.wamid(message),
    status: WORDS[place % WORDS.length],
    timestamp: String(Math.floor(Date.now() / 1_000)),
    biz_opaque_callback_data: SENT.sendId(message),
    recipient_id: waId,
    recipient_user_id: `US.40231187650${waId}`,
    conversation: { id: 'a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6', origin: { type: 'service' } },
    pricing: { billable: false, pricing_model: 'PMP', category: 'service', type: 'free_customer_service' },
  };
}

function wamid(): string {
  return `wamid.HBgLMTU1NTAxMDEwMDEVAgASGBQz${RUN}${made.toString(36).padStart(8, '0')}`;
}

function envelope(lists: object): Buffer {
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100200', phone_number_id: SETTINGS.WHATSAPP_PHONE_NUMBER_ID },
    ...lists,
  };
  const entry = [{ id: '218765430912345', changes: [{ value, field: 'messages' }] }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}
