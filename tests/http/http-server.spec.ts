import type { EventEmitter } from 'node:events';
import { Server } from 'node:http';
import { expect } from 'chai';
import sinon from 'sinon';
import { Admission } from '../../src/http/admission.ts';
import { type HttpServer, type ListenOptions, type ListenResult, listen } from '../../src/http/http-server.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingLog } from '../support/recording.ts';
import { closeApps, exchange, type OpenApp, openApp, openConnection, statusesIn } from './open-app.ts';

const GET_HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n';
const POST_HEAD = 'POST /webhook/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n';

/** An app whose use case takes until `release`. */
async function openBusyApp(): Promise<OpenApp & { readonly release: () => void }> {
  const app = await openApp();
  const gate = Promise.withResolvers<void>();
  app.receiver.run = async () => {
    await gate.promise;
    return { outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 };
  };
  return { ...app, release: () => gate.resolve() };
}

function tryToListen(options: Partial<ListenOptions>): Promise<ListenResult> {
  const defaults = {
    host: '127.0.0.1',
    port: 0,
    admission: new Admission(),
    log: new RecordingLog(),
    limits: TIME_LIMITS.http,
  };
  return listen((_request, response) => void response.end(), { ...defaults, ...options });
}

async function listening(options: Partial<ListenOptions>): Promise<HttpServer> {
  const result = await tryToListen(options);
  if (result.outcome === 'refused') throw new Error(result.refusal.what);
  return result.server;
}

