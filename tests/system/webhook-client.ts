import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS } from '../support/service-process.ts';

const CORPUS = join(import.meta.dirname, '../fixtures/webhooks');

/** Every webhook of the corpus, with its bytes as they are. */
export function corpus(): readonly { readonly name: string; readonly body: Buffer }[] {
  return readdirSync(CORPUS)
    .filter((name) => name.endsWith('.json') && name !== 'signature-vectors.json')
    .map((name) => ({ name, body: readFileSync(join(CORPUS, name)) }));
}

export function signatureOf(body: Uint8Array | string): string {
  return `sha256=${createHmac('sha256', SETTINGS.WHATSAPP_WEBHOOK_SECRET).update(body).digest('hex')}`;
}

/** Delivers a webhook as Meta does; resolves to the status. */
export async function deliver(url: string, body: Buffer, signature: string = signatureOf(body)): Promise<number> {
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
  const response = await fetch(`${url}/webhook/whatsapp`, { method: 'POST', headers, body: new Uint8Array(body) });
  await response.arrayBuffer();
  return response.status;
}
