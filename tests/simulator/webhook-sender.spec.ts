import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { MODEL_RETRY_DELAYS_MS } from '../../src/simulator/webhook-sender.ts';
import { rejection } from './rejection.ts';
import { ServiceDouble } from './service-double.ts';
import { SPACED_VECTOR, WIRE_VECTORS } from './wire-vectors.ts';

describe('Webhook sender', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  async function open(options: SimulatorOptions = {}): Promise<void> {
    meta = await createSimulator({ webhookUrl: service.url, ...options });
  }

  for (const { name, body, appSecret, signature } of [...WIRE_VECTORS, SPACED_VECTOR])
    it(`delivers a body byte for byte under the known signature: ${name}`, async () => {
      await open({ appSecret });
      await meta.sendWebhook(body).acknowledged();
      const [request] = service.requests;
      expect(request?.body.toString('latin1')).to.equal(body);
      expect(request?.headers['x-hub-signature-256']).to.equal(signature);
    });

  it('delivers bytes that are no text as they are', async () => {
    await open();
    const bytes = Uint8Array.of(0, 255, 0xd8, 10);
    await meta.sendWebhook(bytes).acknowledged();
    const { body, headers } = service.requests[0]!;
    expect([...body]).to.deep.equal([...bytes]);
    const hmac = createHmac('sha256', meta.business.appSecret).update(bytes).digest('hex');
    expect(headers['x-hub-signature-256']).to.equal(`sha256=${hmac}`);
  });

  it('writes an object in the wire form', async () => {
    await open();
    await meta.sendWebhook({ object: 'page', note: 'é/' }).acknowledged();
    expect(service.requests[0]?.body.toString()).to.equal(String.raw`{"object":"page","note":"\u00e9\/"}`);
  });

  it('sends the headers of Meta and no others', async () => {
    await open();
    await meta.sendWebhook('{}').acknowledged();
    const { method, headers } = service.requests[0]!;
    expect(method).to.equal('POST');
    expect(headers).to.include({
      'content-type': 'application/json',
      'user-agent': 'facebookexternalua',
      'content-length': '2',
    });
    expect(Object.keys(headers).sort()).to.deep.equal([
      'accept',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'x-hub-signature-256',
    ]);
  });

  it('delivers again after 503 until it gets 200, the same bytes, and records every delivery', async () => {
    await open({ retryDelaysMs: [1, 2, 3] });
    service.answerInTurn(503, 503);
    const webhook = await meta.sendWebhook('{"a":1}').acknowledged();
    expect(webhook.deliveries.map(({ status }) => status)).to.deep.equal([503, 503, 200]);
    for (const { ms } of webhook.deliveries) expect(ms).to.be.within(0, 5_000);
    expect(new Set(service.requests.map(({ body }) => body.toString()))).to.deep.equal(new Set(['{"a":1}']));
  });

  for (const status of [201, 204, 302, 400, 401, 500])
    it(`takes ${status} for a failure`, async () => {
      await open({ retryDelaysMs: [1] });
      service.answerInTurn(status);
      const webhook = await meta.sendWebhook('{}').acknowledged();
      expect(webhook.deliveries.map((delivery) => delivery.status)).to.deep.equal([status, 200]);
    });

  it('takes a broken connection and silence for failures', async () => {
    await open({ retryDelaysMs: [1, 1], webhookTimeoutMs: 60 });
    service.answer = (_request, response) => {
      if (service.requests.length === 1) response.destroy();
      if (service.requests.length === 3) response.end();
    };
    const webhook = await meta.sendWebhook('{}').acknowledged();
    expect(webhook.deliveries.map(({ status }) => status)).to.deep.equal([undefined, undefined, 200]);
    expect(webhook.deliveries[0]?.error).to.contain('socket hang up');
    expect(webhook.deliveries[1]?.error).to.contain('no answer within 60 ms');
  });

  it('gives up when the schedule ends', async () => {
    await open({ retryDelaysMs: [1, 1] });
    service.answerInTurn(503, 503, 503);
    const error = await rejection(meta.sendWebhook('{}').acknowledged());
    expect(error).to.include({ name: 'SimulatorError', code: 'given_up' });
    expect(error.message).to.contain('503, 503, 503');
    expect(meta.webhooks[0]?.state).to.equal('given_up');
  });

  it('tells who waits in vain what came', async () => {
    await open({ retryDelaysMs: [60_000] });
    service.answerInTurn(503);
    const sent = meta.sendWebhook('{}');
    await service.received(1);
    const error = await rejection(sent.acknowledged(50));
    expect(error).to.include({ code: 'timeout' });
    expect(error.message).to.contain('no acknowledgement. Deliveries: 503');
  });

  it('delivers side by side, as many as there are', async () => {
    await open();
    const open30 = Promise.withResolvers<void>();
    service.answer = (_request, response) => {
      if (service.requests.length === 30) open30.resolve();
      void open30.promise.then(() => response.end());
    };
    const sent = Array.from({ length: 30 }, (_, index) => meta.sendWebhook({ index }));
    await Promise.all(sent.map((one) => one.acknowledged()));
    expect(service.requests).to.have.lengthOf(30);
  });

  it('refuses to send to nobody', async () => {
    meta = await createSimulator();
    expect(() => meta.sendWebhook('{}'))
      .to.throw()
      .that.includes({ code: 'no_webhook_url' });
  });

  it('has by default a growing schedule that ends within 7 days', () => {
    const sumMs = MODEL_RETRY_DELAYS_MS.reduce((sum, gapMs) => sum + gapMs, 0);
    expect(sumMs / 86_400_000).to.be.within(6.5, 7);
    expect([...MODEL_RETRY_DELAYS_MS].sort((a, b) => a - b)).to.deep.equal(MODEL_RETRY_DELAYS_MS);
  });
});
