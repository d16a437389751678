import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express, { type Express } from 'express';
import { defineBot } from 'wahook';
import { createWahook, type Wahook } from 'wahook/express';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { rejection } from '../simulator/rejection.ts';

const TOKEN = 'f'.repeat(32);

const bot = defineBot((builder) => {
  builder.on('message.text', (ctx) => ctx.reply.text(`You said: ${ctx.text}`));
});

describe('In an Express app that exists', function () {
  this.timeout(30_000);
  let meta: Simulator;
  let wahook: Wahook;
  const servers: Server[] = [];

  beforeEach(async () => {
    meta = await createSimulator({ retryDelaysMs: [] });
    const env = { ...meta.env, STORE: 'memory', LOG_LEVEL: 'error', LOG_FORMAT: 'json', API_TOKEN: TOKEN };
    wahook = await createWahook({ env, bot });
  });

  afterEach(async () => {
    await wahook.stop();
    await meta.close();
    for (const server of servers.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
  });

  async function serve(app: Express): Promise<string> {
    app.post('/orders', (request, response) => {
      response.json({ ordered: (request.body as { thing: string }).thing });
    });
    const server = app.listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const order = async (url: string) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/orders`, { method: 'POST', headers, body: '{"thing":"tea"}' });
    return (await response.json()) as object;
  };

  it('works before express.json(), under any path, and leaves all other routes to the app', async () => {
    const app = express();
    app.use('/wa', wahook.router);
    app.use(express.json());
    const url = await serve(app);
    expect(await wahook.ready()).to.deep.equal({ ready: false, checks: { start: 'not_started' } });
    await wahook.start();
    expect(await wahook.ready()).to.deep.include({ ready: true });
    expect((await meta.subscribe(`${url}/wa/webhook/whatsapp`)).ok).to.equal(true);
    expect((await meta.customer('ana').says('hi').reply()).text).to.equal('You said: hi');
    const sent = await fetch(`${url}/wa/api/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'idempotency-key': '1' },
      body: JSON.stringify({ to: { waId: meta.customer('ana').waId }, content: { type: 'text', text: 'News' } }),
    });
    expect(sent.status).to.equal(202);
    expect(await order(url)).to.deep.equal({ ordered: 'tea' });
    expect((await fetch(`${url}/health`)).status, 'not ours here').to.equal(404);
    expect((await wahook.metrics()).text).to.contain('wahook_webhook_requests_total');
  });

  it('says at the first request that a body parser stands before it, instead of refusing every signature', async () => {
    const app = express();
    app.use(express.json());
    app.use(wahook.router);
    const url = await serve(app);
    await wahook.start();
    expect((await meta.subscribe(`${url}/webhook/whatsapp`)).ok).to.equal(true);
    const { webhook } = meta.customer('ana').says('hi');
    await rejection(meta.sendWebhook('{}').acknowledged());
    expect(webhook.deliveries.map(({ status }) => status)).to.deep.equal([500]);
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/webhook/whatsapp`, { method: 'POST', headers, body: '{}' });
    expect(await answer.text()).to.match(
      /has read the body of this request before wahook could.*app\.use\(wahook\.router\)/,
    );
  });

  it('takes nothing after a stop, and adds no listener for signals', async () => {
    const listeners = ['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection', 'exit'].map((name) =>
      process.listenerCount(name),
    );
    const app = express();
    app.use(wahook.router);
    const url = await serve(app);
    await wahook.start();
    await meta.subscribe(`${url}/webhook/whatsapp`);
    await Promise.all([wahook.stop(), wahook.stop()]);
    const { webhook } = meta.customer('ana').says('hi');
    while (webhook.deliveries.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(webhook.deliveries[0]?.status).to.equal(503);
    const after = ['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection', 'exit'].map((name) =>
      process.listenerCount(name),
    );
    expect(after).to.deep.equal(listeners);
  });

  it('names every setting that is wrong', async () => {
    const error = await rejection(createWahook({ env: { STORE: 'memory', API_TOKEN: 'short' }, bot }));
    expect(error).to.have.property('code', 'invalid_config');
    expect(error.message).to.contain('WHATSAPP_ACCESS_TOKEN is not set').and.contain('API_TOKEN is shorter');
  });
});
