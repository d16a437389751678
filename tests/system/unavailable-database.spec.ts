import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { freePort } from '../support/server-process.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { post, signatureOf, textWebhook } from './webhook-client.ts';

/** A busy machine starts a process in seconds. */
const PATIENCE_MS = 30_000;

/** What the service promises Meta, however ill the database is. */
const ANSWER_LIMIT_MS = 4_000;

describe('A service whose database is not available', function () {
  this.timeout(120_000);

  let started: ServiceProcess[];
  let proxies: TcpProxy[];
  let databases: TestDatabase[];
  before(startPostgres);
  beforeEach(() => {
    started = [];
    proxies = [];
    databases = [];
  });
  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await Promise.all(databases.map((database) => database.drop()));
  });

  const settings = { STORE: 'postgres', WHATSAPP_API_URL: 'http://127.0.0.1:9/v25.0' };
  const listen = async (env: Readonly<Record<string, string>>) => {
    const running = await ServiceProcess.listen({ ...settings, ...env });
    started.push(running.service);
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
  const deliver = (url: string) => {
    posts += 1;
    const body = textWebhook(`UNAVAILABLE-${posts}`, 'hi');
    return post(url, body, { 'x-hub-signature-256': signatureOf(body) });
  };
  const isReady = (url: string) => eventually(async () => (await statusOf(`${url}/ready`)) === 200, PATIENCE_MS);
  const isNotReady = (url: string) => eventually(async () => (await statusOf(`${url}/ready`)) === 503, PATIENCE_MS);
  /** Of a service with a worker: so many messages went through the bot. */
  const hasHandled = (url: string, messages: number) =>
    eventually(async () => {
      const page = await (await fetch(`${url}/metrics`)).text();
      return Number(/handler_attempts_total\{[^}]*outcome="ok"[^}]*\} (\d+)/.exec(page)?.[1]) >= messages;
    }, PATIENCE_MS);
  const run = async (databaseUrl: string, statement: string) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query(statement);
    await client.end();
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
    it('answers every webhook within 4 s with 503 while the database says nothing, and then handles all that it took', async () => {
      const database = await fresh();
      const { proxy, url: DATABASE_URL } = await behind(database.url);
      const { service, url } = await listen({ DATABASE_URL });
      await isReady(url);
      expect((await deliver(url)).status).to.equal(200);
      await hasHandled(url, 1);
      proxy.freeze();
      // More than there are connections, so that some wait for one.
      await Promise.all(Array.from({ length: 30 }, () => isRefusedInTime(url)));
      await isRefusedInTime(url);
      expect(await statusOf(`${url}/health`)).to.equal(200);
      await isNotReady(url);
      // The connections of that time go on, with a hole in each.
      proxy.thaw();
      await isReady(url);
      expect((await deliver(url)).status).to.equal(200);
      await hasHandled(url, 2);
      expect(await service.stop()).to.equal(0);
    });

    it('stops within its time while the database says nothing', async () => {
      const { proxy, url: DATABASE_URL } = await behind((await fresh()).url);
      const { service, url } = await listen({ DATABASE_URL, SHUTDOWN_TIMEOUT: '2s' });
      await isReady(url);
      proxy.freeze();
      await isRefusedInTime(url);
      const startedAtMs = performance.now();
      expect(await service.stop()).to.equal(0);
      // 2 s for what runs, and 3 s for closing connections.
      expect(performance.now() - startedAtMs).to.be.lessThan(8_000);
    });

    it('goes on when its connections break', async () => {
      const database = await fresh();
      const { proxy, url: DATABASE_URL } = await behind(database.url);
      const { service, url } = await listen({ DATABASE_URL });
      await isReady(url);
      for (let round = 0; round < 3; round += 1) {
        expect((await deliver(url)).status).to.equal(200);
        proxy.cut();
        await eventually(async () => (await deliver(url)).status === 200, PATIENCE_MS);
      }
      await isReady(url);
      await hasHandled(url, 6);
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
      ...{ ...settings, DATABASE_URL: database.url, PORT: '0', LOG_FORMAT: 'json' },
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
    const both = await Promise.all([listen({ DATABASE_URL }), listen({ DATABASE_URL })]);
    await Promise.all(both.map(({ service }) => service.line((line) => line.includes('"message":"Ready"'))));
    for (const { url } of both) {
      await isReady(url);
      expect((await deliver(url)).status).to.equal(200);
    }
    expect(await Promise.all(both.map(({ service }) => service.stop()))).to.deep.equal([0, 0]);
  });
});
