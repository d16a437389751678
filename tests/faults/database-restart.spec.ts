import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { barMs, report, rounds } from '../support/extent.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { percentile, SteadySender } from './steady-sender.ts';
import { brokenPromises, KEPT } from './stored.ts';

const BACK_WITHIN_MS = barMs(1_000);

/** The moment at which a connection that came up was asked for. */
async function acceptsConnections(url: string): Promise<number> {
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on('error', () => {});
    const askedMs = performance.now();
    const isUp = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => {});
    if (isUp) return askedMs;
    await pause(3);
  }
}

describe('A database that crashes under load and comes back', function () {
  this.timeout(240_000);

  let server: PostgresServer;
  let service: ServiceProcess;
  let url: string;
  before(async () => {
    server = await startPostgresServer();
    ({ service, url } = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL: server.url, ROLE: 'web' }));
  });
  after(async () => {
    service.signal('SIGKILL');
    await service.exit();
    await server.stop();
  });

  it('has its first webhook within a second, and everything that was acknowledged; the process stays', async () => {
    const { pid } = service;
    const sender = new SteadySender(url, { perSecond: 150 });
    await eventually(() => sender.acked.length > 50);
    const backMs: number[] = [];
    for (let round = 1; round <= rounds(3, 50); round += 1) {
      await server.crash();
      const refused = sender.deliveries.length;
      await eventually(() => sender.deliveries.slice(refused).some(({ status }) => status === 503));
      const up = acceptsConnections(server.url);
      await server.restart();
      const upMs = await up;
      const isBack = () => sender.deliveries.find(({ startedMs, status }) => status === 200 && startedMs >= upMs);
      await eventually(() => isBack() !== undefined);
      backMs.push((isBack()?.endedMs ?? Number.NaN) - upMs);
    }
    await sender.stop();
    report(
      'Postgres accepts connections → first 200',
      `${backMs.length} crashes, p50 ${percentile(backMs, 0.5).toFixed(0)} ms, max ${Math.max(...backMs).toFixed(0)} ms`,
    );
    expect(Math.max(...backMs), String(backMs)).to.be.lessThan(BACK_WITHIN_MS);
    expect(Object.keys(sender.statuses), JSON.stringify(sender.statuses)).to.deep.equal(['200', '503']);
    expect(await brokenPromises(server.url, sender.acked)).to.deep.equal(KEPT);
    expect(service.hasEnded).to.equal(false);
    expect(service.pid).to.equal(pid);
  });
});
