import http from 'node:http';
import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { buttonsTo, post, textTo } from './graph-client.ts';
import { ServiceDouble } from './service-double.ts';
import { SPACED_VECTOR } from './wire-vectors.ts';

const LIST = {
  request: {
    type: 'interactive',
    interactive: {
      type: 'list',
      body: { text: 'Which one?' },
      action: {
        button: 'Look',
        sections: [
          {
            rows: [
              { id: 'r', title: 'Red' },
              { id: 'b', title: 'Blue', description: 'like the sky' },
            ],
          },
        ],
      },
    },
  },
  buttons: [],
  rows: [
    { id: 'r', title: 'Red' },
    { id: 'b', title: 'Blue', description: 'like the sky' },
  ],
};

describe('Control API', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
    const statusDelaysMs = { sent: 'never', delivered: 'never', read: 'never' } as const;
    meta = await createSimulator({
      webhookUrl: service.url,
      statusDelaysMs,
      retryDelaysMs: [1],
      appSecret: 'test_app_secret',
    });
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  interface Answer {
    readonly status: number;
    // biome-ignore lint/suspicious/noExplicitAny: specs look into JSON of any shape
    readonly body: any;
  }

  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${meta.url}/_sim${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  /** A bot that answers every message to a customer with what `reply` makes of it. */
  function answering(reply: () => object): void {
    service.answer = (_request, response) => {
      response.end();
      void post(meta, reply());
    };
  }

  it('sends a text as Ana, waits for the reply and tells all about it', async () => {
    answering(() => buttonsTo('+15550100001', ['Track', 'Talk']));
    const { status, body } = await call('POST', '/messages', { type: 'text', text: 'hi', wait: 'reply' });
    expect(status).to.equal(200);
    expect(body).to.include({ waited: 'done', webhook: 'w_1', wamid: meta.transcript[0]?.wamid });
    expect(body.deliveries).to.have.lengthOf(1);
    expect(body.deliveries[0]).to.have.all.keys('status', 'ms').and.include({ status: 200 });
    expect(body.replies).to.have.lengthOf(1);
    expect(body.replies[0]).to.deep.include({
      type: 'interactive',
      text: 'What can I do for you?',
      buttons: ['Track', 'Talk'],
    });
  });

  it('returns at once without wait, and after the acknowledgement with wait ack', async () => {
    const release = Promise.withResolvers<void>();
    service.answer = (_request, response) => void release.promise.then(() => response.end());
    const atOnce = await call('POST', '/messages', { from: 'kim', type: 'text', text: 'hi' });
    expect(atOnce.body).to.deep.include({ deliveries: [], replies: [] });
    expect(atOnce.body).not.to.have.property('waited');
    release.resolve();
    const acked = await call('POST', '/messages', { from: 'kim', type: 'text', text: 'hi', wait: 'ack' });
    expect(acked.body.deliveries[0].status).to.equal(200);
  });

  it('says what came when the reply did not', async () => {
    const { status, body } = await call('POST', '/messages', {
      type: 'text',
      text: 'hi',
      wait: 'reply',
      timeoutMs: 30,
    });
    expect(status).to.equal(200);
    expect(body).to.include({ waited: 'timeout' });
    expect(body.reason).to.contain('0 of 1 replies to ana');
    expect(body.replies).to.deep.equal([]);
    expect(body.deliveries[0].status).to.equal(200);
  });

  it('says when a webhook was given up', async () => {
    service.answer = (_request, response) => response.destroy();
    const { body } = await call('POST', '/messages', { type: 'text', text: 'hi', wait: 'ack' });
    expect(body.waited).to.equal('given_up');
    expect(body.deliveries).to.have.lengthOf(2);
    expect(body.deliveries[0]).to.include({ status: null, error: 'socket hang up' });
  });

  it('sends every kind of message', async () => {
    await post(meta, buttonsTo('+15550100001', ['Track']));
    const kinds = [
      { type: 'text', text: 'hi', replyTo: 'wamid.x' },
      { type: 'image', caption: 'look' },
      { type: 'location', latitude: -33.85, longitude: 151.2, name: 'Café' },
      { type: 'tap', title: 'Track' },
      { type: 'tap', id: 'b0' },
      { type: 'raw', message: { type: 'poll', poll: {} } },
    ];
    for (const kind of kinds) expect(await call('POST', '/messages', kind)).to.have.property('status', 200);
    const types = meta.transcript.filter(({ direction }) => direction === 'inbound').map(({ type }) => type);
    expect(types).to.deep.equal(['text', 'image', 'location', 'interactive', 'interactive', 'poll']);
  });

  const bad: Readonly<
    Record<string, readonly [method: string, path: string, body: unknown, status: number, words: string]>
  > = {
    'no JSON': ['POST', '/messages', '{', 400, 'not JSON'],
    'no object': ['POST', '/messages', '[]', 400, 'must be a JSON object'],
    'no type': ['POST', '/messages', {}, 400, 'type is missing'],
    'an unknown type': ['POST', '/messages', { type: 'poll' }, 400, 'type must be one of text, image'],
    'no text': ['POST', '/messages', { type: 'text' }, 400, 'text is missing; it must be a string'],
    'an unknown wait': [
      'POST',
      '/messages',
      { type: 'text', text: 'hi', wait: 'handled' },
      400,
      'wait must be ack or reply',
    ],
    'a negative time': [
      'POST',
      '/messages',
      { type: 'text', text: 'hi', timeoutMs: -1 },
      400,
      'timeoutMs must be a number',
    ],
    'an unknown customer': ['POST', '/messages', { from: 'bo', type: 'text', text: 'hi' }, 404, 'No customer bo'],
    'an untappable button': ['POST', '/messages', { type: 'tap', title: 'x' }, 409, 'Tappable: nothing'],
    'a raw webhook with wait reply': ['POST', '/webhooks?wait=reply', '{}', 400, 'wait for ack'],
    'a fault of nothing': ['POST', '/faults', { do: 'error' }, 400, 'on is missing'],
    'a fault that does not exist': [
      'POST',
      '/faults',
      { on: 'webhook', do: 'explode' },
      400,
      'do must be one of duplicate',
    ],
    'an error without code': ['POST', '/faults', { on: 'graph', do: 'error' }, 400, 'code is missing'],
    'a match that is none': [
      'POST',
      '/faults',
      { on: 'graph', do: 'reset', match: { kind: 'x' } },
      400,
      'kind must be one of',
    ],
    'a customer without id': ['POST', '/customers', { name: 'Bo' }, 400, 'id is missing'],
    'an unknown path': ['GET', '/clock', undefined, 404, 'No GET /clock here'],
  };
  for (const [name, [method, path, body, status, words]] of Object.entries(bad))
    it(`refuses ${name}`, async () => {
      const answer = await call(method, path, body);
      expect(answer.status).to.equal(status);
      expect(answer.body.error.message).to.contain(words);
      expect(service.requests).to.deep.equal([]);
    });

  it('refuses a message while nobody listens', async () => {
    await meta.close();
    meta = await createSimulator();
    const { status, body } = await call('POST', '/messages', { type: 'text', text: 'hi' });
    expect([status, body.error.code]).to.deep.equal([409, 'no_webhook_url']);
    expect(meta.transcript).to.deep.equal([]);
  });

  it('signs and delivers raw bytes as they are', async () => {
    const { body } = await call('POST', '/webhooks?wait=ack&timeoutMs=4000', SPACED_VECTOR.body);
    expect(body).to.include({ kind: 'raw', state: 'acknowledged', waited: 'done', body: SPACED_VECTOR.body });
    expect(body.signature).to.equal(SPACED_VECTOR.signature);
    expect(service.requests[0]?.body.toString()).to.equal(SPACED_VECTOR.body);
    const empty = await call('POST', '/webhooks');
    expect(empty.body).to.include({ body: '' });
  });

  it('shows what a customer can choose from, and lets them pick a row', async () => {
    expect((await call('GET', '/choices?customer=kim')).body).to.deep.equal({ buttons: [], rows: [] });
    expect((await call('GET', '/choices?customer=bo')).status).to.equal(404);
    const { request, buttons, rows } = LIST;
    await post(meta, { messaging_product: 'whatsapp', to: '+15550100001', ...request });
    expect((await call('GET', '/choices')).body).to.deep.equal({ text: 'Which one?', buttons, rows });
    const picked = await call('POST', '/messages', { type: 'pick', title: 'Blue' });
    expect(picked.status).to.equal(200);
    expect(meta.transcript.at(-1)).to.have.nested.property('message.interactive.list_reply.id', 'b');
  });

  it('waits also for what follows a reply closely, if asked to', async () => {
    service.answer = (_request, response) => {
      response.end();
      void (async () => {
        for (const words of ['one', 'two', 'three']) await post(meta, textTo('+15550100001', words));
      })();
    };
    const { body } = await call('POST', '/messages', { type: 'text', text: 'hi', wait: 'reply', quietMs: 500 });
    expect(body.replies.map(({ text }: { text: string }) => text)).to.deep.equal(['one', 'two', 'three']);
    expect(body.waited).to.equal('done');
  });

  it('shows the transcript, all of it or one customer or direction', async () => {
    await call('POST', '/messages', { type: 'text', text: 'hi' });
    await post(meta, textTo('+15550100001', 'Hello!'));
    await call('POST', '/messages', { from: 'kim', type: 'text', text: 'hi' });
    const show = async (query: string): Promise<readonly string[]> =>
      (await call('GET', `/messages${query}`)).body.messages.map(
        (one: { customer: string; direction: string }) => `${one.customer} ${one.direction}`,
      );
    expect(await show('')).to.deep.equal(['ana inbound', 'ana outbound', 'kim inbound']);
    expect(await show('?customer=ana')).to.deep.equal(['ana inbound', 'ana outbound']);
    expect(await show('?direction=outbound')).to.deep.equal(['ana outbound']);
  });

  it('shows Graph calls, webhooks and customers', async () => {
    await post(meta, textTo('+15550100001'));
    await call('POST', '/messages', { type: 'text', text: 'hi', wait: 'ack' });
    expect((await call('GET', '/requests')).body.requests[0]).to.deep.include({ id: 'r_1', method: 'POST' });
    const [webhook] = (await call('GET', '/webhooks')).body.webhooks;
    expect(webhook).to.include({ id: 'w_1', kind: 'message', state: 'acknowledged' });
    expect(JSON.parse(webhook.body).object).to.equal('whatsapp_business_account');
    await call('POST', '/customers', { id: 'bo', name: 'Bo', phone: '+1 555 010 0003' });
    const { customers } = (await call('GET', '/customers')).body;
    expect(customers.map(({ id }: { id: string }) => id)).to.deep.equal(['ana', 'kim', 'bo']);
  });

  it('arms, lists and clears faults of every kind', async () => {
    const faults = [
      {
        on: 'graph',
        do: 'error',
        code: 131056,
        details: 'x',
        match: { kind: 'message', customer: 'ana' },
        for: { next: 2 },
      },
      { on: 'graph', do: 'answer', status: 502, body: '<html>' },
      { on: 'graph', do: 'accept_then_timeout', for: 'always' },
      { on: 'webhook', do: 'duplicate', times: 2, gapMs: 5 },
    ];
    for (const fault of faults) {
      const armed = await call('POST', '/faults', fault);
      expect(armed.status).to.equal(201);
      expect(armed.body.fault).to.deep.equal(fault);
    }
    expect((await post(meta, textTo('+15550100001'))).body.error?.code).to.equal(131056);
    const { body } = await call('GET', '/faults');
    expect(body.faults[0]).to.include({
      id: 'f_1',
      fired: 1,
      remaining: 1,
      summary: 'error 131056 on the next 2 graph (message of ana)',
    });
    expect((await call('DELETE', '/faults/f_1')).status).to.equal(200);
    expect((await call('DELETE', '/faults/f_1')).status).to.equal(404);
    await call('DELETE', '/faults');
    expect((await call('GET', '/faults')).body.faults).to.deep.equal([]);
  });

  it('subscribes, resets and tells its health', async () => {
    service.answer = ({ url }, response) =>
      response.end(new URL(url, service.url).searchParams.get('hub.challenge') ?? 'none');
    expect((await call('POST', '/subscribe', { url: `${service.url}/2` })).body.ok).to.equal(true);
    expect((await call('POST', '/subscribe')).body.ok).to.equal(true);
    expect((await call('GET', '/health')).body).to.deep.equal({
      status: 'ok',
      phoneNumberId: '106540352242922',
      webhookUrl: `${service.url}/2`,
    });
    await post(meta, textTo('+15550100001'));
    await call('POST', '/reset');
    expect((await call('GET', '/requests')).body.requests).to.deep.equal([]);
    expect((await call('GET', '/health')).body.webhookUrl).to.equal(`${service.url}/2`);
  });

  describe('lets in', () => {
    const status = (headers: http.OutgoingHttpHeaders): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const request = http.get(`${meta.url}/_sim/health`, { headers, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on('error', reject);
      });

    for (const host of ['127.0.0.1', 'localhost:3001', '[::1]:3001'])
      it(`Host ${host}`, async () => {
        expect(await status({ host })).to.equal(200);
      });
    it('an Origin of this machine', async () => {
      expect(await status({ origin: 'http://localhost:3000' })).to.equal(200);
    });
    for (const host of ['attacker.example', 'localhost.attacker.example', '127.0.0.1@attacker.example', '0.0.0.0'])
      it(`not Host ${host}`, async () => {
        expect(await status({ host })).to.equal(403);
      });
    for (const origin of ['https://attacker.example', 'null', 'http://127.0.0.1.attacker.example'])
      it(`not Origin ${origin}`, async () => {
        expect(await status({ origin })).to.equal(403);
      });
  });
});
