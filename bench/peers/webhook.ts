import { createHmac, timingSafeEqual } from 'node:crypto';

/** Meta's webhooks have 3 MiB at most (docs, 2026-09). */
export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

/** What a peer needs of an inbound message; the rest of it travels along. */
export interface InboundMessage {
  readonly id: string;
  readonly from: string;
  readonly text?: { readonly body: string };
}

/** A message as it goes through a queue. */
export interface ReceivedMessage {
  readonly phoneNumberId: string;
  readonly message: InboundMessage;
}

interface WebhookBody {
  readonly entry?: readonly { readonly changes?: readonly { readonly value?: ChangeValue }[] }[];
}

interface ChangeValue {
  readonly metadata?: { readonly phone_number_id: string };
  readonly messages?: readonly InboundMessage[];
}

/** As Meta's page on webhooks describes it: HMAC-SHA256 over the bytes received, under the app's secret. */
export function isSigned(rawBody: Buffer, header: string | undefined, appSecret: string): boolean {
  const expected = Buffer.from(`sha256=${createHmac('sha256', appSecret).update(rawBody).digest('hex')}`);
  const given = Buffer.from(header ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** All messages of all changes of all entries, in their order. @throws SyntaxError */
export function messagesOf(rawBody: Buffer): readonly ReceivedMessage[] {
  const body = JSON.parse(rawBody.toString('utf8')) as WebhookBody;
  const values = (body.entry ?? []).flatMap(({ changes = [] }) => changes.map(({ value }) => value));
  return values.flatMap((value) => {
    const phoneNumberId = value?.metadata?.phone_number_id ?? '';
    return (value?.messages ?? []).map((message) => ({ phoneNumberId, message }));
  });
}
