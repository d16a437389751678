import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { barMs, isCi, isLong, report } from '../support/extent.ts';
import { type PostgresServer, type PostgresServerOptions, startPostgresServer } from '../support/postgres-server.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { mountSmallDisk } from '../support/small-disk.ts';
import { SteadySender } from './steady-sender.ts';
import { brokenPromises, KEPT } from './stored.ts';

/** What every webhook is promised, whatever the database does; and a second for a sender who shares the machine. */
const ANSWER_LIMIT_MS = isLong ? 4_000 : 5_000;
const READY_FLIPS_WITHIN_MS = barMs(5_000);
const HEALS_WITHIN_MS = barMs(10_000);
const PATIENCE_MS = 30_000;

describe('A database that refuses to store', function () {
  this.timeout(120_000);

  let server: PostgresServer;
  let service: ServiceProcess;
  let url: string;
  let sender: SteadySender;
  afterEach(async () => {
    await sender.stop();
    service.signal('SIGKILL');
    await service.exit();
    await server.stop();
  });

  const start = async (options: PostgresServerOptions = {}, env: Readonly<Record<string, string>> = {}) => {
    server = await startPostgresServer(options);
    const settings = { STORE: 'postgres', DATABASE_URL: server.url, ROLE: 'web', ...env };
    ({ service, url } = await ServiceProcess.start(settings));
    sender = new SteadySender(url, { perSecond: 50 });
    await eventually(() => sender.acked.length > 20);
  };
  const readiness = async () => {
    const response = await fetch(`${url}/ready`);
    await response.arrayBuffer();
    return response.status;
  };
  /** Since `sinceMs`: not a single 200, and then 503s. */
  const isRefusing = (sinceMs: number) =>
    eventually(() => {
      const since = sender.deliveries.filter(({ startedMs }) => startedMs > sinceMs);
      return since.length > 10 && since.slice(-10).every(({ status }) => status === 503);
    }, PATIENCE_MS);
  /** Takes webhooks again within its time, and has kept its word all along. */
  const heals = async (what: string) => {
    const healedMs = performance.now();
    const isBack = () => sender.deliveries.some(({ startedMs, status }) => startedMs >= healedMs && status === 200);
    await eventually(isBack, HEALS_WITHIN_MS);
    const first = sender.deliveries.find(({ startedMs, status }) => startedMs >= healedMs && status === 200);
    report(`${what}: the cause is gone → first 200`, `${((first?.endedMs ?? Number.NaN) - healedMs).toFixed(0)} ms`);
    await eventually(async () => (await readiness()) === 200, PATIENCE_MS);
    await sender.stop();
    const slowestMs = Math.max(...sender.deliveries.map(({ startedMs, endedMs }) => endedMs - startedMs));
    report(`${what}: slowest answer`, `${slowestMs.toFixed(0)} ms; ${JSON.stringify(sender.statuses)}`);
    expect(slowestMs, 'an answer').to.be.lessThan(ANSWER_LIMIT_MS);
    expect(Object.keys(sender.statuses)).to.deep.equal(['200', '503']);
    expect(await brokenPromises(server.url, sender.acked)).to.deep.equal(KEPT);
    expect(service.hasEnded, 'the process ended').to.equal(false);
  };

  it('because all of it is frozen: 503 within 4 s, not ready within 5 s, and back when it thaws', async () => {
    await start();
    const frozenMs = performance.now();
    await server.freeze();
    await eventually(async () => (await readiness()) === 503, PATIENCE_MS);
    const flippedMs = performance.now() - frozenMs;
    report('frozen: not ready after', `${flippedMs.toFixed(0)} ms`);
    expect(flippedMs).to.be.lessThan(READY_FLIPS_WITHIN_MS);
    await isRefusing(frozenMs);
    await server.thaw();
    await heals('frozen');
  });

  it('because it is read-only', async () => {
    await start();
    const set = async (value: 'on' | 'off') => {
      const admin = new pg.Client({ connectionString: server.url, options: '-c default_transaction_read_only=off' });
      await admin.connect();
      await admin.query(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
      await admin.query('SELECT pg_reload_conf()');
      await admin.end();
    };
    const refusedMs = performance.now();
    await set('on');
    await isRefusing(refusedMs);
    await eventually(async () => (await readiness()) === 503, READY_FLIPS_WITHIN_MS);
    expect(service.stdout).to.contain('(25006');
    await set('off');
    await heals('read-only');
  });

  it('because others hold all its connections', async () => {
    // Three are kept for superusers, which the test is.
    await start({ settings: { max_connections: 12 } }, { DATABASE_POOL: '2' });
    const holders: pg.Client[] = [];
    const hold = async () => {
      for (;;) {
        const client = new pg.Client({ connectionString: server.url });
        client.on('error', () => {});
        try {
          await client.connect();
          holders.push(client);
        } catch {
          return;
        }
      }
    };
    const refusedMs = performance.now();
    await hold();
    const ours = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wahook%'`;
    // A connection that was ended frees its place a moment later, for whoever is faster: until the service has lost for good.
    let without = 0;
    await eventually(async () => {
      const ended = (await holders[0]?.query(ours))?.rowCount ?? 0;
      await hold();
      without = ended === 0 ? without + 1 : 0;
      return without === 20;
    }, PATIENCE_MS);
    await isRefusing(refusedMs);
    await Promise.all(holders.map((holder) => holder.end()));
    await heals('out of connections');
  });

  const DISK_MB = 96;
  const probe = mountSmallDisk(1);
  probe?.remove();
  if (probe === undefined && !isCi) {
    process.stdout.write('  (a full disk is not tested here: this system does not let the tests mount a small one)\n');
    return;
  }

  it('because its disk is full', async () => {
    const disk = mountSmallDisk(DISK_MB);
    if (disk === undefined) throw new Error('a small disk cannot be mounted here: that needs Linux, and root or sudo');
    try {
      await start({ parentFolder: disk.folder, settings: { max_wal_size: '8MB' }, initdb: ['--wal-segsize=1'] });
      const refusedMs = performance.now();
      disk.fill();
      await isRefusing(refusedMs);
      expect(service.stdout).to.contain('(53100');
      expect(await (await fetch(`${url}/health`)).json()).to.deep.equal({ status: 'ok' });
      disk.free();
      await heals('disk full');
    } finally {
      await server.stop();
      disk.remove();
    }
  });
});
