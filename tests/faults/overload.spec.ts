import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { barMs, isLong, report, rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { LoadProcess } from './load.ts';
import { percentile } from './steady-sender.ts';

const FACTOR = 5;
const ACCEPTED_LIMIT_MS = barMs(1_000);
const REFUSED_LIMIT_MS = barMs(100);
const OPENING_LIMIT_MS = barMs(2_000);
/** A container of 512 MB holds what 1,000 webhooks of this size, the libraries and the garbage of 8,000 refusals a second take together. */
const MEMORY_LIMIT_MB = 450;

/** Enough that storing them, and not receiving them, is what takes the time. */
const MESSAGES_PER_WEBHOOK = 20;

interface Slowness {
  readonly name: string;
  readonly delayMs: Parameters<TcpProxy['slowDown']>[0];
  /** A calm webhook takes at least so long: the delay meets what it is meant for. */
  readonly leastMs: number;
  readonly long?: true;
}

const DATABASES: readonly Slowness[] = [
  { name: 'a fast one', delayMs: () => 0, leastMs: 0, long: true },
  {
    name: 'one that is 20 ms away',
    delayMs: (_, direction) => (direction === 'to client' ? 20 : 0),
    leastMs: 20,
    long: true,
  },
  {
    name: 'one that takes 200 ms more for each commit',
    delayMs: (text, direction) => (direction === 'to server' && text.includes('events-accept') ? 200 : 0),
    leastMs: 200,
  },
];

describe('Five times as many webhooks as the database takes', function () {
  this.timeout(120_000);

  let database: TestDatabase;
  let proxy: TcpProxy;
  let service: ServiceProcess;
  let url: string;
  let load: LoadProcess;
  before(startPostgres);
  beforeEach(async () => {
    database = await testDatabase();
    const direct = new URL(database.url);
    proxy = await TcpProxy.open(Number(direct.port));
    const DATABASE_URL = Object.assign(new URL(direct), { port: String(proxy.port) }).href;
    ({ service, url } = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL, ROLE: 'web' }));
    load = new LoadProcess();
  });
  afterEach(async () => {
    load.stop();
    service.signal('SIGKILL');
    await service.exit();
    await proxy.close();
    await database.drop();
  });

  const memoryMb = () =>
    Number(execFileSync('ps', ['-o', 'rss=', '-p', String(service.pid)], { encoding: 'utf8' })) / 1024;

  for (const { name, delayMs, leastMs, long } of DATABASES) {
    if (long && !isLong) continue;
    it(`are answered within a second or refused at once, on ${name}, and are all taken when they get fewer`, async () => {
      const each = { url, messagesPerWebhook: MESSAGES_PER_WEBHOOK };
      proxy.slowDown(delayMs);
      await load.run({ ...each, connections: 50, seconds: 1 });
      const calm = await load.run({ ...each, connections: 100, seconds: 3 });
      const capacity = calm.acceptedMs.length / 3;
      expect(Math.min(...calm.acceptedMs), 'calm').to.be.at.least(leastMs);
      let mostMb = 0;
      const watch = setInterval(() => {
        mostMb = Math.max(mostMb, memoryMb());
      }, 250);
      const seconds = rounds(4, 10);
      const opening = await load.run({ ...each, perSecond: capacity * FACTOR, seconds: 1 });
      const flood = await load.run({ ...each, perSecond: capacity * FACTOR, seconds });
      clearInterval(watch);
      const after = await load.run({ ...each, perSecond: capacity / 4, seconds: rounds(3, 6) });

      const figures = {
        capacity: Math.round(capacity),
        opening: Math.round(percentile([...opening.acceptedMs, ...opening.refusedMs], 0.99)),
        offered: Math.round(flood.perSecond),
        accepted: Math.round(flood.acceptedMs.length / seconds),
        acceptedP50: Math.round(percentile(flood.acceptedMs, 0.5)),
        acceptedP99: Math.round(percentile(flood.acceptedMs, 0.99)),
        refusedP50: Math.round(percentile(flood.refusedMs, 0.5)),
        refusedP99: Math.round(percentile(flood.refusedMs, 0.99)),
        lateP99: Math.round(flood.lateMs),
        mostMb: Math.round(mostMb),
        other: opening.other + flood.other,
        after: `${after.acceptedMs.length} taken, ${after.refusedMs.length} refused, p99 ${Math.round(percentile(after.acceptedMs, 0.99))} ms`,
      };
      report(name, JSON.stringify(figures));
      expect(flood.refusedMs.length, 'refused').to.be.greaterThan(0);
      expect(figures.other, 'neither taken nor refused').to.equal(0);
      expect(flood.acceptedMs.length / seconds, 'taken a second').to.be.greaterThan(capacity * 0.4);
      // What the sending process itself was late is not the service's.
      expect(figures.acceptedP99 - figures.lateP99, JSON.stringify(figures)).to.be.lessThan(ACCEPTED_LIMIT_MS);
      expect(figures.refusedP99 - figures.lateP99, JSON.stringify(figures)).to.be.lessThan(REFUSED_LIMIT_MS);
      // The second in which some hundred connections are opened: Node takes them one by one.
      expect(figures.opening, JSON.stringify(figures)).to.be.lessThan(OPENING_LIMIT_MS);
      expect(mostMb).to.be.lessThan(MEMORY_LIMIT_MB);
      expect([after.refusedMs.length, after.other], JSON.stringify(figures)).to.deep.equal([0, 0]);
      expect(percentile(after.acceptedMs, 0.99)).to.be.lessThan(ACCEPTED_LIMIT_MS);
    });
  }
});
