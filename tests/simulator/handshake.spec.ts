import { expect } from 'chai';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { rejection } from './rejection.ts';
import { ServiceDouble } from './service-double.ts';

describe('Handshake', () => {
  let service: ServiceDouble;
  let meta: Simulator;
  beforeEach(async () => {
    service = await ServiceDouble.open();
    meta = await createSimulator({ webhookTimeoutMs: 100 });
  });
  afterEach(async () => {
    await meta.close();
    await service.close();
  });

  /** Answers the challenge, changed by `change`. */
  function echo({ status = 200, type = 'text/plain', change = (challenge: string) => challenge } = {}): void {
    service.answer = ({ url }, response) => {
      const challenge = new URL(url, service.url).searchParams.get('hub.challenge') ?? '';
      response.writeHead(status, type === '' ? {} : { 'content-type': type }).end(change(challenge));
    };
  }

  it('asks with mode, challenge and verify token, without a signature, and points the webhooks to the URL', async () => {
    echo();
    const handshake = await meta.subscribe(`${service.url}?tenant=7`);

    expect(handshake).to.deep.include({ ok: true, contentType: 'text/plain', warnings: [] });
    const { method, url, headers } = service.requests[0]!;
    const query = new URL(url, service.url).searchParams;
    expect(method).to.equal('GET');
    expect(query.get('tenant')).to.equal('7');
    expect(query.get('hub.mode')).to.equal('subscribe');
    expect(query.get('hub.verify_token')).to.equal(meta.business.verifyToken);
    expect(query.get('hub.challenge')).to.match(/^\d{10}$/);
    expect(headers).not.to.have.property('x-hub-signature-256');
    service.answer = (_request, response) => response.end();
    await meta.sendWebhook('{}').acknowledged();
    expect(service.requests).to.have.lengthOf(2);
  });

  it('asks with another challenge each time', async () => {
    echo();
    await meta.subscribe(service.url);
    await meta.subscribe();
    const [first, second] = service.requests.map(({ url }) =>
      new URL(url, service.url).searchParams.get('hub.challenge'),
    );
    expect(first).not.to.equal(second);
  });

  const refusals: Readonly<Record<string, readonly [Parameters<typeof echo>[0], string]>> = {
    'another status than 200': [{ status: 403 }, 'status 403 instead of 200'],
    'status 201': [{ status: 201 }, 'status 201 instead of 200'],
    'a line break after the challenge': [{ change: (challenge) => `${challenge}\n` }, 'not exactly the challenge'],
    'a challenge in quotes': [{ change: (challenge) => JSON.stringify(challenge) }, 'not exactly the challenge'],
    'an empty body': [{ change: () => '' }, 'not exactly the challenge'],
  };
  for (const [name, [answer, reason]] of Object.entries(refusals))
    it(`refuses ${name} in the dashboard's words and says why`, async () => {
      echo(answer);
      const handshake = await meta.subscribe(service.url);
      expect(handshake).to.have.property('ok', false);
      expect(handshake).to.have.property('reason').that.contains(reason);
      expect(handshake).to.have.property('message').that.contains("couldn't be validated");
      expect(await rejection(meta.subscribe())).to.include({ code: 'no_webhook_url' });
    });

  it('refuses a service that does not answer', async () => {
    service.answer = () => undefined;
    expect(await meta.subscribe(service.url))
      .to.have.property('reason')
      .that.contains('no answer');
    await service.close();
    expect(await meta.subscribe('http://127.0.0.1:1/'))
      .to.have.property('reason')
      .that.contains('no answer');
    service = await ServiceDouble.open();
  });

  it('is broken off by a reset', async () => {
    service.answer = () => undefined;
    const handshake = meta.subscribe(service.url);
    await service.received(1);
    meta.reset();
    expect(await handshake)
      .to.have.property('reason')
      .that.contains('aborted');
  });

  for (const url of ['localhost:3000/webhook', 'ftp://127.0.0.1/', ''])
    it(`does not even try "${url}"`, async () => {
      expect(await rejection(meta.subscribe(url))).to.include({ code: 'invalid' });
      expect(await rejection(createSimulator({ webhookUrl: url }))).to.include({ code: 'invalid' });
    });

  it('warns of an echo that a browser takes for HTML', async () => {
    echo({ type: 'text/html; charset=utf-8' });
    const handshake = await meta.subscribe(service.url);
    expect(handshake.ok && handshake.warnings[0]).to.contain('text/html; charset=utf-8');
    echo({ type: '' });
    const untyped = await meta.subscribe(service.url);
    expect(untyped.ok && untyped.warnings[0]).to.contain('no content type');
  });
});
