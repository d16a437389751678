import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { freePort } from '../support/server-process.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { post, signatureOf, textWebhook } from './webhook-client.ts';

const OBEDIENT_BOT = 'tests/fixtures/bots/obedient.ts';

/** A busy machine starts a process in seconds. */
const PATIENCE_MS = 30_000;

/** What the service promises Meta, however ill the database is. */
const ANSWER_LIMIT_MS = 4_000;

describe('A service whose database is not available', function () {
  this.timeout(120_000);

  let folder: string;
  let started: ServiceProcess[];
  let proxies: TcpProxy[];
  let databases: TestDatabase[];
  before(startPostgres);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-unavailable-'));
    started = [];
    proxies = [];
    databases = [];
  });
  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await Promise.all(databases.map((database) => database.drop()));
    rmSync(folder, { recursive: true, force: true });
  });

  const ledger = () => join(folder, 'ledger');
  const hasHandled = (words: string) =>
    eventually(() => existsSync(ledger()) && readFileSync(ledger(), 'utf8').split('\n').includes(words), PATIENCE_MS);
  const listen = async (env: Readonly<Record<string, string>>) => {
    const running = await ServiceProcess.listen({ STORE: 'postgres', BOT: OBEDIENT_BOT, LEDGER: ledger(), ...env });
    started.push(running.service);
    return running;
  };
  const start = async (env: Readonly<Record<string, string>>) => {
    const running = await listen(env);
    await running.service.line((line) => line.includes('"message":"Ready"'));
    return running;
  };
  const fresh = async (options?: { readonly blank: boolean }) => {
    const database = await testDatabase(options);
    databases.push(database);
    return database;
  };
  const behind = async (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    const proxy = await TcpProxy.open(Number(url.port));
    proxies.push(proxy);
    url.port = String(proxy.port);
    return { proxy, url: url.href };
  };
  const statusOf = async (url: string) => {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status;
  };
  let posts = 0;
  /** Each message from somebody else, so that none waits for another. */
  const deliver = (url: string, words = 'hi') => {
    posts += 1;
    const body = textWebhook(`UNAVAILABLE-${posts}`, words, String(15550100000 + posts));
    return post(url, body, { 'x-hub-signature-256': signatureOf(body) });
  };
  const isReady = (url: string) => eventually(async () => (await statusOf(`${url}/ready`)) === 200, PATIENCE_MS);
  const isNotReady = (url: string) => eventually(async () => (await statusOf(`${url}/ready`)) === 503, PATIENCE_MS);
  const run = async (databaseUrl: string, statement: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  /** With SHUTDOWN_TIMEOUT=1s: 1 s for what runs, and 3 s for closing connections. */
  const stopsInTime = async (service: ServiceProcess) => {
    const startedAtMs = performance.now();
    expect(await service.stop()).to.equal(0);
    expect(performance.now() - startedAtMs).to.be.lessThan(8_000);
  };
  const isRefusedInTime = async (url: string) => {
    const { status, headers, text, ms } = await deliver(url);
    expect({ status, text }).to.deep.equal({ status: 503, text: '' });
    expect(headers['retry-after']).to.match(/^\d+$/);
    expect(ms).to.be.lessThan(ANSWER_LIMIT_MS);
  };

  describe('from the start', () => {
    let server: PostgresServer | undefined;
    afterEach(async () => {
      await server?.stop();
      server = undefined;
    });

    it('lives, is not ready, refuses webhooks for now, and recovers by itself', async () => {
      server = await startPostgresServer();
      await server.crash();
      const { service, url } = await listen({ DATABASE_URL: server.url });
      expect(await statusOf(`${url}/health`)).to.equal(200);
      const ready = await fetch(`${url}/ready`);
      expect(ready.status).to.equal(503);
      expect(await ready.json()).to.deep.include({
        ready: false,
        checks: { storage: 'unavailable', schema: 'unknown', start: 'preparing' },
      });
      await isRefusedInTime(url);
      expect(service.stdout).to.contain('The store is not available; trying again');
      expect(service.stdout).not.to.contain('"message":"Ready"');

      await server.restart();
      await service.line((line) => line.includes('"message":"Ready"'), PATIENCE_MS);
      await isReady(url);
      expect((await deliver(url)).status).to.equal(200);
      expect(await service.stop()).to.equal(0);
    });

    it('stops as it should', async () => {
      const nowhere = await freePort();
      const { service } = await listen({ DATABASE_URL: `postgres://nobody:canary@127.0.0.1:${nowhere}/none` });
      await service.line((line) => line.includes('trying again'), PATIENCE_MS);
      expect(await service.stop()).to.equal(0);
      expect(service.stdout + service.stderr).not.to.contain('canary');
    });
  });

  describe('from one moment on', () => {
    it('answers every webhook within 4 s with 503 while the database says nothing, and then goes on', async () => {
      const database = await fresh();
      const { proxy, url: DATABASE_URL } = await behind(database.url);
      const { service, url } = await start({ DATABASE_URL });
      expect((await deliver(url, 'before')).status).to.equal(200);
      await hasHandled('before');
      proxy.freeze();
      // More than there are connections, so that some wait for one.
      await Promise.all(Array.from({ length: 30 }, () => isRefusedInTime(url)));
      expect(await statusOf(`${url}/health`)).to.equal(200);
      await isNotReady(url);
      // The connections of that time go on, with a hole in each.
      proxy.thaw();
      await isReady(url);
      expect((await deliver(url, 'after')).status).to.equal(200);
      await hasHandled('after');
      expect(await service.stop()).to.equal(0);
    });

    it('stops within its time while it waits for somebody else to make the tables', async () => {
      const database = await fresh({ blank: true });
      const other = new pg.Client({ connectionString: database.url });
      await other.connect();
      const isWaitedFor = async () => {
        const { rowCount } = await other.query('SELECT FROM pg_locks WHERE NOT granted');
        return rowCount !== 0;
      };
      try {
        await other.query('BEGIN; CREATE SCHEMA wahook');
        const { service } = await listen({ DATABASE_URL: database.url, SHUTDOWN_TIMEOUT: '1s' });
        await eventually(isWaitedFor, PATIENCE_MS);
        await stopsInTime(service);
      } finally {
        await other.end();
      }
    });

    it('stops within its time while the database says nothing', async () => {
      const { proxy, url: DATABASE_URL } = await behind((await fresh()).url);
      const { service, url } = await start({ DATABASE_URL, SHUTDOWN_TIMEOUT: '1s' });
      proxy.freeze();
      await isNotReady(url);
      await stopsInTime(service);
    });

    it('goes on when its connections break', async () => {
      const database = await fresh();
      const { proxy, url: DATABASE_URL } = await behind(database.url);
      const { service, url } = await start({ DATABASE_URL });
      for (const round of ['first', 'second', 'third']) {
        expect((await deliver(url)).status).to.equal(200);
        proxy.cut();
        await eventually(async () => (await deliver(url, round)).status === 200, PATIENCE_MS);
        await hasHandled(round);
      }
      await isReady(url);
      expect(await service.stop()).to.equal(0);
    });
  });

  it('refuses to run on the tables of a newer version: it says so and exits 1', async () => {
    const database = await fresh();
    await run(
      database.url,
      `INSERT INTO wahook.migration (number, name, checksum) VALUES (9999, '9999-from-the-future', 'x')`,
    );
    const service = ServiceProcess.spawn({
      ...SETTINGS,
      ...{ STORE: 'postgres', DATABASE_URL: database.url, PORT: '0', LOG_FORMAT: 'json' },
    });
    started.push(service);
    expect(await service.exit()).to.equal(1);
    const lines = service.stdout.trimEnd().split('\n');
    expect(JSON.parse(lines.find((line) => line.includes('cannot go on')) ?? '{}')).to.deep.include({
      level: 'error',
      error: 'the database has migration 9999-from-the-future, which this version does not know',
    });
    expect(service.stdout).not.to.contain('"message":"Ready"');
  });

  it('is prepared by one of two processes that start at once on an empty one; both become ready', async () => {
    const { url: DATABASE_URL } = await fresh({ blank: true });
    const both = await Promise.all([start({ DATABASE_URL }), start({ DATABASE_URL })]);
    for (const { url } of both) {
      await isReady(url);
      expect((await deliver(url)).status).to.equal(200);
    }
    expect(await Promise.all(both.map(({ service }) => service.stop()))).to.deep.equal([0, 0]);
  });
});
