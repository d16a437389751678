import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * The headers of a webhook by the Standard Webhooks specification (version 1, symmetric): HMAC-SHA256 of `id.timestamp.body` under
 * each of the secrets, so that one can be replaced by another without a gap.
 *
 * Known answer (of the specification's own libraries): secret `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`, id
 * `msg_p5jXN8AQM9LWM0D4loKWxJek`, time 1614265330 s, body `{"test": 2432232314}` → `v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`.
 */
export function standardWebhookHeaders(
  secrets: readonly string[],
  { id, timestampMs, body }: { readonly id: string; readonly timestampMs: number; readonly body: string },
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(timestampMs / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
