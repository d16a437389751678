import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { MAX_BODY_BYTES } from '../../src/http/webhook-delivery.ts';
import { eventually } from '../support/eventually.ts';
import { closeApps, exchange, GOOD_SIGNATURE, type OpenApp, openApp, openConnection, statusesIn } from './open-app.ts';

const PATH = '/webhook/whatsapp';

function post(
  app: OpenApp,
  body: string | Buffer<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(app.url + PATH, {
    method: 'POST',
    body,
    headers: { 'X-Hub-Signature-256': GOOD_SIGNATURE, ...headers },
  });
}

/** The head of a POST, to be followed by a body. */
function head(...headers: readonly string[]): string {
  const lines = [`POST ${PATH} HTTP/1.1`, 'Host: x', `X-Hub-Signature-256: ${GOOD_SIGNATURE}`, ...headers];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

describe('POST of a webhook', () => {
  afterEach(closeApps);

  describe('that is stored', () => {
    it('is answered with exactly 200 and nothing else', async () => {
      const app = await openApp();
      const received = await exchange(app.server.port, `${head('Content-Length: 2', 'Connection: close')}{}`);
      const lines = received.replace(/^Date: .*$/m, 'Date: -').split('\r\n');
      expect(lines).to.deep.equal(['HTTP/1.1 200 OK', 'Date: -', 'Connection: close', 'Content-Length: 0', '', '']);
    });

    it('reaches the use case byte for byte, whatever its type says and however it is cut', async () => {
      const app = await openApp();
      const bytes = Buffer.from([0, 0xff, 0x7b, 0xed, 0xa0, 0x80, 0x0d, 0x0a, 0x7d]);
      for (const type of ['application/json', 'application/json; charset=utf-16', 'text/plain', ''])
        expect((await post(app, bytes, { 'Content-Type': type })).status, type).to.equal(200);

      const connection = await openConnection(app.server.port);
      connection.write(head('Transfer-Encoding: chunked', 'Connection: close'));
      for (const byte of bytes) connection.write(Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]));
      connection.write('0\r\n\r\n');
      expect(statusesIn(await connection.closed())).to.deep.equal([200]);

      expect(app.receiver.bodies).to.deep.equal(Array.from({ length: 5 }, () => bytes));
    });

    it('may have no body at all: that is for the signature to judge', async () => {
      const app = await openApp();
      expect((await post(app, '')).status).to.equal(200);
      expect(app.receiver.bodies).to.deep.equal([Buffer.alloc(0)]);
    });

    it('is counted and measured', async () => {
      const app = await openApp();
      await post(app, 'x'.repeat(500));
      await eventually(() => app.metrics.values('webhook_body_bytes').length > 0);
      expect(app.metrics.total('webhook_requests_total', { outcome: 'accepted' })).to.equal(1);
      expect(app.metrics.values('webhook_body_bytes')).to.deep.equal([500]);
      const [seconds] = app.metrics.values('webhook_accept_duration_seconds');
      expect(seconds).to.be.within(0, 5);
    });

    it('leaves one line in the log, at debug and without content', async () => {
      const app = await openApp();
      app.receiver.answer = async () => ({ outcome: 'accepted', fresh: 3, duplicate: 2, quarantined: 1 });
      await post(app, 'hello from 15550100001');
      await eventually(() => app.log.lines.length > 0);
      expect(app.log.messages()).to.deep.equal(['Webhook answered']);
      expect(app.log.lines[0]?.level).to.equal('debug');
      expect(app.log.lines[0]?.fields).to.include({
        outcome: 'accepted',
        fresh: 3,
        duplicate: 2,
        quarantined: 1,
        bytes: 22,
      });
      expect(app.log.text()).not.to.match(/hello|15550100001|sha256/);
    });
  });

  describe('that is not stored', () => {
    it('is answered with 503 before its body is read when it would wait too long', async () => {
      const app = await openApp();
      app.receiver.full = true;
      const connection = await openConnection(app.server.port);
      connection.write('POST /webhook/whatsapp HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n');
      const answer = await connection.until('\r\n\r\n');
      expect(statusesIn(answer)).to.deep.equal([503]);
      expect(answer).to.match(/^Retry-After: \d+\r$/m);
      connection.destroy();
      expect(app.receiver.bodies).to.deep.equal([]);
      expect(app.metrics.total('webhook_requests_total', { outcome: 'unavailable' })).to.equal(1);
    });

    for (const reason of ['storage', 'overload', 'timeout'] as const)
      it(`is answered with 503 and a time to come back (${reason})`, async () => {
        const app = await openApp();
        app.receiver.answer = async () => ({ outcome: 'unavailable', reason });
        const response = await post(app, '{}');
        expect(response.status).to.equal(503);
        expect(response.headers.get('Retry-After')).to.equal('5');
        expect(await response.text()).to.equal('');
        await eventually(() => app.metrics.values('webhook_accept_duration_seconds').length > 0);
        expect(app.metrics.total('webhook_requests_total', { outcome: 'unavailable' })).to.equal(1);
      });

    it('is answered with 500 and nothing about the bug, which is logged without its message', async () => {
      const app = await openApp();
      app.receiver.answer = async () => JSON.parse('hello from 15550100001');
      const response = await post(app, '{}');
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal('');
      expect([...response.headers.keys()].sort()).to.deep.equal(['connection', 'content-length', 'date', 'keep-alive']);
      expect(app.metrics.total('webhook_requests_total', { outcome: 'error' })).to.equal(1);
      expect(app.log.messages('error')).to.deep.equal(['A request failed unexpectedly']);
      expect(app.log.text()).to.contain('SyntaxError').and.to.contain('webhook-delivery.spec.ts');
      expect(app.log.text()).not.to.match(/hello|15550100001/);
      expect((await post(app, '{}')).status, 'the next one').to.equal(500);
      expect(app.admission).to.include({ waiting: 0, heldBytes: 0 });
    });
  });

  describe('with a signature that is', () => {
    const cases: readonly (readonly [name: string, header: string])[] = [
      ['missing', 'X-Other: 1'],
      ['wrong', `X-Hub-Signature-256: sha256=${'00'.repeat(32)}`],
      ['empty', 'X-Hub-Signature-256:'],
      ['there twice', `X-Hub-Signature-256: ${GOOD_SIGNATURE}\r\nX-Hub-Signature-256: ${GOOD_SIGNATURE}`],
      ['there once good and once bad', `X-Hub-Signature-256: ${GOOD_SIGNATURE}\r\nx-hub-signature-256: sha256=0`],
      ['a SHA-1 only', 'X-Hub-Signature: sha1=0123'],
    ];
    for (const [name, header] of cases)
      it(`${name} is answered with 401 and an empty body, and moves no latency`, async () => {
        const app = await openApp();
        const request = `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${header}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
        const received = await exchange(app.server.port, request);
        expect(statusesIn(received)).to.deep.equal([401]);
        expect(received).to.match(/Content-Length: 0\r\n\r\n$/);
        expect(app.metrics.total('webhook_requests_total', { outcome: 'bad_signature' })).to.equal(1);
        expect(app.metrics.values('webhook_accept_duration_seconds')).to.deep.equal([]);
        expect(app.metrics.values('webhook_body_bytes')).to.deep.equal([]);
      });
  });

  describe('with a large body', () => {
    it('is taken up to 4 MiB, more than the 3 MB that Meta sends', async () => {
      const app = await openApp();
      expect((await post(app, Buffer.alloc(MAX_BODY_BYTES, 'x'))).status).to.equal(200);
      expect(app.receiver.bodies[0]?.length).to.equal(4 * 1024 * 1024);
    });

    it('is refused with 413 before it is sent, if it says its length', async () => {
      const app = await openApp();
      const connection = await openConnection(app.server.port);
      connection.write(head(`Content-Length: ${MAX_BODY_BYTES + 1}`));
      const received = await connection.until('\r\n\r\n');
      expect(statusesIn(received)).to.deep.equal([413]);
      expect(received).to.contain('Content-Length: 0');
      expect(app.metrics.total('webhook_requests_total', { outcome: 'too_large' })).to.equal(1);
      connection.destroy();
    });

    it('is refused with 413 as soon as it is too much, if it says no length', async () => {
      const app = await openApp();
      const connection = await openConnection(app.server.port);
      connection.write(head('Transfer-Encoding: chunked'));
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      for (let sent = 0; sent < 5; sent += 1) {
        connection.write('100000\r\n');
        connection.write(chunk);
        connection.write('\r\n');
      }
      expect(statusesIn(await connection.until('\r\n\r\n'))).to.deep.equal([413]);
      await eventually(() => app.admission.heldBytes === 0);
      connection.destroy();
    });

    it('can be sent to its end after the refusal, and the connection goes on', async () => {
      const app = await openApp();
      const connection = await openConnection(app.server.port);
      connection.write(head(`Content-Length: ${MAX_BODY_BYTES + 1}`));
      await connection.until('413');
      connection.write(Buffer.alloc(MAX_BODY_BYTES + 1, 'x'));
      connection.write(`${head('Content-Length: 2', 'Connection: close')}{}`);
      expect(statusesIn(await connection.closed())).to.deep.equal([413, 200]);
      expect(app.receiver.bodies).to.deep.equal([Buffer.from('{}')]);
    });

    it('can be sent to its end after the refusal also without a length', async () => {
      const app = await openApp();
      const connection = await openConnection(app.server.port);
      connection.write(head('Transfer-Encoding: chunked'));
      const chunk = `100000\r\n${'x'.repeat(1024 * 1024)}\r\n`;
      for (let sent = 0; sent < 5; sent += 1) connection.write(chunk);
      await connection.until('413');
      for (let sent = 0; sent < 5; sent += 1) connection.write(chunk);
      connection.write(`0\r\n\r\n${head('Content-Length: 2', 'Connection: close')}{}`);
      expect(statusesIn(await connection.closed())).to.deep.equal([413, 200]);
      expect(app.receiver.bodies).to.deep.equal([Buffer.from('{}')]);
    });
  });

  describe('with a content encoding', () => {
    it('is refused with 415, unread: the signature is over the bytes on the wire', async () => {
      const app = await openApp();
      for (const encoding of ['gzip', 'br', 'deflate', 'x-unknown', 'gzip, identity', 'identity, gzip']) {
        const response = await post(app, gzipSync('{}'), { 'Content-Encoding': encoding });
        expect(response.status, encoding).to.equal(415);
        expect(await response.text()).to.equal('');
      }
      expect(app.receiver.bodies).to.deep.equal([]);
      expect(app.metrics.total('webhook_requests_total', { outcome: 'unsupported_encoding' })).to.equal(6);
    });

    it('that says there is none is taken', async () => {
      const app = await openApp();
      expect((await post(app, '{}', { 'Content-Encoding': 'Identity' })).status).to.equal(200);
      const empty = await exchange(
        app.server.port,
        `${head('Content-Encoding:', 'Content-Length: 2', 'Connection: close')}{}`,
      );
      expect(statusesIn(empty)).to.deep.equal([200]);
    });
  });

  describe('whose sender goes away', () => {
    it('is forgotten, with the memory it held', async () => {
      const app = await openApp();
      const connection = await openConnection(app.server.port);
      connection.write(`${head('Content-Length: 1000')}half of it`);
      await eventually(() => app.admission.heldBytes === 10);
      connection.destroy();
      await eventually(() => app.admission.heldBytes === 0);
      expect(app.receiver.bodies).to.deep.equal([]);
      expect(app.metrics.recorded).to.deep.equal([]);
      expect((await post(app, '{}')).status).to.equal(200);
    });

    it('while it is stored stays stored, and nothing breaks', async () => {
      const app = await openApp();
      const stored = Promise.withResolvers<void>();
      app.receiver.answer = async () => {
        await stored.promise;
        return { outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 };
      };
      const connection = await openConnection(app.server.port);
      connection.write(`${head('Content-Length: 2')}{}`);
      await eventually(() => app.admission.waiting === 1);
      connection.destroy();
      stored.resolve();
      await eventually(() => app.admission.waiting === 0);
      expect(app.metrics.total('webhook_requests_total', { outcome: 'accepted' })).to.equal(1);
      expect(app.log.messages('error')).to.deep.equal([]);
    });

    it('slowly is closed when the time for a request is over', async () => {
      const app = await openApp({ timeouts: { headersMs: 300, requestMs: 600 } });
      const connection = await openConnection(app.server.port);
      connection.write(`${head('Content-Length: 1000')}half of it`);
      expect(statusesIn(await connection.closed())).to.deep.equal([408]);
      await eventually(() => app.admission.heldBytes === 0);
      expect(app.receiver.bodies).to.deep.equal([]);
    });
  });

  describe('beyond what can be taken', () => {
    it('is refused at once and unread while too many wait for the store, and taken again later', async () => {
      const app = await openApp({ limits: { requests: 2, bytes: 1_000_000 } });
      const stored = Promise.withResolvers<void>();
      app.receiver.answer = async () => {
        await stored.promise;
        return { outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 };
      };
      const waiting = [post(app, '1'), post(app, '2')];
      await eventually(() => app.admission.waiting === 2);

      const connection = await openConnection(app.server.port);
      connection.write(head('Content-Length: 100'));
      const refused = await connection.until('\r\n\r\n');
      expect(statusesIn(refused)).to.deep.equal([503]);
      expect(refused).to.contain('Retry-After: 5');
      connection.destroy();

      stored.resolve();
      expect((await Promise.all(waiting)).map((response) => response.status)).to.deep.equal([200, 200]);
      await eventually(() => app.admission.waiting === 0);
      expect((await post(app, '3')).status).to.equal(200);
      expect(app.receiver.bodies.map(String)).to.deep.equal(['1', '2', '3']);
    });

    it('is refused when its body comes after others have taken the last place', async () => {
      const app = await openApp({ limits: { requests: 1, bytes: 1_000_000 } });
      const stored = Promise.withResolvers<void>();
      app.receiver.answer = async () => {
        await stored.promise;
        return { outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 };
      };
      const slow = await openConnection(app.server.port);
      slow.write(`${head('Content-Length: 2', 'Connection: close')}{`);
      await eventually(() => app.admission.heldBytes === 1);
      const first = post(app, '1');
      await eventually(() => app.admission.waiting === 1);
      slow.write('}');
      expect(statusesIn(await slow.closed())).to.deep.equal([503]);
      stored.resolve();
      expect((await first).status).to.equal(200);
      await eventually(() => app.admission.heldBytes === 0);
    });

    it('is not kept out by those who announce a body and send none', async () => {
      const app = await openApp({ limits: { requests: 2, bytes: 1_000_000 } });
      const idlers = await Promise.all(Array.from({ length: 10 }, () => openConnection(app.server.port)));
      for (const idler of idlers) idler.write(head('Content-Length: 900000'));
      expect((await post(app, '{}')).status).to.equal(200);
      for (const idler of idlers) idler.destroy();
    });

    it('is refused when the memory for bodies is used up, midway too', async () => {
      const app = await openApp({ limits: { requests: 10, bytes: 1_000 } });
      const hoarder = await openConnection(app.server.port);
      hoarder.write(head('Content-Length: 2000') + 'x'.repeat(900));
      await eventually(() => app.admission.heldBytes === 900);
      expect((await post(app, 'y'.repeat(101))).status).to.equal(503);
      expect((await post(app, 'y'.repeat(100))).status, 'what still fits').to.equal(200);
      hoarder.write('x'.repeat(200));
      expect(statusesIn(await hoarder.until('\r\n\r\n'))).to.deep.equal([503]);
      await eventually(() => app.admission.heldBytes === 0);
      hoarder.destroy();
    });
  });

  it('is refused with 503 and a closed connection once the process takes no more', async () => {
    const app = await openApp();
    app.admission.close();
    const received = await exchange(app.server.port, head('Content-Length: 100'));
    expect(statusesIn(received)).to.deep.equal([503]);
    expect(received).to.contain('Connection: close').and.to.contain('Retry-After: 5');
    expect(app.receiver.bodies).to.deep.equal([]);
  });

  it('keeps its connection, and those sent ahead on it are answered in their order', async () => {
    const app = await openApp();
    const lastCame = Promise.withResolvers<void>();
    const answers = [
      async () => {
        await lastCame.promise;
        return { outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 } as const;
      },
      async () => ({ outcome: 'bad_signature' }) as const,
      async () => {
        lastCame.resolve();
        return { outcome: 'unavailable', reason: 'storage' } as const;
      },
    ];
    app.receiver.answer = () => answers[app.receiver.bodies.length - 1]!();
    const request = (body: string, ...headers: readonly string[]) => head('Content-Length: 1', ...headers) + body;
    const received = await exchange(app.server.port, request('1') + request('2') + request('3', 'Connection: close'));
    expect(statusesIn(received)).to.deep.equal([200, 401, 503]);
    expect(app.receiver.bodies.map(String)).to.deep.equal(['1', '2', '3']);
  });

  describe('that is not HTTP as it should be', () => {
    const broken: readonly (readonly [name: string, request: string])[] = [
      ['both a length and chunks', `${head('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
      ['two different lengths', `${head('Content-Length: 2', 'Content-Length: 3')}{}`],
      ['an unknown transfer encoding', `${head('Transfer-Encoding: xchunked')}0\r\n\r\n`],
      ['chunked not as the last encoding', `${head('Transfer-Encoding: chunked, identity')}0\r\n\r\n`],
      ['a negative length', head('Content-Length: -1')],
      ['a chunk size that is none', `${head('Transfer-Encoding: chunked')}zz\r\n`],
      ['a folded header', head('X-Fold: a\r\n b')],
      ['a space before the colon', head('Content-Length : 2')],
      ['lines that end without a return', `POST ${PATH} HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}`],
      ['no host', `POST ${PATH} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`],
      ['a NUL in a header', head('X-Nul: a\0b')],
      ['nothing of HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
    ];
    for (const [name, request] of broken)
      it(`is refused with 400 and a closed connection: ${name}`, async () => {
        const app = await openApp();
        const received = await exchange(app.server.port, Buffer.from(request, 'latin1'));
        expect(statusesIn(received)).to.deep.equal([400]);
        // Either no body, or Node's way of saying so in chunks.
        expect(received.slice(received.indexOf('\r\n\r\n') + 4)).to.be.oneOf(['', '0\r\n\r\n']);
        expect(app.receiver.bodies).to.deep.equal([]);
      });

    it('is refused with 431 if its headers exceed 16 kB', async () => {
      const app = await openApp();
      const received = await exchange(app.server.port, head(`X-Long: ${'x'.repeat(17_000)}`));
      expect(statusesIn(received)).to.deep.equal([431]);
    });
  });
});
