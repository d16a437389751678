import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { post, textTo } from './graph-client.ts';
import { rejection } from './rejection.ts';
import { ServiceDouble } from './service-double.ts';

const ANA = '+15550100001';

describe('Simulator', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
    meta = await createSimulator({ webhookUrl: service.url });
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  it('listens on 127.0.0.1 and nowhere else', async () => {
    expect(meta.url).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await rejection(fetch(meta.url.replace('127.0.0.1', '127.0.0.2')))).message).to.contain('fetch failed');
  });

  it('gives the service its environment', () => {
    expect(meta.env).to.deep.equal({
      WHATSAPP_API_URL: `${meta.url}/v25.0`,
      WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
      WHATSAPP_BUSINESS_ACCOUNT_ID: '102290129340398',
      WHATSAPP_ACCESS_TOKEN: meta.business.accessToken,
      WHATSAPP_VERIFY_TOKEN: meta.business.verifyToken,
      WHATSAPP_WEBHOOK_SECRET: meta.business.appSecret,
    });
    expect(meta.business.appSecret).to.match(/^[0-9a-f]{32}$/);
  });

  it('rejects when its port is taken', async () => {
    const port = Number(new URL(meta.url).port);
    expect(await rejection(createSimulator({ port }))).to.have.property('code', 'EADDRINUSE');
  });

  it('plays the same ids for the same seed, and others without one', async () => {
    const wamids = async (seed?: number): Promise<readonly string[]> => {
      const one = await createSimulator({ webhookUrl: service.url, ...(seed === undefined ? {} : { seed }) });
      const { body } = await post(one, textTo(ANA));
      const ids = [one.customer('ana').says('hi').wamid, String(body.messages?.[0]?.id)];
      await one.close();
      return ids;
    };
    expect(await wamids(7)).to.deep.equal(await wamids(7));
    expect(await wamids(7)).not.to.deep.equal(await wamids(8));
    expect(await wamids()).not.to.deep.equal(await wamids());
  });

  it("waits for the reply to a customer's last message, also if it is there already", async () => {
    meta.customer('ana').says('hi');
    await post(meta, textTo(ANA, 'Hello!'));
    expect(await meta.waitForReply('ana')).to.include({ text: 'Hello!' });
    meta.customer('ana').says('again');
    const error = await rejection(meta.waitForReply('ana', 20));
    expect(error).to.include({ code: 'timeout' });
    expect(error.message).to.contain('0 of 1 replies to ana').and.contain('/messages → 200');
    await post(meta, textTo('+15550100009', 'Hello!'));
    expect(await meta.waitForReply('15550100009')).to.include({ text: 'Hello!' });
  });

  it('remembers only the newest', async () => {
    await meta.close();
    meta = await createSimulator({ webhookUrl: service.url, historyLimit: 2 });
    for (const text of ['a', 'b', 'c', 'd', 'e']) await post(meta, textTo(ANA, text));
    expect(meta.transcript.map((one) => one.direction === 'outbound' && one.text)).to.deep.equal(['d', 'e']);
    expect(meta.requests).to.have.lengthOf(2);
  });

  it('starts over at a reset: people, messages, calls, faults and all that was planned; ids go on', async () => {
    await meta.close();
    const statusDelaysMs = { sent: 40, delivered: 'never', read: 'never' } as const;
    meta = await createSimulator({ webhookUrl: service.url, statusDelaysMs, retryDelaysMs: [40, 40], seed: 1 });
    service.answerInTurn(503);
    meta.addCustomer({ id: 'bo', username: 'bo' });
    const before = meta.customer('ana').says('hi');
    await service.received(1);
    await post(meta, textTo(ANA));
    meta.faults.arm({ on: 'graph', do: 'timeout' });
    const held = rejection(post(meta, textTo(ANA)));
    const waiting = rejection(meta.waitForReply('kim'));
    while (meta.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    meta.faults.arm({ on: 'graph', do: 'error', code: 2 });

    meta.reset();
    expect(await waiting).to.include({ code: 'closed' });
    expect((await held).message).to.contain('fetch failed');
    expect([meta.transcript, meta.requests, meta.webhooks, meta.faults.list()]).to.deep.equal([[], [], [], []]);
    expect(() => meta.customer('bo')).to.throw('No customer bo');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(service.requests, 'neither the redelivery nor the status').to.have.lengthOf(1);
    const after = meta.customer('ana').says('hi');
    expect(after.wamid).not.to.equal(before.wamid);
    await after.acknowledged();
    expect((await post(meta, textTo(ANA))).status).to.equal(200);
  });

  it('breaks off deliveries under way at a reset and does not repeat them', async () => {
    await meta.close();
    meta = await createSimulator({ webhookUrl: service.url, retryDelaysMs: [1, 1, 1] });
    const hungUp = Promise.withResolvers<void>();
    service.answer = (_request, response) => {
      if (service.requests.length > 1) response.end();
      else response.on('close', hungUp.resolve);
    };
    meta.customer('ana').says('hi');
    await service.received(1);
    meta.reset();
    await hungUp.promise;
    await meta.customer('kim').says('hi').acknowledged();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(service.requests).to.have.lengthOf(2);
    expect(meta.webhooks).to.have.lengthOf(1);
  });

  it('ends every wait and every open call when it is closed, as often as it is', async () => {
    service.answer = () => undefined;
    const pending = rejection(meta.customer('kim').says('hi').reply());
    meta.faults.arm({ on: 'graph', do: 'accept_then_timeout' });
    const held = rejection(post(meta, textTo(ANA)));
    while (meta.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const slow = connect(Number(new URL(meta.url).port), '127.0.0.1');
    await once(slow, 'connect');
    slow.on('error', () => undefined).write('POST /v25.0/106540352242922/messages HTTP/1.1\r\nHost: x\r\nContent-Le');
    await (await fetch(`${meta.url}/_sim/health`)).text();

    await Promise.all([meta.close(), meta.close()]);
    await meta.close();
    if (!slow.closed) await once(slow, 'close');
    expect(await pending).to.include({ code: 'closed' });
    expect((await held).message).to.contain('fetch failed');
  });

  it('lets its process end when it is closed in the middle of everything', async function () {
    this.timeout(20_000);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', BUSY_PROCESS, service.url], {
      cwd: process.cwd(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    service.answer = () => undefined;
    const killer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const [code] = await once(child, 'close');
    clearTimeout(killer);
    expect(output).to.equal('closed');
    expect(code, 'null: it had to be killed').to.equal(0);
  });
});

/** Deliveries without answer, planned redeliveries and statuses, a held call and kept-alive connections; then `close`. */
const BUSY_PROCESS = `
  import { createSimulator } from './src/simulator/simulator.ts';
  const meta = await createSimulator({ webhookUrl: process.argv[1], statusDelaysMs: { sent: 3_600_000 } });
  const to = (number) => fetch(meta.apiUrl + '/' + meta.business.phoneNumberId + '/messages', {
    method: 'POST',
    headers: { authorization: 'Bearer ' + meta.business.accessToken },
    body: JSON.stringify({ messaging_product: 'whatsapp', to: number, text: { body: 'Hi' } }),
  });
  meta.customer('ana').says('hi');
  await (await to('+15550100001')).json();
  meta.faults.arm({ on: 'graph', do: 'timeout' });
  const held = to('+15550100001').catch(() => undefined);
  while (meta.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await meta.close();
  await held;
  process.stdout.write('closed');
`;
