import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { readConfig } from '../../src/config.ts';
import { type RunningService, startService } from '../../src/service.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { deliver, signatureOf, textsWebhook } from './webhook-client.ts';

const TOKEN = 'f'.repeat(32);
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const TO_ANA = { to: { waId: '+1 555 010 0001' }, content: { type: 'text', text: 'Your order is on its way' } };

interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly body: { readonly id?: string; readonly error?: { readonly code: string; readonly message: string } };
}

/** A service in memory whose bot is a program in another process, as far as the service can tell. */
describe('A service for programs in other languages', function () {
  this.timeout(60_000);
  let meta: Simulator;
  let service: RunningService;
  let program: Server;
  const heard: { readonly type: string; readonly text?: string }[] = [];
  let fails = 0;

  before(async () => {
    program = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      const { type, event } = JSON.parse(body);
      heard.push({ type, ...(event.text !== undefined && { text: event.text }) });
      if (type !== 'message.text') return response.writeHead(204).end();
      if (fails-- > 0) return response.writeHead(503).end();
      return response.writeHead(200).end(JSON.stringify([{ type: 'text', text: `Python heard ${event.text}` }]));
    });
    await once(program.listen(0, '127.0.0.1'), 'listening');
    meta = await createSimulator();
    const result = readConfig({
      ...{ ...meta.env, STORE: 'memory', PORT: '0', LOG_LEVEL: 'error', API_TOKEN: TOKEN },
      HANDLER_URL: `http://127.0.0.1:${(program.address() as AddressInfo).port}/`,
      HANDLER_SECRET: SECRET,
    });
    if ('problems' in result) throw new Error(JSON.stringify(result.problems));
    service = await startService(result.config);
    await service.prepared;
    await meta.subscribe(`${service.url}/webhook/whatsapp`);
  });

  after(async () => {
    await service.stop();
    await meta.close();
    program.close();
    program.closeAllConnections();
  });

  const post = async (body: unknown, key: string | undefined, token = TOKEN): Promise<Answer> => {
    const response = await fetch(`${service.url}/api/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, ...(key !== undefined && { 'idempotency-key': key }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const { status, headers } = response;
    return { status, location: headers.get('location'), body: (await response.json()) as Answer['body'] };
  };
  const look = async (path: string) => {
    const response = await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const sentTo = (customer: string) =>
    meta.transcript.filter((one) => one.direction === 'outbound' && one.customer === customer);

  it('hands events over in order, again after a failure, and sends what is answered', async () => {
    fails = 1;
    const first = meta.customer('kim').says('one');
    await first.acknowledged();
    const second = meta.customer('kim').says('two');
    await eventually(() => sentTo('kim').length === 2);
    expect(
      sentTo('kim').map(({ direction, ...one }) => direction === 'outbound' && 'text' in one && one.text),
    ).to.deep.equal([...['Python heard one', 'Python heard two']]);
    expect(heard.filter(({ type }) => type === 'message.text').map(({ text }) => text)).to.deep.equal([
      ...['one', 'one', 'two'],
    ]);
    await eventually(() => heard.some(({ type }) => type === 'status.delivered'));
    expect(second.wamid).to.be.a('string');
  });

  it('sends a message once, however often it is asked for it, and tells what became of it', async () => {
    const answers = await Promise.all([post(TO_ANA, 'order-1'), post(TO_ANA, 'order-1')]);
    for (const { status } of answers) expect([202, 503]).to.include(status);
    const { status, location, body } = await post({ content: TO_ANA.content, to: { waId: '15550100001' } }, 'order-1');
    expect(status).to.equal(202);
    expect(body.id).to.match(/^[0-9a-f-]{36}$/);
    expect(location).to.equal(`/api/messages/${body.id}`);
    await eventually(async () => (await look(location ?? '')).body['delivery'] === 'read');
    expect((await look(location ?? '')).body).to.include({ id: body.id, state: 'sent' });
    expect(sentTo('ana')).to.have.length(1);
  });

  it('refuses a key that was used for another message', async () => {
    await post(TO_ANA, 'order-2');
    const { status, body } = await post({ ...TO_ANA, content: { type: 'text', text: 'Another' } }, 'order-2');
    expect(status).to.equal(409);
    expect(body.error?.code).to.equal('idempotency_conflict');
  });

  it('refuses what the window is closed for, saying why, and sends the template that a request names', async () => {
    // Meta delivers late what Lee wrote two days ago.
    const body = textsWebhook([
      { id: 'LATE', words: 'hi', from: '15550100004', sentAtMs: Date.now() - 48 * 3_600_000 },
    ]);
    const signature = signatureOf(body, meta.business.appSecret);
    expect(await deliver(service.url, body, signature)).to.equal(200);
    await eventually(() => heard.some(({ text }) => text === 'hi'));
    const toLee = { ...TO_ANA, to: { waId: '15550100004' } };
    const { status, body: answer } = await post(toLee, 'order-4');
    expect(status).to.equal(422);
    expect(answer.error?.code).to.equal('window_closed');
    expect(answer.error?.message)
      .to.match(/closed at 20\d\d-.*24 hours.*only templates.*"fallback"/)
      .and.not.include('15550100004');
    for (const [fallback, problem] of [
      [{ template: 'order_ready' }, /fallback\.language/],
      [{ template: 'order_ready', language: 'en_US', bodies: [] }, /has a field "bodies"/],
    ] as const)
      expect((await post({ ...toLee, fallback }, 'order-4')).body.error?.message).to.match(problem);
    const unfit = await post({ ...toLee, fallback: { template: 'order_status', language: 'en_US' } }, 'order-4');
    expect(unfit).to.deep.include({ status: 400 });
    expect(unfit.body.error).to.deep.equal({
      code: 'unfit_template',
      message: 'The template order_status (en_US) cannot be sent: its body takes 2 ({{1}}, {{2}}), but 0 are given',
    });
    const fallback = { template: 'order_status', language: 'en_US', body: ['1042', 'is ready'] };
    const accepted = await post({ ...toLee, fallback }, 'order-4');
    expect(accepted.status).to.equal(202);
    await eventually(async () => (await look(accepted.location ?? '')).body['state'] === 'sent');
    expect(meta.requests.at(-1)?.body).to.deep.include({ type: 'template' });
  });

  it('says what is wrong with a request, and sends nothing', async () => {
    const before = meta.requests.length;
    for (const [body, key, code, message] of [
      [TO_ANA, undefined, 'invalid_idempotency_key', /Idempotency-Key/],
      ['{', 'a', 'invalid_message', /the body/],
      [{ ...TO_ANA, to: {} }, 'b', 'invalid_message', /recipient/],
      [{ ...TO_ANA, to: { waId: 'Ana' } }, 'c', 'invalid_message', /to\.waId: is not a phone number/],
      [{ ...TO_ANA, content: { type: 'text', text: '' } }, 'd', 'invalid_message', /1 to 4096/],
      [{ ...TO_ANA, extra: 1 }, 'e', 'invalid_message', /extra/],
    ] as const) {
      const { status, body: answer } = await post(body, key);
      expect(status, String(message)).to.equal(400);
      expect(answer.error?.code).to.equal(code);
      expect(answer.error?.message).to.match(message);
    }
    expect(meta.requests).to.have.length(before);
  });

  it('knows no message by an id that is none, whatever is in it', async () => {
    for (const id of ['00000000-0000-4000-8000-000000000000', '1', '%00', 'a%00b', 'x'.repeat(5_000), '%F0%9F%92%A9']) {
      const { status, body } = await look(`/api/messages/${id}`);
      expect([status, (body['error'] as { code: string }).code], id).to.deep.equal([404, 'not_found']);
    }
    for (const path of ['%', '%zz', '%ED%A0%80'])
      expect((await fetch(`${service.url}/api/messages/${path}`)).status, path).to.equal(404);
  });

  it('lets nobody in without the token, and has no such address without one', async () => {
    for (const token of ['', 'x', `${TOKEN}x`, TOKEN.slice(1)])
      expect((await post(TO_ANA, 'order-3', token)).status, token).to.equal(401);
    expect((await fetch(`${service.url}/api/messages/1`)).status).to.equal(401);
    const BOT = 'tests/fixtures/bots/greeting.ts';
    const result = readConfig({ ...meta.env, STORE: 'memory', PORT: '0', LOG_LEVEL: 'error', BOT });
    if ('problems' in result) throw new Error('problems');
    const closed = await startService(result.config);
    await closed.prepared;
    expect((await fetch(`${closed.url}/api/messages`, { method: 'POST' })).status).to.equal(404);
    await closed.stop();
  });
});
