import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SETTINGS } from '../support/service-process.ts';

const CORPUS = join(import.meta.dirname, '../fixtures/webhooks');

/** Every webhook of the corpus, with its bytes as they are. */
export function corpus(): readonly { readonly name: string; readonly body: Buffer }[] {
  return readdirSync(CORPUS)
    .filter((name) => name.endsWith('.json') && name !== 'signature-vectors.json')
    .map((name) => ({ name, body: readFileSync(join(CORPUS, name)) }));
}

/** A webhook with one text message; without `from` of Ana. */
export function textWebhook(id: string, words: string, from = '15550100001'): Buffer {
  return textsWebhook([{ id, words, from }]);
}

/** The same, written when this process began: recent enough to be answered with anything, and the same in each repetition. */
export function freshTextWebhook(id: string, words: string): Buffer {
  return textsWebhook([{ id, words, from: '15550100001', sentAtMs: Math.floor(performance.timeOrigin) }]);
}

interface Text {
  /** Without `wamid.`. */
  readonly id: string;
  readonly words: string;
  readonly from: string;
  readonly sentAtMs?: number;
}

/** A webhook with many text messages. */
export function textsWebhook(texts: readonly Text[]): Buffer {
  const messages = texts.map(({ id, words, from, sentAtMs = 1_790_000_000_000 }) => ({
    from,
    id: `wamid.${id}`,
    timestamp: String(Math.floor(sentAtMs / 1_000)),
    type: 'text',
    text: { body: words },
  }));
  return webhookOf({ messages });
}

/** A webhook by which Meta says of messages that they are sent, whether or not we got its answer. */
export function sentWebhook(sent: readonly { readonly sendId: string; readonly messageId: string }[]): Buffer {
  const statuses = sent.map(({ sendId, messageId }) => ({
    id: messageId,
    status: 'sent',
    timestamp: '1790000002',
    recipient_id: '15550100001',
    biz_opaque_callback_data: sendId,
  }));
  return webhookOf({ statuses });
}

function webhookOf(content: object): Buffer {
  const metadata = { display_phone_number: '15550783881', phone_number_id: SETTINGS.WHATSAPP_PHONE_NUMBER_ID };
  const value = { messaging_product: 'whatsapp', metadata, ...content };
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}

export function signatureOf(body: Uint8Array | string, secret: string = SETTINGS.WHATSAPP_WEBHOOK_SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly ms: number;
}

/** A POST to the webhook with these headers as they are; a list of values is sent as one header each. */
export async function post(url: string, body: Buffer, headers: OutgoingHttpHeaders): Promise<Answer> {
  const startedAtMs = performance.now();
  const sent = { 'content-type': 'application/json', 'content-length': body.length, ...headers };
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/webhook/whatsapp`, { method: 'POST', headers: sent, agent: false }, (response) => {
      const { statusCode: status = 0, headers: received } = response;
      text(response).then(
        (answer) => resolve({ status, headers: received, text: answer, ms: performance.now() - startedAtMs }),
        reject,
      );
    });
    outgoing.on('error', reject).end(body);
  });
}

/** Delivers a webhook as Meta does; resolves to the status. */
export async function deliver(url: string, body: Buffer, signature: string = signatureOf(body)): Promise<number> {
  return (await post(url, body, { 'x-hub-signature-256': signature })).status;
}
