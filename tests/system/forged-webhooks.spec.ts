import { createHmac } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { expect } from 'chai';
import pg from 'pg';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { post, signatureOf, textWebhook } from './webhook-client.ts';

const HEADER = 'X-Hub-Signature-256';

describe('A forged webhook', function () {
  this.timeout(60_000);

  let database: TestDatabase;
  let proxy: TcpProxy;
  let service: ServiceProcess;
  let url: string;
  before(async function () {
    await startPostgres.call(this);
    database = await testDatabase();
    const direct = new URL(database.url);
    proxy = await TcpProxy.open(Number(direct.port));
    const DATABASE_URL = Object.assign(new URL(direct), { port: String(proxy.port) }).href;
    ({ service, url } = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL, ROLE: 'web' }));
  });
  after(async () => {
    expect(await service.stop()).to.equal(0);
    await proxy.close();
    await database.drop();
  });

  const waiting = async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM wahook.inbox');
    await client.end();
    return Number(rows[0]?.count);
  };
  /** What the service sends to the database while it handles a webhook, and right after. */
  const trafficDuring = async (body: Buffer, headers: OutgoingHttpHeaders) => {
    const before = proxy.receivedBytes;
    const answer = await post(url, body, headers);
    // What the webhook set off has been sent when a later request is answered.
    await (await fetch(`${url}/health`)).arrayBuffer();
    const after = proxy.receivedBytes;
    return { answer, bytes: after - before };
  };
  /** Now and then the service talks to the database by itself; this often in a row it does not. */
  const ATTEMPTS = 3;
  const isRefused = async (body: Buffer, headers: OutgoingHttpHeaders) => {
    const seen: number[] = [];
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { answer, bytes } = await trafficDuring(body, headers);
      expect({ status: answer.status, text: answer.text }).to.deep.equal({ status: 401, text: '' });
      expect(answer.headers).not.to.have.property('content-type');
      seen.push(bytes);
      if (bytes === 0) return;
    }
    expect.fail(`each time it reached the database: ${seen} bytes`);
  };

  const body = textWebhook('FORGED', 'hi');
  const good = signatureOf(body);
  const hex = good.slice('sha256='.length);
  const sha1 = createHmac('sha1', SETTINGS.WHATSAPP_WEBHOOK_SECRET).update(body).digest('hex');
  const signatures: readonly (readonly [name: string, headers: OutgoingHttpHeaders])[] = [
    ['without a signature', {}],
    ['with an empty one', { [HEADER]: '' }],
    ['with one under another secret', { [HEADER]: signatureOf(body, 'another secret of 32 characters') }],
    ['with one of another body', { [HEADER]: signatureOf(`${body} `) }],
    ['with one of which the last character is missing', { [HEADER]: good.slice(0, -1) }],
    ['with the first half of one', { [HEADER]: good.slice(0, 39) }],
    ['with one in upper case', { [HEADER]: `sha256=${hex.toUpperCase()}` }],
    ['with the name of the algorithm in upper case', { [HEADER]: `SHA256=${hex}` }],
    ['without the name of the algorithm', { [HEADER]: hex }],
    ['with two headers, one of them good', { [HEADER]: [good, signatureOf(body, 'another secret')] }],
    ['with the good one twice', { [HEADER]: [good, good] }],
    ['with two good ones in one header', { [HEADER]: `${good}, ${good}` }],
    ['with something behind the good one', { [HEADER]: `${good}00` }],
    ['with a parameter behind the good one', { [HEADER]: `${good};v=1` }],
    ['with a good one by SHA-1, in the old header', { 'X-Hub-Signature': `sha1=${sha1}` }],
    ['with a good one by SHA-1 in the header for SHA-256', { [HEADER]: `sha1=${sha1}` }],
    ['with the good one in another header', { 'X-Hub-Signature': good }],
  ];

  for (const [name, headers] of signatures) {
    it(`is refused without a word and without the database ${name}`, () => isRefused(body, headers));
  }

  it('is refused in the same way when it is not JSON, empty, or large', async () => {
    for (const other of [Buffer.from('{'), Buffer.alloc(0), Buffer.alloc(3_000_000, ' ')])
      await isRefused(other, { [HEADER]: good });
  });

  it('leaves nothing behind, while the good one with the same body is stored', async () => {
    expect(await waiting()).to.equal(0);
    const { answer, bytes } = await trafficDuring(body, { [HEADER]: good });
    expect(answer.status).to.equal(200);
    expect(bytes).to.be.greaterThan(100);
    expect(await waiting()).to.equal(1);
  });
});
