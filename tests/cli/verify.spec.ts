import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import type { Check } from '../../src/cli/verification.ts';
import { checkService } from '../../src/cli/verify-service.ts';
import { checkSetup } from '../../src/cli/verify-setup.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { DevFolder } from '../support/dev-server.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { startRedis, testRedis } from '../support/redis.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';

const NOWHERE = 'http://127.0.0.1:9';

/** The parts of a failure that a person acts on: each is a line of its own. */
function failure(title: string, what: string): RegExp {
  return new RegExp(`^FAIL ${title.padEnd(16)} ${what}\n {7}Why {2}\\S.*\n {7}Fix {2}\\S.*$`, 'm');
}

describe('npm run verify', function () {
  this.timeout(120_000);

  describe('beside a development server', () => {
    let folder: DevFolder;
    before(async () => {
      folder = new DevFolder();
      await folder.start({ STORE: 'memory' });
    });
    after(() => folder.remove());

    it('finds it, looks at everything, and exits 0', async () => {
      const { exitCode, stdout, stderr } = await folder.run('verify');
      expect(stdout).to.contain(`Looking at the development server (pid ${folder.server?.pid})`);
      for (const title of ['settings', 'bot', 'service', 'ready', 'handshake', 'wrong token', 'good signature'])
        expect(stdout).to.match(new RegExp(`^ok {3}${title} `, 'm'));
      expect(stdout).to.match(/^ok {3}bad signature .*\nok {3}changed body .*\n\n0 failed, 9 passed\n$/m);
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
    });

    it('stores nothing', async () => {
      const page = async () => await (await fetch(`${folder.state.url}/metrics`)).text();
      const taken = /^wahook_webhook_(elements|quarantined)_total\{[^}]*\} [1-9]/m;
      await folder.run('verify');
      expect(await page()).to.match(/^wahook_webhook_requests_total\{[^}]*"accepted"[^}]*\} [1-9]/m);
      expect(await page()).not.to.match(taken);
      const message = { type: 'text', text: 'hi', wait: 'ack' };
      await fetch(`${folder.state.simulatorUrl}/_sim/messages`, { method: 'POST', body: JSON.stringify(message) });
      expect(await page()).to.match(taken);
    });
  });

  describe('beside a service', () => {
    let service: ServiceProcess;
    let url: string;
    before(async () => {
      ({ service, url } = await ServiceProcess.start({ STORE: 'memory' }));
    });
    after(() => service.stop());

    const verify = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
      ServiceProcess.run({ ...SETTINGS, STORE: 'memory', ...env }, { file: 'src/cli/verify.ts', args });

    it('finds it at HOST and PORT with the same settings, and exits 0, whatever the bot keeps open', async () => {
      const env = { PORT: new URL(url).port, HOST: '0.0.0.0', BOT: 'tests/fixtures/bots/obedient.ts' };
      const { exitCode, stdout } = await verify(env);
      expect(stdout).to.contain('\n0 failed, 9 passed\n');
      expect(exitCode).to.equal(0);
    });

    it('tells other secrets than those of the service, and exits 3', async () => {
      const WHATSAPP_WEBHOOK_SECRET = `${SETTINGS.WHATSAPP_WEBHOOK_SECRET},cafe0000000000000000000000000000`;
      const [secret, second, token] = await Promise.all([
        verify({ WHATSAPP_WEBHOOK_SECRET: 'cafe0000000000000000000000000000' }, '--url', `${url}/`),
        verify({ WHATSAPP_WEBHOOK_SECRET }, '--url', url),
        verify({ WHATSAPP_VERIFY_TOKEN: 'canary-verify-token' }, '--url', url),
      ]);
      expect(secret.stdout).to.match(
        failure('good signature', 'A correctly signed webhook was not accepted \\(status 401\\)'),
      );
      expect(secret.stdout).to.contain('another WHATSAPP_WEBHOOK_SECRET').and.to.contain('\n1 failed, 8 passed\n');
      expect(second.stdout).to.match(/^ok {3}good signature /m);
      expect(second.stdout).to.match(failure('… secret 2', 'A correctly signed webhook was not accepted .*'));
      expect(secret.stdout + second.stdout).not.to.contain('cafe00');
      expect(token.stdout).to.match(
        failure('handshake', 'The handshake with the verify token failed \\(status 403\\)'),
      );
      expect(token.stdout).to.contain('another WHATSAPP_VERIFY_TOKEN').and.to.contain('\n1 failed, 8 passed\n');
      expect(token.stdout).not.to.contain('canary');
      expect([secret, second, token].map(({ exitCode }) => exitCode)).to.deep.equal([3, 3, 3]);
    });
  });

  it('tells everything that is missing at once: database, Redis, bot and service, and exits 3', async () => {
    const env = {
      ...SETTINGS,
      STORE: 'postgres',
      DATABASE_URL: 'postgres://canary:canary@127.0.0.1:9/canary',
      REDIS_URL: 'redis://:canary@127.0.0.1:9',
      BOT: 'tests/fixtures/bots/nobody.ts',
    };
    const { exitCode, stdout, stderr } = await ServiceProcess.run(env, {
      file: 'src/cli/verify.ts',
      args: ['--url', NOWHERE],
    });
    expect(stdout).to.match(failure('bot', 'There is no file .*nobody\\.ts'));
    expect(stdout).to.match(failure('database', 'The database at DATABASE_URL does not answer'));
    expect(stdout).to.match(failure('redis', 'Redis at REDIS_URL does not answer'));
    expect(stdout).to.match(failure('service', `Nothing healthy answers at ${NOWHERE}/health \\(\\S+\\)`));
    expect(stdout).to.match(/^((ok {2}|FAIL| {4}) .*\n)+\n4 failed, 1 passed\n$/);
    expect(stdout + stderr).not.to.contain('canary');
    expect({ exitCode, stderr }).to.deep.equal({ exitCode: 3, stderr: '' });
  });

  it('tells all malformed settings at once without a value, reads them from .env too, and exits 3', async () => {
    const folder = new DevFolder();
    const cwd = join(folder.path, 'here');
    mkdirSync(cwd);
    writeFileSync(join(cwd, '.env'), 'WHATSAPP_ACCESS_TOKEN="canary canary"\nLOG_LEVEL=canary\n');
    const { exitCode, stdout, stderr } = await ServiceProcess.run(
      { WHATSAPP_VERIFY_TOKEN: 'canary', DATABASE_URL: 'canary://canary', WHATSAPP_ACESS_TOKEN: 'canary' },
      { file: 'src/cli/verify.ts', cwd },
    );
    await folder.remove();
    for (const variable of [
      '✗ WHATSAPP_PHONE_NUMBER_ID is not set',
      '✗ WHATSAPP_ACCESS_TOKEN contains a space',
      '✗ WHATSAPP_VERIFY_TOKEN is shorter',
      '✗ WHATSAPP_WEBHOOK_SECRET is not set',
      '✗ DATABASE_URL does not begin',
      '✗ LOG_LEVEL is not one of',
      '! WHATSAPP_ACESS_TOKEN is set, but nothing reads it',
    ])
      expect(stdout).to.contain(variable);
    expect(stdout).to.contain('The rest can be checked once the settings are right.');
    expect(stdout + stderr).not.to.contain('canary');
    expect(exitCode).to.equal(3);
  });

  it('explains itself for wrong arguments and exits 2; with --help it exits 0', async () => {
    const run = (...args: readonly string[]) => ServiceProcess.run({}, { file: 'src/cli/verify.ts', args });
    const [unknown, word, url, help] = await Promise.all([
      run('--all'),
      run('all'),
      run('--url', 'localhost:3000'),
      run('--help'),
    ]);
    expect(word.stderr).to.match(/^"all" is no option, and this command takes nothing else\.\n\nChecks a set-up/);
    expect(unknown.stderr).to.match(/^There is no option --all\.\n\nChecks a set-up/);
    expect(url.stderr).to.match(
      /^--url needs an address that begins with http:\/\/ or https:\/\/\.\n\nChecks a set-up/,
    );
    expect(help.stdout).to.match(/^Checks a set-up/);
    expect([unknown, word, url, help].map(({ exitCode }) => exitCode)).to.deep.equal([2, 2, 2, 0]);
  });

  describe('in detail', () => {
    const configOf = (env: Readonly<Record<string, string>>): Config => {
      const result = readConfig({ ...SETTINGS, STORE: 'memory', ...env });
      if ('problems' in result) throw new Error(JSON.stringify(result.problems));
      return result.config;
    };
    const named = (checks: readonly Check[], title: string) => {
      const check = checks.find((one) => one.title === title);
      if (check === undefined) throw new Error(`nothing about ${title}`);
      return check;
    };

    describe('of the database', () => {
      let database: TestDatabase;
      before(startPostgres);
      beforeEach(async () => {
        database = await testDatabase();
      });
      afterEach(() => database.drop());

      const look = async (url: string) =>
        named(await checkSetup(configOf({ STORE: 'postgres', DATABASE_URL: url })), 'database');
      const run = async (text: string) => {
        const client = new pg.Client({ connectionString: database.url });
        await client.connect();
        await client.query(text);
        await client.end();
      };

      it('is content with one that is up to date', async () => {
        expect(await look(database.url)).to.deep.equal({
          ...{ title: 'database', outcome: 'pass', detail: 'reachable, writable, schema up to date' },
        });
      });

      it('is content with an empty one and leaves it empty', async () => {
        const blank = await testDatabase({ blank: true });
        for (let time = 0; time < 2; time += 1)
          expect(await look(blank.url)).to.include({
            ...{ outcome: 'pass', detail: 'reachable; its tables are made at the first start' },
          });
        await blank.drop();
      });

      it('tells one that refuses writes', async () => {
        await run(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET default_transaction_read_only = on`);
        expect(await look(database.url)).to.include({ outcome: 'fail', what: 'The database refuses writes' });
      });

      it('tells one that a newer version has migrated', async () => {
        await run(`INSERT INTO wahook.migration (number, name, checksum) VALUES (9999, '9999-later', 'x')`);
        expect(await look(database.url)).to.include({
          ...{ outcome: 'fail', what: 'The database was migrated by a newer version' },
        });
      });
    });

    describe('of Redis', () => {
      before(startRedis);

      it('is content with one that answers, whatever the store', async () => {
        const { url } = await testRedis();
        for (const STORE of ['memory', 'pglite'])
          expect(named(await checkSetup(configOf({ STORE, REDIS_URL: url })), 'redis')).to.deep.equal({
            ...{ title: 'redis', outcome: 'pass', detail: 'answers' },
          });
      });
    });

    it('says what it does not look at, and why', async () => {
      const pglite = await checkSetup(configOf({ STORE: 'pglite', ROLE: 'web' }));
      expect(named(pglite, 'bot')).to.include({ outcome: 'skip', detail: 'ROLE=web runs none' });
      expect(named(pglite, 'database').outcome).to.equal('skip');
      expect(named(pglite, 'redis').outcome).to.equal('skip');
      const memory = await checkSetup(configOf({}));
      expect(named(memory, 'database')).to.include({ outcome: 'skip', detail: 'STORE=memory has none' });
    });

    describe('of what answers', () => {
      const servers: Server[] = [];
      const serve = async (listener: RequestListener) => {
        const server = createServer(listener);
        servers.push(server);
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      };
      afterEach(() => {
        for (const server of servers.splice(0)) server.close();
      });

      it('is not content with something that says yes to everything', async () => {
        const checks = await checkService(
          configOf({}),
          await serve((_request, response) => void response.end('Welcome!')),
        );
        expect(checks.filter(({ outcome }) => outcome === 'fail').map(({ title }) => title)).to.deep.equal([
          ...['handshake', 'wrong token', 'bad signature', 'changed body'],
        ]);
      });

      it('tells a service that is not ready, with what it is not ready for', async () => {
        const url = await serve((request, response) => {
          response.statusCode = request.url === '/ready' ? 503 : 200;
          response.end(request.url === '/ready' ? '{"checks":{"storage":"unavailable"}}' : '');
        });
        const checks = await checkService(configOf({ ROLE: 'worker' }), url);
        expect(named(checks, 'ready')).to.include({
          outcome: 'fail',
          what: 'The service is not ready (status 503): {"checks":{"storage":"unavailable"}}',
        });
        expect(named(checks, 'webhook')).to.include({ outcome: 'skip', detail: 'ROLE=worker takes none' });
      });
    });
  });
});
