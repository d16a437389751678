import { expect } from 'chai';
import { Admission } from '../../src/http/admission.ts';
import { createApp } from '../../src/http/app.ts';
import { listen } from '../../src/http/http-server.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { RecordingLog } from '../support/recording.ts';
import { closeApps, exchange, openApp, statusesIn } from './open-app.ts';

const ready = async () => ({ ready: true, checks: {} });
const page = async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' });

const EMPTY_ANSWER = ['connection', 'content-length', 'date', 'keep-alive'];

describe('The app', () => {
  afterEach(closeApps);

  it('answers 404 without a word for everything that it does not serve', async () => {
    const app = await openApp({ probe: ready, metricsPage: page });
    const paths = [
      '/',
      '/webhook',
      '/webhook/whatsapp/x',
      '/webhook//whatsapp',
      '/admin',
      '/health/x',
      '/.env',
      '/%00',
      '/%',
    ];
    for (const path of [...paths, '/webhook/whatsapp%2f', '/../webhook/whatsapp/..', '/index.html', '/favicon.ico']) {
      const response = await fetch(app.url + path, { redirect: 'manual' });
      expect(response.status, path).to.equal(404);
      expect(await response.text(), path).to.equal('');
      expect([...response.headers.keys()].sort(), path).to.deep.equal(EMPTY_ANSWER);
    }
  });

  it('asks the store for what was sent by ids alone that it could have given', async () => {
    const asked: string[] = [];
    const api = {
      token: 'token',
      read: () => ({ problem: 'nothing is sent here' }),
      accept: async () => ({ outcome: 'busy' as const }),
      find: async (sendId: string) => void asked.push(sendId),
    };
    const { url, log } = await openApp({ api });
    const known = '0a1b2c3d-0000-8000-a000-00000000000f';
    for (const id of [known, '%00', `${known}%00`, 'a', '%zz', known.toUpperCase()]) {
      const response = await fetch(`${url}/api/messages/${id}`, { headers: { authorization: 'Bearer token' } });
      expect(response.status, id).to.equal(404);
    }
    expect(asked).to.deep.equal([known]);
    expect(log.lines).to.deep.equal([]);
  });

  it('answers 405 with the methods that there are', async () => {
    const app = await openApp({ probe: ready, metricsPage: page });
    const allowed = {
      '/webhook/whatsapp': 'GET, HEAD, POST',
      '/health': 'GET, HEAD',
      '/ready': 'GET, HEAD',
      '/metrics': 'GET, HEAD',
    };
    for (const [path, methods] of Object.entries(allowed))
      for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', ...(path.startsWith('/webhook') ? [] : ['POST'])]) {
        const response = await fetch(app.url + path, { method });
        expect(response.status, `${method} ${path}`).to.equal(405);
        expect(response.headers.get('Allow')).to.equal(methods);
        expect(await response.text()).to.equal('');
        expect([...response.headers.keys()].sort()).to.deep.equal(['allow', ...EMPTY_ANSWER]);
      }
  });

  it('does not know a method that overrides the method, nor CORS, nor TRACE', async () => {
    const app = await openApp();
    const overridden = await fetch(`${app.url}/health`, {
      headers: { 'X-HTTP-Method-Override': 'DELETE', Origin: 'https://x' },
    });
    expect(overridden.status).to.equal(200);
    expect(overridden.headers.has('Access-Control-Allow-Origin')).to.equal(false);
    const traced = await exchange(
      app.server.port,
      'TRACE /health HTTP/1.1\r\nHost: x\r\nX-A: b\r\nConnection: close\r\n\r\n',
    );
    expect(statusesIn(traced)).to.deep.equal([405]);
    expect(traced).not.to.contain('X-A');
  });

  it('has no webhook in the role of a worker', async () => {
    const app = await openApp({ withoutWebhook: true, probe: ready });
    expect((await fetch(`${app.url}/webhook/whatsapp`, { method: 'POST' })).status).to.equal(404);
    expect((await fetch(`${app.url}/health`)).status).to.equal(200);
    expect((await fetch(`${app.url}/ready`)).status).to.equal(200);
  });

  it('serves metrics and readiness only where it is told to', async () => {
    const app = await openApp();
    expect((await fetch(`${app.url}/ready`)).status).to.equal(404);
    expect((await fetch(`${app.url}/metrics`)).status).to.equal(404);
  });

  it('answers a bug with 500 and logs where it is, not what it says', async () => {
    const app = await openApp({
      metricsPage: async () => {
        throw new Error('canary-secret');
      },
    });
    const response = await fetch(`${app.url}/metrics`);
    expect(response.status).to.equal(500);
    expect(await response.text()).to.equal('');
    expect([...response.headers.keys()].sort()).to.deep.equal(EMPTY_ANSWER);
    const [line] = app.log.lines;
    expect(line?.level).to.equal('error');
    expect(line?.fields['error']).to.equal('Error');
    expect(line?.fields['at']).to.be.an('array').that.is.not.empty;
    expect(app.log.text()).to.contain('app.spec.ts').and.not.to.contain('canary-secret');
  });

  it('answers 500 also for what is thrown and no error', async () => {
    const app = await openApp({ metricsPage: () => Promise.reject('canary-text') });
    expect((await fetch(`${app.url}/metrics`)).status).to.equal(500);
    expect(app.log.lines[0]?.fields).to.deep.equal({ error: 'string' });
    expect(app.log.text()).not.to.contain('canary');
  });

  it('breaks the connection off when a bug shows after the answer has begun', async () => {
    const log = new RecordingLog();
    const admission = new Admission();
    const app = createApp({
      log,
      admission,
      metricsPage: async () => ({ contentType: 'text/plain', body: new Uint16Array(1) as unknown as string }),
    });
    const result = await listen(
      (request, response) => {
        response.write('half of ');
        app(request, response);
      },
      { host: '127.0.0.1', port: 0, admission, log, limits: TIME_LIMITS.http },
    );
    if (result.outcome !== 'listening') throw new Error('refused');
    const failure = await fetch(`${result.server.url}/metrics`)
      .then((response) => response.text())
      .catch((error) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(log.messages('error')).to.deep.equal(['A request failed unexpectedly']);
    await result.server.stop(0);
  });
});
