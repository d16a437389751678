import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';
import { deliver, signatureOf } from './webhook-client.ts';

const OWN = SETTINGS.WHATSAPP_PHONE_NUMBER_ID;
const SECOND = '209876543210987';
const UNKNOWN = '300000000000003';
const TOKEN = 'canary-token-of-the-second-number';
const SECRET = 'canary-secret-of-the-second-number';
const API_TOKEN = 'a'.repeat(32);
const CONTENT = 'a picture';

/** A busy machine takes its time. */
const PATIENCE_MS = 30_000;

/** Meta's side, as far as it is needed: takes everything, and remembers who asked for it. */
class Meta {
  readonly seen: { readonly call: string; readonly token: string | undefined }[] = [];
  readonly #server = http.createServer((request, response) => {
    const { method, url = '', headers } = request;
    const call = `${method} ${url}`;
    request.resume().on('end', () => {
      this.seen.push({ call, token: headers.authorization?.replace('Bearer ', '') });
      response.end(url === '/file' ? CONTENT : JSON.stringify(this.#answer(call)));
    });
  });

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(call: string): object {
    if (call.startsWith('GET')) return { id: '7', mime_type: 'image/png', file_size: 9, url: `${this.origin}/file` };
    if (call.endsWith('/media')) return { id: '8' };
    return { success: true, messages: [{ id: 'wamid.OUT' }] };
  }
}

type Content = { readonly type: string } & Readonly<Record<string, unknown>>;

function webhook(phoneNumberId: string, id: string, content: Content): Buffer {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const message = { from: '15550100001', id: `wamid.${id}`, timestamp, ...content };
  const metadata = { display_phone_number: '15550783881', phone_number_id: phoneNumberId };
  const value = { messaging_product: 'whatsapp', metadata, messages: [message] };
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}

const text = (body: string): Content => ({ type: 'text', text: { body } });

