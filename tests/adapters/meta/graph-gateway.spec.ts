import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import { expect } from 'chai';
import type { AccessOf } from '../../../src/adapters/meta/graph-calls.ts';
import { GraphGateway } from '../../../src/adapters/meta/graph-gateway.ts';
import { requestBody } from '../../../src/adapters/meta/graph-request.ts';
import type { GraphTimeLimits } from '../../../src/adapters/meta/graph-time-limits.ts';
import type { OutboundMessage } from '../../../src/core/model.ts';
import type { OutboundContent } from '../../../src/core/outbound-content.ts';
import type { Clock } from '../../../src/core/ports/observation.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { GraphStub, type StubAnswer } from '../../support/graph-stub.ts';
import { manualClock, RecordingMetrics } from '../../support/recording.ts';

const TOKEN = 'EAAGcanaryTOKEN0123456789';

const MESSAGE: OutboundMessage = {
  sendId: 'send-1',
  phoneNumberId: '106540352242922',
  to: { waId: '15550100007' },
  content: { type: 'text', text: 'Hello' },
};

describe('GraphGateway', () => {
  let stub: GraphStub;
  let metrics: RecordingMetrics;
  let gateways: GraphGateway[];

  function open(over: Partial<GraphTimeLimits> = {}, clock?: Clock, accessOf?: AccessOf): GraphGateway {
    const gateway = new GraphGateway({
      apiUrl: stub.apiUrl,
      accessToken: TOKEN,
      metrics,
      limits: { ...TIME_LIMITS.graph, reconnectDelayMs: 1, ...over },
      ...(clock && { clock }),
      ...(accessOf && { accessOf }),
    });
    gateways.push(gateway);
    return gateway;
  }

  beforeEach(async () => {
    stub = await GraphStub.open();
    metrics = new RecordingMetrics();
    gateways = [];
  });

  afterEach(async () => {
    for (const gateway of gateways) gateway.close();
    await stub.close();
  });

  describe('the request', () => {
    it('goes to the number, as JSON, with the token in its header', async () => {
      const result = await open().send(MESSAGE);
      expect(result).to.deep.equal({ kind: 'sent', messageId: 'wamid.STUB1' });
      const { method, path, headers, body } = stub.requests[0]!;
      expect([method, path]).to.deep.equal(['POST', '/v25.0/106540352242922/messages']);
      expect(headers).to.include({ authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' });
      expect(body).to.equal(requestBody(MESSAGE));
    });

    it('keeps to its path whatever the id of the number is', async () => {
      await open().send({ ...MESSAGE, phoneNumberId: '../1?a#b' });
      expect(stub.requests[0]?.path).to.equal('/v25.0/..%2F1%3Fa%23b/messages');
    });

    it('goes with the address and the token of its number, a read receipt too', async () => {
      const second = { apiUrl: stub.apiUrl.replace('v25.0', 'v24.0'), accessToken: 'EAAGsecondTOKEN0123456789' };
      const gateway = open({}, undefined, (id) => (id === '2077' ? second : undefined));
      await gateway.send({ ...MESSAGE, phoneNumberId: '2077' });
      await gateway.markRead({ phoneNumberId: '2077', messageId: 'wamid.IN1', typing: false });
      expect(stub.requests.map(({ path, headers }) => [path, headers.authorization])).to.deep.equal(
        Array(2).fill(['/v24.0/2077/messages', `Bearer ${second.accessToken}`]),
      );
    });

    it("never leaves for a content that cannot be written in Meta's form: the message is rejected", async () => {
      const contacts = [{ name: { formatted: 'Ana' }, phones: 'none' }];
      const content = { type: 'contacts', contacts } as unknown as OutboundContent;
      const result = await open().send({ ...MESSAGE, content });
      expect(result).to.deep.equal({
        kind: 'rejected',
        reason: 'Its content is not that of a message of its type.',
      });
      expect(stub.requests).to.deep.equal([]);
    });

    it('never leaves for a number that is not in the settings: it is refused as one that is stopped', async () => {
      const gateway = open({}, undefined, () => undefined);
      const refused = { kind: 'unauthorized', reason: 'This number is not in the settings.' };
      expect(await gateway.send(MESSAGE)).to.deep.equal(refused);
      const { phoneNumberId } = MESSAGE;
      expect(await gateway.markRead({ phoneNumberId, messageId: 'wamid.IN1', typing: true })).to.deep.equal(refused);
      expect([stub.requests.length, stub.connections]).to.deep.equal([0, 0]);
    });

    it('reuses its connection, also after an error', async () => {
      stub.answerNext(
        { kind: 'sent' },
        { kind: 'error', code: 131026 },
        { kind: 'raw', status: 502, body: 'x'.repeat(99) },
      );
      const gateway = open();
      for (let sends = 0; sends < 5; sends += 1) await gateway.send(MESSAGE);
      expect([stub.requests.length, stub.connections]).to.deep.equal([5, 1]);
    });

    it('gives up a connection that was not used for a while', async () => {
      const gateway = open({ idleMs: 30 });
      await gateway.send(MESSAGE);
      await eventually(async () => (await stub.openConnections()) === 0);
      expect((await gateway.send(MESSAGE)).kind).to.equal('sent');
      expect(stub.connections).to.equal(2);
    });

    it('does not give up a connection in use because the answer takes longer than that', async () => {
      stub.answerNext({ kind: 'hang' });
      const result = await open({ idleMs: 20, totalMs: 120 }).send(MESSAGE);
      expect(result).to.have.property('reason').that.includes('time limit');
    });
  });

  describe('an answer', () => {
    it('with a message id and more that we do not know is sent', async () => {
      const body = JSON.stringify({ messages: [{ id: 'wamid.X', message_status: 'paused' }], new_field: 1 });
      stub.answerNext({ kind: 'raw', status: 200, body });
      expect(await open().send(MESSAGE)).to.deep.equal({ kind: 'sent', messageId: 'wamid.X' });
    });

    const errors: readonly [StubAnswer & { kind: 'error' }, string][] = [
      [{ kind: 'error', code: 3, status: 500 }, 'unauthorized'],
      [{ kind: 'error', code: 131045, status: 500 }, 'unauthorized'],
      [{ kind: 'error', code: 130429, status: 400 }, 'retry'],
      [{ kind: 'error', code: 131026, status: 503 }, 'rejected'],
      [{ kind: 'error', code: 131047, status: 200 }, 'window_closed'],
      [{ kind: 'error', code: 131999, status: 429 }, 'rejected'],
      [{ kind: 'error', code: 131999, status: 400, more: { is_transient: true } }, 'retry'],
    ];
    for (const [answer, kind] of errors)
      it(`with the Graph error ${answer.code} is ${kind}, though its HTTP status is ${answer.status}`, async () => {
        stub.answerNext(answer);
        expect(await open().send(MESSAGE)).to.include({ kind, code: answer.code });
        expect(stub.requests).to.have.length(1);
      });

    const unreadable: readonly [string, StubAnswer & { kind: 'raw' }][] = [
      ['the page of a proxy', { kind: 'raw', status: 502, body: '<html>Bad gateway</html>' }],
      ['nothing under 503', { kind: 'raw', status: 503, body: '' }],
      ['a message id under 500', { kind: 'raw', status: 500, body: '{"messages":[{"id":"wamid.X"}]}' }],
      ['a page under 404', { kind: 'raw', status: 404, body: '<html>Not found</html>' }],
      ['200 and no JSON', { kind: 'raw', status: 200, body: 'OK' }],
      ['200 and nothing', { kind: 'raw', status: 200, body: '' }],
      ['200 and no messages', { kind: 'raw', status: 200, body: '{}' }],
      ['200 and an empty list', { kind: 'raw', status: 200, body: '{"messages":[]}' }],
      ['200 and no id', { kind: 'raw', status: 200, body: '{"messages":[{}]}' }],
      ['200 and an empty id', { kind: 'raw', status: 200, body: '{"messages":[{"id":""}]}' }],
      ['an error of somebody else', { kind: 'raw', status: 502, body: '{"code":2,"message":"upstream"}' }],
    ];
    for (const [what, answer] of unreadable)
      it(`that is ${what} is ambiguous, and nothing is repeated`, async () => {
        stub.answerNext(answer);
        const result = await open().send(MESSAGE);
        expect(result)
          .to.include({ kind: 'ambiguous' })
          .and.have.property('reason')
          .that.includes(`HTTP ${answer.status}`);
        expect(stub.requests).to.have.length(1);
      });

    it('that never ends is not read to its end', async () => {
      stub.answerNext({
        kind: 'raw',
        status: 200,
        body: `{"messages":[{"id":"wamid.X"}],"x":"${'x'.repeat(2 ** 21)}"}`,
      });
      expect((await open().send(MESSAGE)).kind).to.equal('ambiguous');
    });

    for (const status of [301, 302, 307, 308])
      it(`that is a redirect (${status}) is not followed: the token stays here`, async () => {
        const elsewhere = await GraphStub.open();
        const headers = { location: `${elsewhere.apiUrl}/106540352242922/messages` };
        stub.answerNext({ kind: 'raw', status, headers, body: '' });
        const result = await open().send(MESSAGE);
        await elsewhere.close();
        expect(result).to.include({ kind: 'ambiguous' }).and.have.property('reason').that.includes('redirect');
        expect([stub.requests.length, elsewhere.connections]).to.deep.equal([1, 0]);
      });
  });

  describe('a request that may have left', () => {
    for (const kind of ['reset', 'reset_midway'] as const)
      it(`is ambiguous and not repeated when the connection breaks (${kind})`, async () => {
        stub.answerNext({ kind });
        const result = await open().send(MESSAGE);
        expect(result).to.include({ kind: 'ambiguous' }).and.have.property('reason').that.includes('ECONNRESET');
        expect(stub.requests).to.have.length(1);
      });

    it('is ambiguous and not repeated when a reused connection breaks', async () => {
      stub.answerNext({ kind: 'sent' }, { kind: 'reset' });
      const gateway = open();
      await gateway.send(MESSAGE);
      expect((await gateway.send(MESSAGE)).kind).to.equal('ambiguous');
      expect([stub.requests.length, stub.connections]).to.deep.equal([2, 1]);
    });

    for (const kind of ['hang', 'hang_midway'] as const)
      it(`is ambiguous and not repeated when the time is over (${kind})`, async () => {
        stub.answerNext({ kind });
        const result = await open({ totalMs: 80 }).send(MESSAGE);
        expect(result).to.include({ kind: 'ambiguous' }).and.have.property('reason').that.includes('time limit');
        expect(stub.requests).to.have.length(1);
      });

    it('is ambiguous and not repeated when the answer takes too long, though there were time to connect', async () => {
      stub.answerNext({ kind: 'hang' });
      const result = await open({ answerMs: 80 }).send(MESSAGE);
      expect(result).to.include({ kind: 'ambiguous' }).and.have.property('reason').that.includes('time limit');
      expect(stub.requests).to.have.length(1);
    });

    it('is ambiguous when the caller stops it', async () => {
      stub.answerNext({ kind: 'hang' });
      const stop = new AbortController();
      const sending = open().send(MESSAGE, stop.signal);
      await eventually(() => stub.requests.length > 0);
      stop.abort();
      expect(await sending)
        .to.include({ kind: 'ambiguous' })
        .and.have.property('reason')
        .that.includes('stopped');
    });

    it('is ambiguous when the gateway is closed', async () => {
      stub.answerNext({ kind: 'hang' });
      const gateway = open();
      const sending = gateway.send(MESSAGE);
      await eventually(() => stub.requests.length > 0);
      gateway.close();
      expect((await sending).kind).to.equal('ambiguous');
    });
  });

  it('leaves no listener on the signal of the caller', async () => {
    const { signal } = new AbortController();
    await open().send(MESSAGE, signal);
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('counts and times each send once, with a bounded label for its code', async () => {
    const clock = manualClock();
    stub.answerNext({ kind: 'sent' }, { kind: 'error', code: 210 }, { kind: 'error', code: 131999 }, { kind: 'reset' });
    const gateway = open({}, clock);
    const sends = Array.from({ length: 4 }, () => gateway.send(MESSAGE));
    clock.advance(250);
    await Promise.all(sends);
    expect(metrics.values('graph_request_duration_seconds')).to.deep.equal([0.25, 0.25, 0.25, 0.25]);
    const total = (outcome: 'sent' | 'unauthorized' | 'rejected' | 'ambiguous', error_code: string) =>
      metrics.total('graph_requests_total', { outcome, error_code });
    expect(metrics.total('graph_requests_total')).to.equal(4);
    expect(total('sent', 'none')).to.equal(1);
    expect(total('unauthorized', '200-299')).to.equal(1);
    expect(total('rejected', 'other')).to.equal(1);
    expect(total('ambiguous', 'none')).to.equal(1);
  });

  it('shows its token to nobody but Meta', async () => {
    stub.answerNext(
      { kind: 'error', code: 190, more: { message: `Bad token ${TOKEN}`, fbtrace_id: `a ${TOKEN}` } },
      { kind: 'raw', status: 502, body: TOKEN },
      { kind: 'raw', status: 302, headers: { location: `http://127.0.0.1/${TOKEN}` }, body: '' },
      { kind: 'reset' },
    );
    const gateway = open();
    const results: unknown[] = [];
    for (let sends = 0; sends < 5; sends += 1) results.push(await gateway.send(MESSAGE));
    const shown = inspect([results, metrics, gateway], { depth: null, showHidden: true });
    expect(shown).to.include('unauthorized').and.not.include(TOKEN);
    const { headers, ...rest } = stub.requests[0]!;
    expect(inspect({ ...rest, headers: { ...headers, authorization: '' } })).not.to.include(TOKEN);
  });

  describe('a read receipt', () => {
    const receipt = { phoneNumberId: '106540352242922', messageId: 'wamid.IN1', typing: false };

    it('goes to the number, with and without the sign that an answer is being written', async () => {
      const gateway = open();
      expect(await gateway.markRead(receipt)).to.deep.equal({ kind: 'marked' });
      await gateway.markRead({ ...receipt, typing: true });
      const bare = { messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.IN1' };
      expect(stub.requests.map(({ path }) => path)).to.deep.equal(Array(2).fill('/v25.0/106540352242922/messages'));
      expect(stub.requests.map(({ body }) => JSON.parse(body))).to.deep.equal([
        bare,
        { ...bare, typing_indicator: { type: 'text' } },
      ]);
      expect(stub.requests[0]?.headers).to.include({ authorization: `Bearer ${TOKEN}` });
    });

    it('is given again after whatever may pass, up to three times in all', async () => {
      stub.answerNext({ kind: 'reset' }, { kind: 'error', code: 130429 });
      expect(await open().markRead(receipt)).to.deep.equal({ kind: 'marked' });
      expect(stub.requests).to.have.length(3);
      stub.answerNext(...Array<StubAnswer>(3).fill({ kind: 'raw', status: 502, body: '<html>' }));
      expect(await open().markRead(receipt)).to.deep.include({ kind: 'ambiguous' });
      expect(stub.requests).to.have.length(6);
    });

    it('is given once if Meta refuses it', async () => {
      stub.answerNext({ kind: 'error', code: 131009 });
      expect(await open().markRead(receipt)).to.deep.include({ kind: 'rejected', code: 131009 });
      expect(stub.requests).to.have.length(1);
    });

    it('ends when the time for it is over', async () => {
      stub.answerNext(...Array<StubAnswer>(3).fill({ kind: 'hang' }));
      expect((await open({ answerMs: 20, totalMs: 100 }).markRead(receipt)).kind).to.equal('retry');
    });
  });
});
