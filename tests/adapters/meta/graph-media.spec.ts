import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { expect } from 'chai';
import sinon from 'sinon';
import type { AccessOf } from '../../../src/adapters/meta/graph-calls.ts';
import { GraphMedia } from '../../../src/adapters/meta/graph-media.ts';
import type { TransferLimits } from '../../../src/adapters/meta/transfer.ts';
import { isWahookError } from '../../../src/core/errors.ts';
import type { Media } from '../../../src/core/model.ts';
import type { DownloadedMedia, HeldMedia } from '../../../src/core/ports/channel.ts';
import { createSimulator } from '../../../src/simulator/simulator.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { RecordingLog } from '../../support/recording.ts';

const TOKEN = 'EAAGcanaryTOKEN0123456789';
const CONTENT = Buffer.from('a picture');

const FILE: HeldMedia = { phoneNumberId: '106540352242922', id: '7' };

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A server that remembers what it was asked, and answers as it is told. */
class Server {
  readonly seen: { readonly url: string; readonly authorization: string | undefined }[] = [];
  answer: Answer = (_request, response) => response.end(CONTENT);
  readonly #server = http.createServer((request, response) => {
    this.seen.push({ url: `${request.method} ${request.url}`, authorization: request.headers.authorization });
    request.resume();
    this.answer(request, response);
  });

  static async open(): Promise<Server> {
    const server = new Server();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

describe('GraphMedia', () => {
  let api: Server;
  let other: Server;
  let log: RecordingLog;
  let stores: GraphMedia[];

  beforeEach(async () => {
    api = await Server.open();
    other = await Server.open();
    log = new RecordingLog();
    stores = [];
  });

  afterEach(async () => {
    for (const store of stores) store.close();
    await api.close();
    await other.close();
  });

  function open(over: { resolve?: LookupFunction; accessOf?: AccessOf } & Partial<TransferLimits> = {}) {
    const { resolve, accessOf, ...transfer } = over;
    const store = new GraphMedia({
      apiUrl: `${api.url}/v25.0`,
      accessToken: TOKEN,
      log,
      limits: { ...TIME_LIMITS.graph, reconnectDelayMs: 1 },
      transferLimits: { ...TIME_LIMITS.media, ...transfer },
      ...(resolve && { resolve }),
      ...(accessOf && { accessOf }),
    });
    stores.push(store);
    return store;
  }

  const fetched = (store: GraphMedia, media: Partial<Media> = {}, maxBytes = 1_000): Promise<DownloadedMedia> =>
    store.download({ ...FILE, ...media }, () => {}, { maxBytes });

  async function errorOf(promise: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!isWahookError(error)) throw new Error(`no WahookError but ${error}`);
    expect(error.message).not.to.include(TOKEN);
    return error;
  }

  /** The API describes the file 7 as being there. */
  const describes =
    (url: string, more: object = {}): Answer =>
    (request, response) => {
      if (request.url !== '/v25.0/7') {
        response.end(CONTENT);
        return;
      }
      const described = {
        messaging_product: 'whatsapp',
        id: '7',
        mime_type: 'image/png',
        file_size: '9',
        url,
        ...more,
      };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(described));
    };

  it('fetches by the address that came with the message, with the token', async () => {
    await fetched(open(), { url: `${api.url}/file?mid=7` });
    expect(api.seen).to.deep.equal([{ url: 'GET /file?mid=7', authorization: `Bearer ${TOKEN}` }]);
  });

  it('asks for a new address when there is none', async () => {
    api.answer = describes(`${api.url}/file`);
    expect(await fetched(open())).to.include({ mimeType: 'image/png', bytes: 9 });
    expect(api.seen.map(({ url }) => url)).to.deep.equal(['GET /v25.0/7', 'GET /file']);
  });

  it('asks for a new address when the old one is over, once', async () => {
    api.answer = (request, response) => {
      if (request.url === '/old' || request.url === '/new') response.writeHead(404).end();
      else describes(`${api.url}/new`)(request, response);
    };
    expect(await errorOf(fetched(open(), { url: `${api.url}/old` }))).to.have.property('code', 'media_unavailable');
    expect(api.seen.map(({ url }) => url)).to.deep.equal(['GET /old', 'GET /v25.0/7', 'GET /new']);
  });

  it('shows the token to no other host: neither by the address of a message, nor by one that the API gives', async () => {
    api.answer = describes(`${other.url}/file`);
    const error = await errorOf(fetched(open(), { url: `${other.url}/file` }));
    expect(error).to.have.property('code', 'invalid_media');
    expect(error.message).to.include('none of the hosts');
    expect(other.seen).to.deep.equal([]);
  });

  it('follows no redirect', async () => {
    for (const target of [`${other.url}/file`, `${api.url}/elsewhere`]) {
      api.answer = (_request, response) => response.writeHead(302, { location: target }).end();
      const error = await errorOf(fetched(open(), { url: `${api.url}/file` }));
      expect(error.message).to.include('redirect');
    }
    expect(other.seen).to.deep.equal([]);
    expect(api.seen.map(({ url }) => url)).to.deep.equal(['GET /file', 'GET /file']);
  });

  it("connects to no private address, whatever Meta's name resolves to", async () => {
    const asked: string[] = [];
    const resolve: LookupFunction = (hostname, _options, callback) => {
      asked.push(hostname);
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    };
    const error = await errorOf(fetched(open({ resolve }), { url: 'https://lookaside.fbsbx.com/file' }));
    expect(error).to.have.property('code', 'invalid_media');
    expect(error.message).to.include('private address');
    expect(asked).to.deep.equal(['lookaside.fbsbx.com']);
  });

  it('stops at the greatest length, be it announced or not', async () => {
    expect(await errorOf(fetched(open(), { url: `${api.url}/file` }, 8))).to.have.property('code', 'invalid_media');
    const closed = new Promise<void>((resolve) => {
      api.answer = (_request, response) => {
        response.on('close', resolve);
        response.write(Buffer.alloc(600));
        response.write(Buffer.alloc(600));
      };
    });
    const error = await errorOf(fetched(open(), { url: `${api.url}/file` }));
    expect(error.message).to.include('more than the 1000 bytes');
    await closed;
  });

  /** More than what fits into the buffers of a connection: it stays open until somebody closes it. */
  const unreadable = (status: number, headers: http.OutgoingHttpHeaders = {}): Answer => {
    return (_request, response) => void response.writeHead(status, headers).write(Buffer.alloc(4_000_000));
  };

  for (const [what, answer] of [
    ['a file whose announced length is too great', unreadable(200, { 'content-length': 50_000_000 })],
    ['a file that turns out to be too long', unreadable(200)],
    ['an answer that is no file', unreadable(500)],
  ] as const)
    it(`leaves no connection behind after ${what}`, async () => {
      api.answer = answer;
      const store = open();
      for (let time = 0; time < 5; time += 1) await errorOf(fetched(store, { url: `${api.url}/file` }));
      await eventually(async () => (await api.connections()) === 0, 2_000);
      expect(api.seen).to.have.length(5);
    });

  it('keeps its connection for the next file', async () => {
    const store = open();
    for (let time = 0; time < 3; time += 1) await fetched(store, { url: `${api.url}/file` });
    expect(await api.connections()).to.equal(1);
  });

  it('gives up on a server that falls silent, before and within the file', async () => {
    api.answer = () => {};
    const slow = { url: `${api.url}/file` };
    expect((await errorOf(fetched(open({ answerMs: 30 }), slow))).message).to.include('the time for it is over');
    api.answer = (_request, response) => void response.write('half');
    expect((await errorOf(fetched(open({ silenceMs: 30 }), slow))).message).to.include('the time for it is over');
    api.answer = (_request, response) => {
      const drip = setInterval(() => response.write('x'), 5);
      response.on('close', () => clearInterval(drip));
    };
    expect((await errorOf(fetched(open({ silenceMs: 1_000, totalMs: 60 }), slow))).message).to.include('time');
  });

  it('does not take the time that a disk or a bot needs for silence', async () => {
    const bytes = 2_000_000;
    api.answer = (_request, response) => response.end(Buffer.alloc(bytes));
    let pieces = 0;
    const slowAtFirst = async () => {
      pieces += 1;
      if (pieces === 1) await new Promise<void>((resolve) => setTimeout(resolve, 700));
    };
    const file = { ...FILE, url: `${api.url}/file` };
    expect(await open({ silenceMs: 500 }).download(file, slowAtFirst, { maxBytes: bytes })).to.include({ bytes });
  });

  it('fails when the connection breaks within the file', async () => {
    api.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    expect(await errorOf(fetched(open(), { url: `${api.url}/file` }))).to.have.property('code', 'media_unavailable');
  });

  for (const encoding of ['hex', 'base64'] as const)
    it(`compares a checksum in ${encoding}; one that differs is told and logged, and no error`, async () => {
      const url = `${api.url}/file`;
      const sha256 = createHash('sha256').update(CONTENT).digest(encoding);
      expect(await fetched(open(), { url, sha256 })).to.have.property('intact', true);
      expect(log.lines).to.deep.equal([]);
      const wrong = createHash('sha256').update('another').digest(encoding);
      expect(await fetched(open(), { url, sha256: wrong })).to.have.property('intact', false);
      expect(log.lines.map(({ level }) => level)).to.deep.equal(['warn']);
    });

  it('says nothing about a checksum that is none', async () => {
    const result = await fetched(open(), { url: `${api.url}/file`, sha256: '<HASH>' });
    expect(result).not.to.have.property('intact');
  });

  it('asks again what it may ask again, and not what Meta refuses', async () => {
    let asked = 0;
    api.answer = (request, response) => {
      asked += 1;
      if (asked < 3) response.writeHead(502).end('<html>');
      else describes(`${api.url}/file`)(request, response);
    };
    expect(await open().describe(FILE)).to.deep.equal({ id: '7', mimeType: 'image/png', bytes: 9 });
    asked = 0;
    api.answer = (_request, response) => {
      asked += 1;
      response.writeHead(400).end(JSON.stringify({ error: { code: 100, error_subcode: 33 } }));
    };
    expect(await errorOf(open().describe(FILE))).to.have.property('code', 'invalid_media');
    expect(asked).to.equal(1);
  });

  describe('of several numbers', () => {
    const SECOND = 'EAAGsecondTOKEN0123456789';
    const accessOf: AccessOf = (id) =>
      id === '2077' ? { apiUrl: `${api.url}/v24.0`, accessToken: SECOND } : undefined;
    const upload = (store: GraphMedia, phoneNumberId: string) =>
      store.upload({ phoneNumberId, mimeType: 'image/png', bytes: 9, content: [CONTENT] });

    it('asks for everything at the address and with the token of its number', async () => {
      const store = open({ accessOf });
      const file = { phoneNumberId: '2077', id: '7' };
      api.answer = (request, response) => {
        if (request.url === '/v24.0/7' && request.method === 'GET')
          response.end(JSON.stringify({ id: '7', mime_type: 'image/png', file_size: 9, url: `${api.url}/file` }));
        else response.end(request.url === '/file' ? CONTENT : JSON.stringify({ id: '8', success: true }));
      };
      expect(await upload(store, '2077')).to.equal('8');
      await store.describe(file);
      await store.download(file, () => {}, { maxBytes: 9 });
      await store.download({ ...file, url: `${api.url}/file` }, () => {}, { maxBytes: 9 });
      await store.remove(file);
      expect(api.seen.map(({ url }) => url)).to.deep.equal([
        ...['POST /v24.0/2077/media', 'GET /v24.0/7', 'GET /v24.0/7', 'GET /file', 'GET /file', 'DELETE /v24.0/7'],
      ]);
      expect(new Set(api.seen.map(({ authorization }) => authorization))).to.deep.equal(new Set([`Bearer ${SECOND}`]));
    });

    it('asks nothing for a number that is not in the settings, and says that it may work later', async () => {
      const store = open({ accessOf });
      const file = { ...FILE, url: `${api.url}/file` };
      for (const asked of [
        upload(store, FILE.phoneNumberId),
        store.describe(file),
        store.download(file, () => {}, { maxBytes: 9 }),
        store.remove(file),
      ])
        expect(await errorOf(asked)).to.deep.include({
          code: 'media_unavailable',
          message: 'A file cannot be had this time: This number is not in the settings.',
        });
      expect(api.seen).to.deep.equal([]);
    });
  });

  describe('an upload', () => {
    const upload = (store: GraphMedia) =>
      store.upload({ phoneNumberId: '1', mimeType: 'image/png', bytes: 9, content: [CONTENT] });

    for (const [what, status, body, code] of [
      ['a refusal', 400, JSON.stringify({ error: { code: 100 } }), 'invalid_media'],
      ['a token that is not valid', 401, JSON.stringify({ error: { code: 190 } }), 'media_unavailable'],
      ['a page of a proxy', 502, '<html>', 'media_unavailable'],
      ['an answer without id', 200, '{}', 'media_unavailable'],
    ] as const)
      it(`fails by ${what} as ${code}`, async () => {
        api.answer = (request, response) => request.on('end', () => response.writeHead(status).end(body));
        expect(await errorOf(upload(open()))).to.have.property('code', code);
      });

    it('sends no more of a file that Meta has refused already, and leaves no connection behind', async () => {
      api.answer = (_request, response) => response.writeHead(400).end(JSON.stringify({ error: { code: 100 } }));
      let ended = false;
      const endless = async function* () {
        try {
          for (;;) yield await new Promise<Buffer>((resolve) => setImmediate(resolve, Buffer.alloc(1)));
        } finally {
          ended = true;
        }
      };
      const file = { phoneNumberId: '1', mimeType: 'image/png', bytes: 5_000_000, content: endless() };
      expect(await errorOf(open().upload(file))).to.have.property('code', 'invalid_media');
      await eventually(async () => ended && (await api.connections()) === 0, 2_000);
    });

    it('fails when nothing answers', async () => {
      api.answer = () => {};
      expect(await errorOf(upload(open({ answerMs: 30 })))).to.have.property('code', 'media_unavailable');
    });
  });

  it("renews an address after five minutes of the simulator's clock", async () => {
    const meta = await createSimulator({ webhookUrl: 'http://127.0.0.1:9/nobody', retryDelaysMs: [] });
    const clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    try {
      const { image } = meta.customer('ana').sends({ type: 'image' }).record.message as { image: Media };
      const { graph: limits, media: transferLimits } = TIME_LIMITS;
      const { accessToken } = meta.business;
      const store = new GraphMedia({ apiUrl: meta.apiUrl, accessToken, log, limits, transferLimits });
      stores.push(store);
      const paths = () => meta.requests.map(({ path, answer }) => `${path} ${answer.status}`);
      await fetched(store, image);
      clock.tick(299_000);
      await fetched(store, image);
      expect(paths()).to.deep.equal(Array(2).fill('/whatsapp_business/attachments/ 200'));
      clock.tick(2_000);
      await fetched(store, image);
      expect(paths().slice(2)).to.deep.equal([
        '/whatsapp_business/attachments/ 404',
        `/v25.0/${image.id} 200`,
        '/whatsapp_business/attachments/ 200',
      ]);
    } finally {
      clock.restore();
      await meta.close();
    }
  });
});
