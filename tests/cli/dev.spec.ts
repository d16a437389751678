import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { DevFolder } from '../support/dev-server.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/server-process.ts';
import { deliver, freshTextWebhook, signatureOf } from '../system/webhook-client.ts';

const OBEDIENT_BOT = 'tests/fixtures/bots/obedient.ts';

/** Making the embedded database takes seconds, on a busy machine many. */
const PATIENCE_MS = 60_000;

const READY = /^ready in \d+\.\d s url=(http:\/\/127\.0\.0\.1:\d+)$/;

/** A message by the webhook, as Meta would deliver it; resolves when it is stored. */
async function deliverText(folder: DevFolder, id: string, words: string): Promise<void> {
  const { url, environment } = folder.state;
  const body = freshTextWebhook(id, words);
  expect(await deliver(url, body, signatureOf(body, environment['WHATSAPP_WEBHOOK_SECRET']))).to.equal(200);
}

describe('npm run dev', function () {
  this.timeout(180_000);

  describe('with the embedded database', () => {
    let folder: DevFolder;
    /** In the environment of a developer there may be anything; only STORE makes it count. */
    const stores = { DATABASE_URL: 'postgres://production.invalid/real', REDIS_URL: 'redis://production.invalid' };
    let ready: string;
    before(async () => {
      folder = new DevFolder();
      ready = await folder.start(stores);
    });
    after(() => folder.remove());

    const answers = async () => {
      const response = await fetch(`${folder.state.simulatorUrl}/_sim/messages?direction=outbound`);
      const { messages } = (await response.json()) as { messages: { text?: string }[] };
      return messages.map(({ text }) => text);
    };

    /** Every message is handled, and every answer sent and settled. */
    const isIdle = async () => {
      const page = await (await fetch(`${folder.state.url}/metrics`)).text();
      const waiting = [...page.matchAll(/queue_depth\{[^}]*state="waiting"[^}]*\} (\d+)/g)];
      return waiting.length > 0 && waiting.every(([, jobs]) => jobs === '0');
    };

    it('says in plain lines what runs where, and when it is ready', () => {
      const { url, simulatorUrl } = folder.state;
      expect(READY.exec(ready)?.[1]).to.equal(url);
      const said = folder.server?.stdout ?? '';
      expect(said).to.contain('everything runs on this machine, nothing leaves it');
      expect(said).to.contain(`embedded Postgres (PGlite) in ${folder.path}/db`);
      expect(said).to.match(new RegExp(`webhook +${url}/webhook/whatsapp +handshake ok in \\d+ ms`));
      expect(said).to.match(new RegExp(`local Meta +${simulatorUrl}\n`));
      expect(said).to.contain('npm run trigger -- text "hi"');
      expect(said, 'the Redis of somebody else').not.to.match(/redis/i);
      expect(said, 'not a terminal').not.to.contain('\u001b');
      expect(folder.server?.stderr).to.equal('');
    });

    it('writes down where it runs, for the other commands of this user alone', () => {
      expect(folder.state.pid).to.equal(folder.server?.pid);
      expect(statSync(join(folder.path, 'dev.json')).mode & 0o777).to.equal(0o600);
    });

    it('refuses to run twice in one folder: it says so and exits 7', async () => {
      const second = await folder.run('dev');
      expect(second.stderr).to.equal(
        `A development server of this folder is running already (pid ${folder.server?.pid}, ${folder.state.url}).\n  Fix  Use it, or stop it first.\n`,
      );
      expect(second).to.include({ exitCode: 7, stdout: '' });
    });

    it('refuses that also when the first one has not said yet where it runs', async () => {
      const file = join(folder.path, 'dev.json');
      const state = readFileSync(file);
      rmSync(file);
      const second = await folder.run('dev');
      writeFileSync(file, state);
      expect(second.stderr).to.match(new RegExp(`in use by process ${folder.server?.pid} .*: stop it`));
      expect(second.exitCode).to.equal(7);
    });

    it('killed and started again, still knows which messages it has got', async () => {
      await deliverText(folder, 'BEFORE', 'before');
      await eventually(async () => (await answers()).includes('You said: before'), PATIENCE_MS);
      await eventually(isIdle, PATIENCE_MS);
      folder.server?.signal('SIGKILL');
      await folder.server?.exit();
      expect(existsSync(join(folder.path, 'dev.json')), 'nothing to recover from').to.equal(true);

      await folder.start(stores);
      await deliverText(folder, 'BEFORE', 'before');
      await deliverText(folder, 'AFTER', 'after');
      await eventually(async () => (await answers()).includes('You said: after'), PATIENCE_MS);
      expect(await answers()).to.deep.equal(['You said: after']);
    });

    it('ends at Ctrl-C with exit code 0 and leaves no trace that it runs', async () => {
      folder.server?.signal('SIGINT');
      const startedAtMs = performance.now();
      expect(await folder.server?.exit()).to.equal(0);
      expect(performance.now() - startedAtMs).to.be.lessThan(10_000);
      expect(existsSync(join(folder.path, 'dev.json'))).to.equal(false);
      expect(existsSync(join(folder.path, 'db.lock'))).to.equal(false);
      expect(folder.server?.stderr).to.equal('');
    });
  });

  describe('in a folder of its own', () => {
    let folder: DevFolder;
    beforeEach(() => {
      folder = new DevFolder();
    });
    const others: Server[] = [];
    afterEach(async () => {
      for (const server of others.splice(0)) server.close();
      await folder.remove();
    });

    describe('where ports are taken', () => {
      const take = async (port: number) => {
        const server = createServer();
        others.push(server);
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject).listen(port, '127.0.0.1', resolve);
        });
        return port;
      };
      it('uses the next free ones and says so', async () => {
        const port = await take(await freePort());
        const simulatorPort = await take(await freePort());
        const ready = await folder.start({ STORE: 'memory', PORT: String(port), SIM_PORT: String(simulatorPort) });
        const used = Number(new URL(READY.exec(ready)?.[1] ?? '').port);
        expect(used).to.be.within(port + 1, port + 20);
        expect(folder.server?.stdout).to.contain(`Port ${port} is taken. Using ${used}. Fix it with PORT=${used}.\n`);
        expect(Number(new URL(folder.state.simulatorUrl).port)).to.be.within(simulatorPort + 1, simulatorPort + 20);
        expect(await folder.server?.stop()).to.equal(0);
      });

      it('gives up at the end of all ports, and says what to do', async () => {
        await take(65_535).catch(() => {});
        const { exitCode, stderr } = await folder.run('dev', [], { SIM_PORT: '65535' });
        expect(stderr).to.equal(
          'The local Meta needs a port, and 65535 to 65535 are taken.\n  Fix  Choose another one, e.g. SIM_PORT=0 for any.\n',
        );
        expect(exitCode).to.equal(1);
        const own = await folder.run('dev', [], { STORE: 'memory', PORT: '65535' });
        expect(own.stderr).to.match(/^Port 65535 on 127\.0\.0\.1 is taken\n {2}Why .*\n {2}Fix .*\n$/);
        expect(own.exitCode).to.equal(1);
      });
    });

    describe('without BOT', () => {
      const start = async (env: Readonly<Record<string, string>> = {}) => {
        await folder.start({ STORE: 'memory', BOT: '', ...env }, { cwd: folder.path });
        return /^ {2}bot +(.*)$/m.exec(folder.server?.stdout ?? '')?.[1];
      };
      const hasOwn = (file: string) => {
        mkdirSync(join(folder.path, 'bot'));
        writeFileSync(
          join(folder.path, file),
          `export { default } from '${resolve('tests/fixtures/bots/greeting.ts')}';\n`,
        );
      };
      const greeting = async () => (await folder.run('trigger', ['text', 'hi'])).stdout;

      it('runs the shop for whoever has no bot yet, and says where theirs would be', async () => {
        const sample = resolve('examples/shop/index.ts');
        expect(await start()).to.equal(`${sample}, an example; yours is bot/index.ts, or what BOT names`);
        expect(await greeting()).to.contain('[Track my order] [See the menu] [Talk to a person]');
      });

      it('runs bot/index.ts if there is one', async () => {
        hasOwn('bot/index.ts');
        expect(await start()).to.equal('bot/index.ts');
        expect(await greeting()).to.contain('[Track my order] [Talk to a person]');
      });

      it('takes the one of .env first', async () => {
        hasOwn('bot/other.mts');
        writeFileSync(join(folder.path, 'bot', 'index.ts'), 'not even a bot');
        writeFileSync(join(folder.path, '.env'), 'BOT=bot/other.mts\n');
        expect(await start()).to.equal('bot/other.mts');
      });
    });

    it('says which setting is wrong and exits 2', async () => {
      const [port, simulatorPort, bot] = await Promise.all([
        folder.run('dev', [], { PORT: '99999' }),
        folder.run('dev', [], { SIM_PORT: 'none' }),
        folder.run('dev', [], { STORE: 'memory', BOT: 'nobody.ts' }),
      ]);
      expect(port.stderr).to.match(/^✗ PORT is not a whole number/);
      expect(simulatorPort.stderr).to.match(/^✗ SIM_PORT is not a whole number/);
      expect(bot.stderr).to.match(/^There is no file .*nobody\.ts\n/);
      expect([port, simulatorPort, bot].map(({ exitCode }) => exitCode)).to.deep.equal([2, 2, 2]);
    });

    it('ends in order when the bot lets an error escape: it shows all of it and exits 1', async () => {
      await folder.start({ STORE: 'memory', BOT: OBEDIENT_BOT, LEDGER: join(folder.path, 'ledger') });
      await deliverText(folder, 'BAD', 'reject');
      expect(await folder.server?.exit()).to.equal(1);
      expect(folder.server?.stderr).to.match(
        /^An error that nobody caught .*\n Error: canary .*\n +at .*obedient\.ts:/,
      );
      expect(existsSync(join(folder.path, 'dev.json'))).to.equal(false);
    });

    it('is not stopped by what another one left behind, whatever has its pid and its ports now', async () => {
      const stranger = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'));
      others.push(stranger);
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
      const address = stranger.address();
      const url = `http://127.0.0.1:${typeof address === 'object' && address?.port}`;
      writeFileSync(join(folder.path, 'dev.json'), JSON.stringify({ pid: process.pid, url, simulatorUrl: url }));
      await folder.start({ STORE: 'memory' });
      expect(folder.state.pid).to.equal(folder.server?.pid);
    });

    it('ends at Ctrl-C while it still waits for its store', async () => {
      const env = { STORE: 'postgres', DATABASE_URL: 'postgres://127.0.0.1:9/none' };
      const server = folder.spawn(env);
      await server.line((line) => line.includes('The store is not available; trying again'), PATIENCE_MS);
      server.signal('SIGINT');
      expect(await server.exit()).to.equal(0);
      expect(server.stderr).not.to.contain('Error');
      expect(existsSync(join(folder.path, 'dev.json'))).to.equal(false);
    });

    it('waits at Ctrl-C for a running handler; a second one ends it at once, with exit code 1', async () => {
      const LEDGER = join(folder.path, 'ledger');
      await folder.start({ STORE: 'memory', BOT: OBEDIENT_BOT, LEDGER });
      const { url } = folder.state;
      await deliverText(folder, 'WAIT', 'wait');
      await eventually(() => existsSync(LEDGER), PATIENCE_MS);
      folder.server?.signal('SIGINT');
      const isGone = () =>
        fetch(`${url}/health`).then(
          () => false,
          () => true,
        );
      await eventually(isGone, PATIENCE_MS);
      expect(folder.server?.hasEnded).to.equal(false);
      folder.server?.signal('SIGINT');
      expect(await folder.server?.exit()).to.equal(1);
      expect(readFileSync(LEDGER, 'utf8')).to.equal('wait begins\n');
    });
  });
});
