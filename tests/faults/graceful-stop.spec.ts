import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { barMs, isLong, report, rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from '../system/webhook-client.ts';
import { ReverseProxy } from './reverse-proxy.ts';
import { SteadySender } from './steady-sender.ts';
import { brokenPromises, KEPT, sql } from './stored.ts';

const STOP_LIMIT_MS = 25_000;
/** Less than even load balancers are given to notice. */
const SECOND_SIGNAL_LIMIT_MS = barMs(1_000);
const PATIENCE_MS = 30_000;

describe('A service in production that is told to stop', function () {
  this.timeout(240_000);

  let folder: string;
  let database: TestDatabase;
  let started: ServiceProcess[];
  before(startPostgres);
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-stop-'));
    database = await testDatabase();
    started = [];
  });
  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (bot: string, env: Readonly<Record<string, string>> = {}) => {
    const running = await ServiceProcess.start({
      ...{ NODE_ENV: 'production', STORE: 'postgres', DATABASE_URL: database.url, BOT: `tests/fixtures/bots/${bot}` },
      ...{ LEDGER: join(folder, 'ledger'), WHATSAPP_API_URL: 'http://127.0.0.1:9/v25.0' },
      ...env,
    });
    started.push(running.service);
    return running;
  };
  const stop = async (service: ServiceProcess) => {
    const startedMs = performance.now();
    expect(await service.stop()).to.equal(0);
    return performance.now() - startedMs;
  };
  /** What the services say of webhooks that they refused. */
  const why = ({ statuses }: SteadySender) => {
    const lines = started.flatMap(({ stdout }) => stdout.split('\n'));
    return [JSON.stringify(statuses), ...lines.filter((line) => line.includes('"level":"warn"'))].join('\n');
  };
  /** How often messages were begun and failed. */
  const attempts = () =>
    sql(database.url, 'SELECT DISTINCT state, claims, failures FROM wahook.inbox ORDER BY 1, 2, 3');

  it('answers every webhook with 200 behind a load balancer, and no message is begun twice', async () => {
    const proxy = await ReverseProxy.open();
    const [web, worker] = [{ ROLE: 'web' }, { ROLE: 'worker' }];
    const running = await Promise.all([start('leisurely.ts', web), start('leisurely.ts', web)]);
    let handling = await start('leisurely.ts', worker);
    for (const { url } of running) proxy.add(url);
    await eventually(() => proxy.healthy.length === 2, PATIENCE_MS);
    const sender = new SteadySender(proxy.url, { perSecond: 30 });
    const stopMs: number[] = [];
    for (let roll = 1; roll <= rounds(1, 20); roll += 1) {
      const [next, nextHandling] = await Promise.all([start('leisurely.ts', web), start('leisurely.ts', worker)]);
      proxy.add(next.url);
      running.push(next);
      await eventually(() => proxy.healthy.includes(next.url), PATIENCE_MS);
      const oldest = running.shift() as (typeof running)[number];
      stopMs.push(...(await Promise.all([stop(oldest.service), stop(handling.service)])));
      handling = nextHandling;
      proxy.remove(oldest.url);
    }
    await sender.stop();
    await proxy.close();
    report(
      'rolling restarts',
      `${stopMs.length}, longest stop ${Math.max(...stopMs).toFixed(0)} ms, ${JSON.stringify(sender.statuses)}`,
    );
    expect(Object.keys(sender.statuses), why(sender)).to.deep.equal(['200']);
    expect(Math.max(...stopMs)).to.be.lessThan(STOP_LIMIT_MS);
    await eventually(async () => JSON.stringify(await attempts()).match(/waiting/) === null, PATIENCE_MS);
    expect(await attempts()).to.deep.equal([{ state: 'done', claims: 1, failures: 0 }]);
    expect(await brokenPromises(database.url, sender.acked)).to.deep.equal(KEPT);
  });

  it('is not ready first, then takes no webhook, then begins no message, and lets the running one end', async () => {
    const { service, url } = await start('obedient.ts', { WORKER_CONCURRENCY: '1' });
    const ledger = join(folder, 'ledger');
    const notes = () => (existsSync(ledger) ? readFileSync(ledger, 'utf8').trimEnd().split('\n') : []);
    const say = (words: string, from: string) => deliver(url, textWebhook(`STOP-${words}`, words, from));
    expect(await say('wait', '15550100001')).to.equal(200);
    await eventually(() => notes().includes('wait begins'), PATIENCE_MS);
    service.signal('SIGTERM');
    await eventually(async () => (await fetch(`${url}/ready`)).status === 503, PATIENCE_MS);
    expect(await say('while leaving', '15550100002'), 'a webhook while load balancers do not know yet').to.equal(200);
    const isClosed = () =>
      fetch(`${url}/health`).then(
        () => false,
        () => true,
      );
    await eventually(isClosed, PATIENCE_MS);
    expect(service.hasEnded, 'ended before its message').to.equal(false);
    writeFileSync(`${ledger}.go`, '');
    expect(await service.exit()).to.equal(0);
    expect(notes()).to.deep.equal(['wait begins', 'wait ends']);
    expect(await attempts()).to.deep.equal([
      { state: 'done', claims: 1, failures: 0 },
      { state: 'waiting', claims: 0, failures: 0 },
    ]);
  });

  it('leaves a message whose handler takes too long as if it had not been begun, within 25 s', async () => {
    const { service, url } = await start('obedient.ts', { SHUTDOWN_TIMEOUT: isLong ? '25s' : '4s' });
    expect(await deliver(url, textWebhook('STOP-LONG', 'wait'))).to.equal(200);
    await eventually(() => existsSync(join(folder, 'ledger')), PATIENCE_MS);
    const stopMs = await stop(service);
    report('stopping with a handler that never ends', `${stopMs.toFixed(0)} ms`);
    expect(stopMs).to.be.lessThan(STOP_LIMIT_MS);
    expect(await attempts()).to.deep.equal([{ state: 'waiting', claims: 0, failures: 0 }]);
  });

  it('ends at once at the second signal', async () => {
    const { service, url } = await start('obedient.ts');
    expect(await deliver(url, textWebhook('STOP-TWICE', 'wait'))).to.equal(200);
    service.signal('SIGTERM');
    await eventually(async () => (await fetch(`${url}/ready`)).status === 503, PATIENCE_MS);
    const startedMs = performance.now();
    service.signal('SIGTERM');
    expect(await service.exit()).to.equal(1);
    expect(performance.now() - startedMs).to.be.lessThan(SECOND_SIGNAL_LIMIT_MS);
  });
});
