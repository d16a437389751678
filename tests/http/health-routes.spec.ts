import { expect } from 'chai';
import { CachedReadiness, type Readiness } from '../../src/http/readiness.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { closeApps, openApp } from './open-app.ts';

const READY: Readiness = { ready: true, role: 'all', store: 'postgres', durable: true, checks: { storage: 'ok' } };
const NOT_READY: Readiness = { ...READY, ready: false, checks: { storage: 'read_only' } };

describe('/health', () => {
  afterEach(closeApps);

  it('says that the process lives, whatever the store does', async () => {
    let probed = 0;
    const app = await openApp({
      probe: () => {
        probed += 1;
        return Promise.reject(new Error('down'));
      },
    });
    const response = await fetch(`${app.url}/health`);
    expect(response.status).to.equal(200);
    expect(response.headers.get('Content-Type')).to.equal('application/json; charset=utf-8');
    expect(await response.json()).to.deep.equal({ status: 'ok' });
    expect(probed).to.equal(0);
  });

  it('goes on saying so while the process leaves: nobody shall restart it for that', async () => {
    const app = await openApp();
    app.server.drain();
    const response = await fetch(`${app.url}/health`);
    expect(response.status).to.equal(200);
    expect(response.headers.get('Connection')).to.equal('close');
  });

  it('answers HEAD without a body', async () => {
    const app = await openApp();
    const response = await fetch(`${app.url}/health`, { method: 'HEAD' });
    expect(response.status).to.equal(200);
    expect(await response.text()).to.equal('');
  });
});

describe('/ready', () => {
  afterEach(closeApps);

  it('is 200 with what was looked at when all is well', async () => {
    const app = await openApp({ probe: async () => READY });
    const response = await fetch(`${app.url}/ready`);
    expect(response.status).to.equal(200);
    expect(await response.json()).to.deep.equal(READY);
    expect(response.headers.get('Cache-Control')).to.equal('no-store');
  });

  it('is 503 with the reason when it is not', async () => {
    const app = await openApp({ probe: async () => NOT_READY });
    const response = await fetch(`${app.url}/ready`);
    expect(response.status).to.equal(503);
    expect(await response.json()).to.deep.equal(NOT_READY);
  });

  it('is 503 while the process leaves, without asking the store, and webhooks are still taken', async () => {
    let probed = 0;
    const app = await openApp({
      probe: async () => {
        probed += 1;
        return READY;
      },
    });
    app.server.drain();
    const response = await fetch(`${app.url}/ready`);
    expect(response.status).to.equal(503);
    expect(await response.json()).to.deep.equal({ ready: false, checks: { traffic: 'draining' } });
    expect(probed).to.equal(0);
    expect((await fetch(`${app.url}/webhook/whatsapp`, { method: 'POST' })).status).to.equal(401);
  });
});

describe('/metrics', () => {
  afterEach(closeApps);

  it('is what the metrics say, with their content type', async () => {
    const app = await openApp({
      metricsPage: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    });
    const response = await fetch(`${app.url}/metrics`);
    expect(response.status).to.equal(200);
    expect(response.headers.get('Content-Type')).to.equal('text/plain; version=0.0.4');
    expect(await response.text()).to.equal('up 1\n');
  });
});

describe('Readiness', () => {
  it('is asked once for many who want to know at the same time', async () => {
    let probed = 0;
    const readiness = new CachedReadiness(async () => {
      probed += 1;
      return READY;
    }, TIME_LIMITS.readiness);
    const answers = await Promise.all(Array.from({ length: 20 }, () => readiness.current()));
    expect(answers).to.deep.equal(Array.from({ length: 20 }, () => READY));
    await readiness.current();
    expect(probed).to.equal(1);
  });

  it('is asked anew when the answer has become old', async () => {
    const answers = [READY, NOT_READY];
    const readiness = new CachedReadiness(async () => answers.shift()!, { cacheMs: 0, limitMs: 1_000 });
    expect(await readiness.current()).to.equal(READY);
    expect(await readiness.current()).to.equal(NOT_READY);
  });

  for (const [name, probe] of [
    ['rejects', () => Promise.reject(new Error('canary'))],
    [
      'throws',
      () => {
        throw new Error('canary');
      },
    ],
  ] as const)
    it(`is denied, with no word of the error, when the probe ${name}, and recovers`, async () => {
      let healthy = false;
      const readiness = new CachedReadiness(() => (healthy ? Promise.resolve(READY) : probe()), {
        cacheMs: 0,
        limitMs: 1_000,
      });
      expect(await readiness.current()).to.deep.equal({ ready: false, checks: { probe: 'failed' } });
      healthy = true;
      expect(await readiness.current()).to.equal(READY);
    });

  it('is denied in time when the probe hangs, and recovers', async () => {
    let hangs = true;
    const readiness = new CachedReadiness(() => (hangs ? new Promise(() => {}) : Promise.resolve(READY)), {
      cacheMs: 0,
      limitMs: 10,
    });
    expect(await readiness.current()).to.deep.equal({ ready: false, checks: { probe: 'timeout' } });
    hangs = false;
    expect(await readiness.current()).to.equal(READY);
  });

  it('takes no harm from a probe that fails after its time', async () => {
    const late = Promise.withResolvers<Readiness>();
    const readiness = new CachedReadiness(() => late.promise, { cacheMs: 1_000, limitMs: 5 });
    const denied = await readiness.current();
    late.reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await readiness.current()).to.equal(denied);
  });
});
