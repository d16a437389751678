import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { post, textTo } from './graph-client.ts';
import { rejection } from './rejection.ts';
import { ServiceDouble } from './service-double.ts';

const ANA = '+15550100001';

describe('Faults', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
    const statusDelaysMs = { sent: 1, delivered: 'never', read: 'never' } as const;
    meta = await createSimulator({ webhookUrl: service.url, statusDelaysMs });
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  describe('of the Graph API', () => {
    it("answer the next call with an error in Meta's envelope, then nothing more", async () => {
      const armed = meta.faults.arm({ on: 'graph', do: 'error', code: 131056 });
      const { status, body } = await post(meta, textTo(ANA));
      expect(status).to.equal(400);
      expect(body.error?.message).to.equal('(#131056) (Business Account, Consumer Account) pair rate limit hit');
      expect((await post(meta, textTo(ANA))).status).to.equal(200);
      expect(armed).to.include({ fired: 1, remaining: 0, summary: 'error 131056 on the next 1 graph' });
      expect(meta.requests.map(({ fault }) => fault)).to.deep.equal(['error', undefined]);
    });

    it('may give status, details and subcode of their own, and codes without a known title', async () => {
      meta.faults.arm({ on: 'graph', do: 'error', code: 7777777, status: 429, details: 'Slow down', subcode: 5 });
      const { status, body } = await post(meta, textTo(ANA));
      expect(status).to.equal(429);
      expect(body.error).to.include({ code: 7777777, error_subcode: 5, message: '(#7777777) Error' });
      expect(body.error?.error_data?.details).to.equal('Slow down');
    });

    it('answer with any status and body', async () => {
      meta.faults.arm({ on: 'graph', do: 'answer', status: 502, body: '<html>Bad Gateway</html>' });
      const response = await fetch(`${meta.apiUrl}/${meta.business.phoneNumberId}/messages`, { method: 'POST' });
      expect(response.status).to.equal(502);
      expect(response.headers.get('content-type')).to.contain('text/html');
      expect(await response.text()).to.equal('<html>Bad Gateway</html>');
      expect(meta.requests[0]?.answer).to.deep.equal({ status: 502, body: '<html>Bad Gateway</html>' });
    });

    for (const [deed, accepted] of [
      ['timeout', false],
      ['accept_then_timeout', true],
    ] as const)
      it(`leave a call without answer: ${deed}`, async () => {
        meta.faults.arm({ on: 'graph', do: deed });
        const gone = rejection(send(AbortSignal.timeout(80)));
        if (accepted) await service.received(1);
        expect((await gone).name).to.equal('TimeoutError');
        expect(meta.transcript).to.have.lengthOf(accepted ? 1 : 0);
        expect(meta.requests[0]).to.deep.include({ fault: deed, answer: { status: null, body: null } });
        expect((await post(meta, textTo(ANA))).status).to.equal(200);
      });

    for (const [deed, accepted] of [
      ['reset', false],
      ['accept_then_reset', true],
    ] as const)
      it(`reset the connection: ${deed}`, async () => {
        meta.faults.arm({ on: 'graph', do: deed });
        const error = await rejection(send());
        expect(error.cause).to.have.property('code', 'ECONNRESET');
        expect(meta.transcript).to.have.lengthOf(accepted ? 1 : 0);
        if (accepted) await service.received(1);
      });

    it('strike only what they match', async () => {
      meta.faults.arm({
        on: 'graph',
        do: 'error',
        code: 2,
        match: { kind: 'message', customer: 'kim' },
        for: 'always',
      });
      meta.faults.arm({ on: 'graph', do: 'error', code: 4, match: { type: 'image' } });
      const toKim = { messaging_product: 'whatsapp', recipient: meta.customer('kim').userId, text: { body: 'Hi' } };
      const receipt = { messaging_product: 'whatsapp', status: 'read', message_id: 'wamid.x' };
      const codes = [];
      for (const request of [
        textTo(ANA),
        receipt,
        toKim,
        toKim,
        'no JSON',
        textTo(ANA, 'Hi', { type: 'image' }),
        textTo('x'),
      ])
        codes.push((await post(meta, request)).body.error?.code);
      expect(codes).to.deep.equal([undefined, undefined, 2, 2, 100, 4, 131009]);
    });

    it('strike as often as they are told, until cleared', async () => {
      const { id } = meta.faults.arm({ on: 'graph', do: 'error', code: 2, for: { next: 2 } });
      const status = async (): Promise<number> => (await post(meta, textTo(ANA))).status;
      expect([await status(), await status(), await status()]).to.deep.equal([503, 503, 200]);
      meta.faults.arm({ on: 'graph', do: 'error', code: 2, for: 'always' });
      expect([await status(), await status()]).to.deep.equal([503, 503]);
      expect(meta.faults.clear(id)).to.equal(true);
      expect(meta.faults.clear('f_0')).to.equal(false);
      expect(await status()).to.equal(503);
      meta.faults.clear();
      expect(await status()).to.equal(200);
      expect(meta.faults.list()).to.deep.equal([]);
    });

    async function send(signal?: AbortSignal): Promise<Response> {
      return await fetch(`${meta.apiUrl}/${meta.business.phoneNumberId}/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${meta.business.accessToken}` },
        body: JSON.stringify(textTo(ANA)),
        ...(signal && { signal }),
      });
    }
  });

  describe('of webhooks', () => {
    it('deliver the same webhook several times, side by side', async () => {
      meta.faults.arm({ on: 'webhook', do: 'duplicate', times: 2, match: { kind: 'message', customer: 'ana' } });
      await meta.customer('kim').says('not me').acknowledged();
      const webhook = await meta.customer('ana').says('hi').acknowledged();
      expect(webhook.deliveries.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
      expect(service.requests).to.have.lengthOf(4);
      expect(new Set(service.requests.slice(1).map(({ body }) => body.toString()))).to.have.lengthOf(1);
      expect(meta.faults.list()[0]?.summary).to.equal('duplicate ×2 on the next 1 webhook (message of ana)');
    });

    it('deliver the copies with a gap, and each until it is acknowledged', async () => {
      service.answerInTurn(503, 200, 503);
      await meta.close();
      meta = await createSimulator({ webhookUrl: service.url, retryDelaysMs: [1] });
      meta.faults.arm({ on: 'webhook', do: 'duplicate', times: 1, gapMs: 30, for: 'always' });
      const webhook = await meta.customer('ana').says('hi').acknowledged();
      expect(webhook.deliveries.map(({ status }) => status)).to.deep.equal([503, 200, 503, 200]);
      const [first, , third] = webhook.deliveries;
      expect((third?.atMs ?? 0) - (first?.atMs ?? 0)).to.be.at.least(25);
    });
  });
});
