import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { startPostgres, testDatabase } from '../support/postgres.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from './webhook-client.ts';

const OBEDIENT_BOT = 'tests/fixtures/bots/obedient.ts';

/** A busy machine starts a process in seconds. */
const PATIENCE_MS = 30_000;

describe('The process', function () {
  this.timeout(120_000);

  let folder: string;
  let started: ServiceProcess[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-main-'));
    started = [];
  });
  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    rmSync(folder, { recursive: true, force: true });
  });

  const ledger = () => join(folder, 'ledger');
  const notes = () => {
    try {
      return readFileSync(ledger(), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  const noted = (word: string) => eventually(() => notes().includes(word), PATIENCE_MS);
  const start = async (env: Readonly<Record<string, string>> = {}) => {
    const base = { STORE: 'memory', BOT: OBEDIENT_BOT, LEDGER: ledger(), WHATSAPP_API_URL: 'http://127.0.0.1:9/v25.0' };
    const running = await ServiceProcess.start({ ...base, ...env });
    started.push(running.service);
    return running;
  };
  const say = async (url: string, words: string) => {
    expect(await deliver(url, textWebhook(words, words))).to.equal(200);
  };

  describe('that cannot start', () => {
    it('says everything that is wrong with the settings at once, without a value, and exits 2', async () => {
      const { exitCode, stdout, stderr } = await ServiceProcess.run({
        WHATSAPP_ACCESS_TOKEN: 'canary with spaces inside it',
        WHATSAPP_VERIFY_TOKEN: 'canary1',
        WHATSAPP_WEBHOOK_SECRET: 'canary,canary',
        DATABASE_URL: 'mysql://canary:canary@canary/canary',
        REDIS_URL: 'canary',
        PORT: '-canary',
        SHUTDOWN_TIMEOUT: '25canary',
      });
      expect(stderr).not.to.contain('canary');
      for (const variable of [
        'WHATSAPP_PHONE_NUMBER_ID is not set',
        'WHATSAPP_ACCESS_TOKEN contains a space or a quote',
        'WHATSAPP_VERIFY_TOKEN is shorter',
        'WHATSAPP_WEBHOOK_SECRET has a secret shorter',
        'DATABASE_URL does not begin',
        'REDIS_URL does not begin',
        'PORT is not a whole number',
        'SHUTDOWN_TIMEOUT is not a duration',
      ])
        expect(stderr).to.contain(`✗ ${variable}`);
      expect(stderr.match(/^ {2}Fix {2}/gm)).to.have.length(8);
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' });
    });

    it('refuses in production what would lose messages or has no secrets', async () => {
      const production = { ...SETTINGS, NODE_ENV: 'production' };
      const [memory, pglite, bare] = await Promise.all([
        ServiceProcess.run({ ...production, STORE: 'memory' }),
        ServiceProcess.run({ ...production, STORE: 'pglite' }),
        ServiceProcess.run({ NODE_ENV: 'production', DATABASE_URL: 'postgres://127.0.0.1:9/none' }),
      ]);
      expect(memory.stderr).to.contain('✗ STORE is memory, which production refuses');
      expect(pglite.stderr).to.contain('✗ STORE is pglite, which production refuses');
      for (const variable of Object.keys(SETTINGS)) expect(bare.stderr).to.contain(`✗ ${variable} is not set`);
      expect([memory, pglite, bare].map(({ exitCode }) => exitCode)).to.deep.equal([2, 2, 2]);
    });

    it('says that there is no such bot, and exits 2', async () => {
      const ended = await ServiceProcess.run({ ...SETTINGS, STORE: 'memory', BOT: 'tests/fixtures/bots/nobody.ts' });
      expect(ended.stderr).to.match(/^There is no file .*nobody\.ts\n {2}Why .*\n {2}Fix .*\n$/);
      expect(ended).to.include({ exitCode: 2, stdout: '' });
    });

    describe('because a port is taken', () => {
      let other: Server;
      let taken: string;
      before(async () => {
        other = createServer();
        await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
        const address = other.address();
        taken = String(typeof address === 'object' && address?.port);
      });
      after(() => void other.close());

      it('says which, why, and what to do, and exits 1', async () => {
        const env = { ...SETTINGS, STORE: 'memory', HOST: '127.0.0.1' };
        const [own, metrics] = await Promise.all([
          ServiceProcess.run({ ...env, PORT: taken }),
          ServiceProcess.run({ ...env, PORT: '0', METRICS_PORT: taken }),
        ]);
        const what = `^Port ${taken} on 127\\.0\\.0\\.1 is taken\n  Why  Another program.*\n  Fix  .*`;
        expect(own.stderr).to.match(new RegExp(`${what} PORT=\\d+\n$`));
        expect(metrics.stderr).to.match(new RegExp(`${what} METRICS_PORT=\\d+\n$`));
        expect([own.exitCode, metrics.exitCode]).to.deep.equal([1, 1]);
      });
    });
  });

  it('reads the file .env of its folder; what stands in the environment counts more', async () => {
    const cwd = join(folder, 'here');
    mkdirSync(cwd);
    const lines = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`);
    writeFileSync(join(cwd, '.env'), [...lines, 'STORE=memory', 'PORT=0', 'LOG_FORMAT=json', 'ROLE=web'].join('\n'));
    const service = ServiceProcess.spawn({ ROLE: 'worker' }, { cwd });
    started.push(service);
    const line = await service.line((text) => text.includes('"message":"Listening"'));
    expect(JSON.parse(line)).to.include({ role: 'worker', store: 'memory', pid: service.pid });
    expect(service.stderr).to.contain('! ROLE splits the work');
  });

  it('warns that an example answers where nobody has named a bot', async () => {
    const env = { ...SETTINGS, STORE: 'memory', PORT: '0', HOST: '127.0.0.1', LOG_FORMAT: 'json', BOT: '' };
    const service = ServiceProcess.spawn(env);
    await service.line((line) => line.includes('"message":"Ready"'));
    expect(service.stderr).to.match(/^! BOT is not set, and there is no bot\/index\.ts\n {2}Why .*examples\/shop/);
    expect(await service.stop()).to.equal(0);
  });

  describe('that is told to stop', () => {
    before(startPostgres);

    it('lets the running handler finish, whose message is not handled again, and exits 0', async () => {
      const database = await testDatabase();
      const env = { STORE: 'postgres', DATABASE_URL: database.url };
      const first = await start(env);
      await say(first.url, 'wait');
      await noted('wait begins');
      first.service.signal('SIGTERM');
      // Without a message: one that is still accepted would be handled, as it must.
      const nothing = Buffer.from('{"object":"whatsapp_business_account","entry":[]}');
      const refused = () =>
        deliver(first.url, nothing).then(
          (status) => status === 503,
          () => true,
        );
      await eventually(refused, PATIENCE_MS);
      expect(first.service.hasEnded, 'ended in the middle').to.equal(false);
      writeFileSync(`${ledger()}.go`, '');
      expect(await first.service.exit()).to.equal(0);
      expect(notes()).to.deep.equal(['wait begins', 'wait ends']);

      const second = await start(env);
      // Of the same conversation, so that it comes after whatever is left there.
      await say(second.url, 'marker');
      await noted('marker');
      expect(notes()).to.deep.equal(['wait begins', 'wait ends', 'marker']);
      expect(await second.service.stop()).to.equal(0);
      await database.drop();
    });

    it('interrupts a handler that does not finish in time, and runs it again at the next start', async () => {
      const database = await testDatabase();
      const env = { STORE: 'postgres', DATABASE_URL: database.url, SHUTDOWN_TIMEOUT: '1s' };
      const first = await start(env);
      await say(first.url, 'wait');
      await noted('wait begins');
      expect(await first.service.stop()).to.equal(0);
      expect(notes()).to.deep.equal(['wait begins']);
      expect(first.service.stdout, 'the message was not given back in order').not.to.contain('took too long');

      writeFileSync(`${ledger()}.go`, '');
      const second = await start(env);
      await noted('wait ends');
      expect(notes()).to.deep.equal(['wait begins', 'wait begins', 'wait ends']);
      expect(await second.service.stop()).to.equal(0);
      await database.drop();
    });

    it('in production goes on serving for a while, until load balancers know that it is not ready', async () => {
      const database = await testDatabase();
      const { service, url } = await start({ NODE_ENV: 'production', STORE: 'postgres', DATABASE_URL: database.url });
      service.signal('SIGTERM');
      await eventually(async () => (await fetch(`${url}/ready`)).status === 503, PATIENCE_MS);
      await say(url, 'late');
      expect(await service.exit()).to.equal(0);
      await database.drop();
    });

    it('ends also while it still starts', async () => {
      const bot = join(folder, 'slow.mjs');
      const load = `import('node:fs').then((fs) => fs.appendFileSync(process.env.LEDGER, 'loading'))`;
      writeFileSync(bot, `await ${load};\nawait new Promise((resolve) => setTimeout(resolve, 60_000));\n`);
      const service = ServiceProcess.spawn({ ...SETTINGS, STORE: 'memory', BOT: bot, LEDGER: ledger() });
      started.push(service);
      await noted('loading');
      expect(await service.stop()).to.equal(0);
    });

    it('ends at once at the second signal, with exit code 1', async () => {
      const { service, url } = await start();
      await say(url, 'wait');
      await noted('wait begins');
      service.signal('SIGTERM');
      await eventually(
        () =>
          deliver(url, textWebhook('late', 'late')).then(
            () => false,
            () => true,
          ),
        PATIENCE_MS,
      );
      expect(service.hasEnded).to.equal(false);
      service.signal('SIGINT');
      expect(await service.exit()).to.equal(1);
      expect(notes()).to.deep.equal(['wait begins']);
    });
  });

  describe('whose bot lets an error escape', () => {
    for (const { words, reason } of [
      { words: 'reject', reason: { error: 'Error' } },
      { words: 'reject with nothing', reason: { error: 'undefined' } },
      { words: 'throw later', reason: { error: 'Error' } },
    ])
      it(`logs it, lets running handlers finish and exits 1, for the supervisor: ${words}`, async () => {
        const { service, url } = await start();
        await say(url, 'wait');
        await noted('wait begins');
        await deliver(url, textWebhook('bad', words, '15550100002'));
        const line = await service.line((text) => text.includes('The service cannot go on'), PATIENCE_MS);
        expect(JSON.parse(line)).to.include({ level: 'error', ...reason });
        if (reason.error === 'Error') expect(line).to.contain('obedient.ts:');
        writeFileSync(`${ledger()}.go`, '');
        expect(await service.exit()).to.equal(1);
        expect(notes()).to.deep.equal(['wait begins', 'wait ends']);
        expect(service.stdout + service.stderr).not.to.contain('canary');
      });
  });

  describe('and what it serves', () => {
    const statuses = async (url: string) =>
      Object.fromEntries(
        await Promise.all(
          ['/health', '/ready', '/metrics', '/webhook/whatsapp'].map(async (path) => {
            const response = await fetch(`${url}${path}`);
            await response.arrayBuffer();
            return [path, response.status] as const;
          }),
        ),
      );

    it('is the webhook, health, readiness and metrics', async () => {
      const { service, url } = await start();
      // The handshake without a token is refused: there is one.
      expect(await statuses(url)).to.deep.equal({
        ...{ '/health': 200, '/ready': 200, '/metrics': 200, '/webhook/whatsapp': 403 },
      });
      expect(await service.stop()).to.equal(0);
    });

    it('are metrics on a port of their own if METRICS_PORT is set, and there alone', async () => {
      const { service, url } = await start({ METRICS_PORT: '0' });
      const line = await service.line((text) => text.includes('"message":"Listening"'));
      const { metricsUrl } = JSON.parse(line) as { metricsUrl: string };
      expect(metricsUrl).not.to.equal(url);
      expect(await statuses(url)).to.deep.equal({
        ...{ '/health': 200, '/ready': 200, '/metrics': 404, '/webhook/whatsapp': 403 },
      });
      expect(await statuses(metricsUrl)).to.deep.equal({
        ...{ '/health': 200, '/ready': 404, '/metrics': 200, '/webhook/whatsapp': 404 },
      });
      expect(await (await fetch(`${metricsUrl}/metrics`)).text()).to.contain('webhook_requests_total');
      expect(await service.stop()).to.equal(0);
    });

    it('is everything but the webhook for ROLE=worker', async () => {
      const { service, url } = await start({ ROLE: 'worker' });
      expect(await statuses(url)).to.deep.equal({
        ...{ '/health': 200, '/ready': 200, '/metrics': 200, '/webhook/whatsapp': 404 },
      });
      expect(await deliver(url, textWebhook('worker', 'hi'))).to.equal(404);
      expect(await service.stop()).to.equal(0);
    });
  });
});
