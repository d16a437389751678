import { createHmac } from 'node:crypto';

/**
 * The value of `X-Hub-Signature-256` for exactly these bytes.
 *
 * Known answer: secret `test_app_secret`, body `{"object":"whatsapp_business_account","entry":[]}` →
 * `sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756`.
 */
export function signatureOf(body: Uint8Array, appSecret: string): string {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
}