describe('The HTTP server', () => {
  afterEach(closeApps);

  describe('when it starts', () => {
    it('takes any free port for 0 and says which', async () => {
      const app = await openApp();
      expect(app.server.port).to.be.greaterThan(0);
      expect(app.url).to.equal(`http://127.0.0.1:${app.server.port}`);
      expect((await fetch(`${app.url}/health`)).status).to.equal(200);
    });

    it('names an address that one can open, also when it listens everywhere', async () => {
      const server = await listening({ host: '0.0.0.0' });
      expect(server.url).to.equal(`http://localhost:${server.port}`);
      expect((await fetch(`http://127.0.0.1:${server.port}`)).status).to.equal(200);
      await server.stop(15_000);
    });

    it('says that a port is taken, why, and what to do', async () => {
      const app = await openApp();
      const result = await tryToListen({ port: app.server.port });
      if (result.outcome !== 'refused') throw new Error('it listens');
      expect(result.refusal.reason).to.equal('port_taken');
      expect(result.refusal.what).to.equal(`Port ${app.server.port} on 127.0.0.1 is taken`);
      expect(result.refusal.why).to.match(/^Another program/);
      expect(result.refusal.fix).to.match(/PORT=\d+$/);
    });

    it('says that an address is not one of this machine', async () => {
      for (const host of ['192.0.2.1', 'no-such-host.invalid']) {
        const result = await tryToListen({ host });
        expect(result.outcome === 'refused' && result.refusal.reason, host).to.equal('unknown_address');
      }
    });

    it('says that a low port is not allowed, and throws what nobody can explain', async () => {
      // As root, which tests may be, every port is allowed: the system's answer is played.
      const outcome = async (code: string) => {
        const listenStub = sinon.stub(Server.prototype, 'listen').callsFake(function (this: EventEmitter) {
          process.nextTick(() => this.emit('error', Object.assign(new Error('listen'), { code })));
          return this as Server;
        });
        try {
          const result = await tryToListen({ port: 80 });
          return result.outcome === 'refused' ? result.refusal.reason : result.outcome;
        } catch (error) {
          return error;
        } finally {
          listenStub.restore();
        }
      };
      expect(await outcome('EACCES')).to.equal('port_forbidden');
      expect(await outcome('EWHATEVER'))
        .to.be.instanceOf(Error)
        .with.property('code', 'EWHATEVER');
    });
  });

  describe('when clients are slow or silent', () => {
    it('closes one that trickles its headers', async () => {
      const app = await openApp({ timeouts: { headersMs: 300, requestMs: 5_000 } });
      const connection = await openConnection(app.server.port);
      connection.write('POST /webhook/whatsapp HTTP/1.1\r\nHost: x\r\nX-A: ');
      const trickle = setInterval(() => connection.write('a'), 50);
      const received = await connection.closed();
      clearInterval(trickle);
      expect(statusesIn(received)).to.deep.equal([408]);
      expect(received).to.match(/\r\n\r\n$/);
    });

    it('serves others while hundreds of them are connected', async () => {
      const app = await openApp();
      const slow = await Promise.all(Array.from({ length: 300 }, () => openConnection(app.server.port)));
      for (const connection of slow) connection.write('POST /webhook/whatsapp HTTP/1.1\r\nHost: x\r\n');
      expect((await fetch(`${app.url}/health`)).status).to.equal(200);
      for (const connection of slow) connection.destroy();
    });
  });

  it('goes on when a connection cannot be accepted', async () => {
    const log = new RecordingLog();
    const created: Server[] = [];
    const original = Server.prototype.listen;
    const spy = sinon.stub(Server.prototype, 'listen').callsFake(function (this: Server, ...given: unknown[]) {
      created.push(this);
      return Reflect.apply(original, this, given) as Server;
    });
    const server = await listening({ log });
    spy.restore();
    created[0]!.emit('error', Object.assign(new Error('accept'), { code: 'EMFILE' }));
    created[0]!.emit('error', new Error('without a code'));
    expect((await fetch(server.url)).status).to.equal(200);
    expect(log.lines.map((line) => line.fields)).to.deep.equal([{ code: 'EMFILE' }, { code: undefined }]);
    await server.stop(15_000);
  });

  describe('when it drains', () => {
    it('still answers and asks clients to connect anew', async () => {
      const app = await openApp();
      const connection = await openConnection(app.server.port);
      connection.write(GET_HEALTH);
      expect(await connection.until('ok')).to.contain('Connection: keep-alive');
      app.server.drain();
      connection.write(GET_HEALTH);
      const received = await connection.closed();
      expect(statusesIn(received)).to.deep.equal([200, 200]);
      expect(received).to.contain('Connection: close');
      expect(statusesIn(await exchange(app.server.port, GET_HEALTH)), 'a new connection').to.deep.equal([200]);
    });

    it('asks so also in the answer to a webhook that came before', async () => {
      const app = await openBusyApp();
      const connection = await openConnection(app.server.port);
      connection.write(`${POST_HEAD}{}`);
      await eventually(() => app.admission.waiting === 1);
      app.server.drain();
      app.release();
      const received = await connection.closed();
      expect(statusesIn(received)).to.deep.equal([200]);
      expect(received).to.contain('Connection: close');
    });
  });

  describe('when it stops', () => {
    it('answers the running webhooks, then closes', async () => {
      const app = await openBusyApp();
      const connection = await openConnection(app.server.port);
      connection.write(`${POST_HEAD}{}`);
      await eventually(() => app.admission.waiting === 1);
      let stopped = false;
      const stopping = app.server.stop(15_000).then(() => {
        stopped = true;
      });
      // Longer than a quiet server needs to stop.
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(stopped).to.equal(false);
      app.release();
      await stopping;
      expect(statusesIn(await connection.closed())).to.deep.equal([200]);
      expect(app.log.messages('warn')).to.deep.equal([]);
    });

    it('waits for the body of a webhook and refuses those that come after it on old connections', async () => {
      const app = await openBusyApp();
      const running = await openConnection(app.server.port);
      running.write(`${POST_HEAD}{}`);
      const late = await openConnection(app.server.port);
      late.write(POST_HEAD.slice(0, 30));
      await eventually(() => app.admission.waiting === 1);
      const stopping = app.server.stop(15_000);
      late.write(POST_HEAD.slice(30));
      const received = await late.closed();
      expect(statusesIn(received)).to.deep.equal([503]);
      expect(received).to.contain('Connection: close');
      app.release();
      await stopping;
      expect(statusesIn(await running.closed())).to.deep.equal([200]);
    });

    it('takes no new connection', async () => {
      const app = await openApp();
      await app.server.stop(15_000);
      const failure = await fetch(`${app.url}/health`).catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(TypeError);
    });

    it('does not wait for idle connections, nor long for those that have not said anything', async () => {
      const app = await openApp();
      const idle = await openConnection(app.server.port);
      idle.write(GET_HEALTH);
      await idle.until('ok');
      const silent = await openConnection(app.server.port);
      const started = performance.now();
      await app.server.stop(15_000);
      expect(performance.now() - started).to.be.lessThan(2_000);
      await Promise.all([idle.closed(), silent.closed()]);
    });

    it('cuts off what is not done at its limit, and says so', async () => {
      const app = await openBusyApp();
      const connection = await openConnection(app.server.port);
      connection.write(`${POST_HEAD}{}`);
      await eventually(() => app.admission.waiting === 1);
      await app.server.stop(50);
      expect(await connection.closed()).to.equal('');
      expect(app.log.messages('warn')).to.deep.equal(['Requests were cut off at the end']);
      expect(app.log.lines.at(-1)?.fields).to.deep.equal({ requests: 1 });
      app.release();
      await eventually(() => app.admission.waiting === 0);
    });

    it('stops once, however often it is told to', async () => {
      const app = await openApp();
      const first = app.server.stop(15_000);
      expect(app.server.stop(15_000)).to.equal(first);
      await first;
      await app.server.stop(15_000);
    });
  });
});