describe('A service with several numbers', function () {
  this.timeout(120_000);
  let folder: string;
  let meta: Meta;
  let service: ServiceProcess;
  let url: string;

  const write = (...numbers: readonly object[]) =>
    writeFileSync(join(folder, 'numbers.json'), JSON.stringify({ numbers }), { mode: 0o600 });
  const second = { phoneNumberId: SECOND, accessToken: TOKEN, webhookSecret: SECRET, apiVersion: 'v24.0' };
  const reads = () => service.stdout.split('The file NUMBERS was read').length - 1;
  const reload = async () => {
    const before = reads();
    service.signal('SIGHUP');
    await eventually(() => reads() > before, PATIENCE_MS);
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-numbers-'));
    meta = await new Meta().open();
    write(second);
    const started = await ServiceProcess.start({
      ...{ STORE: 'memory', BOT: 'tests/fixtures/bots/every-call.ts', WHATSAPP_API_URL: `${meta.origin}/v25.0` },
      ...{ NUMBERS: join(folder, 'numbers.json'), API_TOKEN },
    });
    ({ service, url } = started);
  });

  afterEach(async () => {
    service.signal('SIGKILL');
    await service.exit();
    await meta.close();
    rmSync(folder, { recursive: true });
  });

  it('takes messages to send from a number of the file, or of the environment, and from no other', async () => {
    const send = async (phoneNumberId: string) => {
      const response = await fetch(`${url}/api/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${API_TOKEN}`, 'idempotency-key': phoneNumberId },
        body: JSON.stringify({ to: { waId: '15550100001' }, content: { type: 'text', text: 'hi' }, phoneNumberId }),
      });
      const { error } = (await response.json()) as { error?: { code: string; message: string } };
      return { status: response.status, ...error };
    };
    expect([(await send(OWN)).status, (await send(SECOND)).status]).to.deep.equal([202, 202]);
    const refused = await send(UNKNOWN);
    expect(refused).to.include({ status: 400, code: 'unknown_number' });
    expect(refused.message)
      .to.match(/NUMBERS has no number with this phoneNumberId/)
      .and.not.contain(UNKNOWN);
    write(second, { phoneNumberId: UNKNOWN });
    await reload();
    expect((await send(UNKNOWN)).status).to.equal(202);
  });

  it('asks Meta for everything by the number that the message came to', async () => {
    await deliver(url, webhook(SECOND, 'A1', text('hi')));
    await eventually(() => meta.seen.length === 2, PATIENCE_MS);
    await deliver(url, webhook(SECOND, 'A2', { type: 'image', image: { id: '7', mime_type: 'image/png' } }));
    await eventually(() => meta.seen.length === 8, PATIENCE_MS);
    expect(meta.seen.map(({ call }) => call)).to.deep.equal([
      ...[`POST /v24.0/${SECOND}/messages`, `POST /v24.0/${SECOND}/messages`],
      ...['GET /v24.0/7', 'GET /v24.0/7', 'GET /file', 'DELETE /v24.0/7'],
      ...[`POST /v24.0/${SECOND}/media`, `POST /v24.0/${SECOND}/messages`],
    ]);
    expect(new Set(meta.seen.map(({ token }) => token))).to.deep.equal(new Set([TOKEN]));
    await deliver(url, webhook(OWN, 'A3', text('hi')));
    await eventually(() => meta.seen.length === 10, PATIENCE_MS);
    const own = { call: `POST /v25.0/${OWN}/messages`, token: SETTINGS.WHATSAPP_ACCESS_TOKEN };
    expect(meta.seen.slice(8)).to.deep.equal([own, own]);
  });

  it('keeps and reports what comes to a number that it does not know, and answers it once it knows it', async () => {
    expect(await deliver(url, webhook(UNKNOWN, 'B1', text('hi')))).to.equal(200);
    await service.line((line) => line.includes('Meta refuses this number'), PATIENCE_MS);
    await service.line((line) => line.includes('A number is not in the file NUMBERS'), PATIENCE_MS);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).to.match(/wahook_number_stopped\{[^}]*reason="unauthorized"[^}]*\} 1/);
    // Another number goes on meanwhile, and by its own token.
    await deliver(url, webhook(OWN, 'B2', text('hi')));
    await eventually(() => meta.seen.length === 2, PATIENCE_MS);
    expect(meta.seen.map(({ call }) => call)).to.deep.equal(Array(2).fill(`POST /v25.0/${OWN}/messages`));
    expect(service.stdout).not.to.include(UNKNOWN);
    write(second, { phoneNumberId: UNKNOWN, accessToken: `${TOKEN}-3` });
    await eventually(() => meta.seen.length === 3, PATIENCE_MS);
    expect(meta.seen[2]).to.deep.equal({ call: `POST /v25.0/${UNKNOWN}/messages`, token: `${TOKEN}-3` });
  });

  it('takes signatures under a new secret beside the old one, and then under the new one alone', async () => {
    const renewed = `${SECRET}-renewed`;
    const statusUnder = (id: string, secret: string) => {
      const body = webhook(SECOND, id, text('hi'));
      return deliver(url, body, signatureOf(body, secret));
    };
    expect([await statusUnder('C1', SECRET), await statusUnder('C2', renewed)]).to.deep.equal([200, 401]);
    write({ ...second, webhookSecret: [renewed, SECRET] });
    await reload();
    expect([await statusUnder('C3', SECRET), await statusUnder('C4', renewed)]).to.deep.equal([200, 200]);
    write({ ...second, webhookSecret: renewed });
    await reload();
    expect([await statusUnder('C5', SECRET), await statusUnder('C6', renewed)]).to.deep.equal([401, 200]);
    expect(await statusUnder('C7', SETTINGS.WHATSAPP_WEBHOOK_SECRET)).to.equal(200);
  });

  it('reads the file at SIGHUP also if it looks unchanged, and goes on if it is broken then', async () => {
    await reload();
    expect(reads()).to.equal(1);
    writeFileSync(join(folder, 'numbers.json'), `{ ${TOKEN}`);
    service.signal('SIGHUP');
    await service.line((line) => line.includes('The file NUMBERS is broken'), PATIENCE_MS);
    await deliver(url, webhook(SECOND, 'D1', text('hi')));
    await eventually(() => meta.seen.length === 2, PATIENCE_MS);
    expect(meta.seen[1]?.token).to.equal(TOKEN);
  });

  it('shows no secret of the file in its log, nor one that came with a change', async () => {
    await deliver(url, webhook(SECOND, 'E1', text(`look: ${SECRET} ${TOKEN}`)));
    const told = (words: string) => service.line((line) => line.includes(words), PATIENCE_MS);
    await told('look: [secret] [secret]');
    write({ ...second, accessToken: 'canary-token-that-is-new', webhookSecret: 'canary-secret-that-is-new' });
    await reload();
    await deliver(
      url,
      webhook(SECOND, 'E2', text(`now: canary-secret-that-is-new canary-token-that-is-new ${SECRET}`)),
    );
    await told('now: [secret] [secret] [secret]');
    expect(service.stdout + service.stderr).not.to.include('canary');
  });
});
