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

export interface SignedWebhook {
  readonly body: Buffer;
  readonly signature: string;
}

/** Different in every process, so that no run's messages are another one's duplicates. */
const RUN = randomBytes(9).toString('base64url');

let made = 0;

/** A webhook with one new message of about 900 bytes, from one of so many customers, taken in turns. */
export function messageWebhook(customers: number, bytes: number = BODY_BYTES): SignedWebhook {
  made += 1;
  const waId = String(15_550_100_000 + (made % customers));
  const message = {
    from: waId,
    from_user_id: `US.40231187650${waId}`,
    id: `wamid.HBgLMTU1NTAxMDEwMDEVAgASGBQz${RUN}${made.toString(36).padStart(8, '0')}`,
    timestamp: String(Math.floor(Date.now() / 1_000)),
    type: 'text',
  };
  const empty = JSON.stringify(envelope({ ...message, text: { body: '' } }, waId)).length;
  const body = envelope(
    { ...message, text: { body: 'blue? '.repeat(bytes).slice(0, Math.max(1, bytes - empty)) } },
    waId,
  );
  return signed(Buffer.from(JSON.stringify(body)));
}

export function signed(body: Buffer): SignedWebhook {
  const hex = createHmac('sha256', SETTINGS.WHATSAPP_WEBHOOK_SECRET).update(body).digest('hex');
  return { body, signature: `sha256=${hex}` };
}

/** As in Meta's documentation (2026-09), without white space, as on the wire. */
function envelope(message: object, waId: string): object {
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550100200', phone_number_id: SETTINGS.WHATSAPP_PHONE_NUMBER_ID },
    contacts: [{ profile: { name: 'Amara Okafor' }, wa_id: waId, user_id: `US.40231187650${waId}` }],
    messages: [message],
  };
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: '218765430912345', changes: [{ value, field: 'messages' }] }],
  };
}
