import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from './webhook-client.ts';

/** What Meta reports when a message has arrived. */
function deliveredWebhook(sendId: string): Buffer {
  const status = {
    ...{ id: `wamid.OF-${sendId}`, status: 'delivered', timestamp: '1790000002', recipient_id: '15550100001' },
    biz_opaque_callback_data: sendId,
  };
  const metadata = { display_phone_number: '15550783881', phone_number_id: SETTINGS.WHATSAPP_PHONE_NUMBER_ID };
  const value = { messaging_product: 'whatsapp', metadata, statuses: [status] };
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }];
  return Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}

/** A dead worker's conversation is taken over after 10 to 12 s. */
const TAKEN_OVER_MS = 60_000;

describe('A bot whose worker is killed', function () {
  this.timeout(180_000);
  before(startPostgres);

  let folder: string;
  let ledger: string;
  let graph: GraphStub;
  let database: TestDatabase;
  let client: pg.Client;
  let started: ServiceProcess[];
  let url: string;
  let worker: ServiceProcess;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-system-'));
    ledger = join(folder, 'ledger');
    graph = await GraphStub.open();
    database = await testDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    started = [];
    const [web] = await Promise.all([start('web'), startWorker()]);
    url = web.url;
  });

  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await client.end();
    await graph.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(ROLE: string) {
    const running = await ServiceProcess.start({
      ...{ STORE: 'postgres', DATABASE_URL: database.url, WHATSAPP_API_URL: graph.apiUrl, ROLE },
      ...{ BOT: 'tests/fixtures/bots/remembering.ts', LEDGER: ledger, HANDLER_TIMEOUT: '120s' },
    });
    started.push(running.service);
    return running;
  }

  async function startWorker(): Promise<void> {
    worker = (await start('worker')).service;
  }

  async function killWorker(): Promise<void> {
    worker.signal('SIGKILL');
    await worker.exit();
  }

  const noted = () => (existsSync(ledger) ? readFileSync(ledger, 'utf8').trim().split('\n') : []);
  const said = () =>
    graph.requests.map(({ body }) => (JSON.parse(body) as { text?: { body?: string } }).text?.body ?? '');
  const nothingWaits = async (table: string, state = 'waiting') =>
    (await client.query(`SELECT count(*)::int AS n FROM wahook.${table} WHERE state = $1`, [state])).rows[0].n === 0;

  it('still knows its question, and what it has kept, in every process that comes after', async () => {
    expect(await deliver(url, textWebhook('ONE', 'track'))).to.equal(200);
    await eventually(() => said().length === 1, TAKEN_OVER_MS);
    await eventually(() => nothingWaits('inbox'), TAKEN_OVER_MS);
    await killWorker();
    expect(await deliver(url, textWebhook('TWO', '1042'))).to.equal(200);
    await startWorker();
    await eventually(() => said().length === 2, TAKEN_OVER_MS);
    expect(await deliver(url, textWebhook('THREE', 'track'))).to.equal(200);
    await eventually(() => said().length === 3, TAKEN_OVER_MS);
    await eventually(() => nothingWaits('inbox'), TAKEN_OVER_MS);
    await killWorker();
    await startWorker();
    expect(await deliver(url, textWebhook('FOUR', '1043'))).to.equal(200);
    await eventually(() => said().length === 4, TAKEN_OVER_MS);
    expect(said()).to.deep.equal(['Which order number?', 'orders 1042', 'Which order number?', 'orders 1042 and 1043']);
  });

  it('between a call and the settlement does not make the call again, and has its result', async () => {
    expect(await deliver(url, textWebhook('ONE', 'pay'))).to.equal(200);
    await eventually(() => noted().includes('stored'), TAKEN_OVER_MS);
    await killWorker();
    writeFileSync(`${ledger}.go`, '');
    await startWorker();
    await eventually(() => said().length === 1, TAKEN_OVER_MS);
    expect(noted()).to.deep.equal(['paid', 'stored', 'stored']);
    expect(said()).to.deep.equal(['a receipt of another process']);
  });

  for (const [words, paying, answer] of [
    ['pay strictly', 1, 'a person will look at it'],
    ['pay loosely', 2, 'paid'],
  ] as const) {
    it(`in the middle of a call makes it ${paying === 1 ? 'never' : 'once'} again (${words})`, async () => {
      expect(await deliver(url, textWebhook('ONE', words))).to.equal(200);
      await eventually(() => noted().includes('paying'), TAKEN_OVER_MS);
      await killWorker();
      writeFileSync(`${ledger}.go`, '');
      await startWorker();
      await eventually(() => said().length === 1, TAKEN_OVER_MS);
      expect(noted()).to.deep.equal(Array(paying).fill('paying'));
      expect(said()).to.deep.equal([answer]);
    });
  }

  it('while it waits for a delivery sends nothing twice, and goes on with the first text', async () => {
    expect(await deliver(url, textWebhook('ONE', 'hello'))).to.equal(200);
    await eventually(() => graph.taken.length === 1, TAKEN_OVER_MS);
    const { pid } = worker;
    await killWorker();
    await startWorker();
    expect(await deliver(url, deliveredWebhook(graph.taken[0] ?? ''))).to.equal(200);
    await eventually(() => said().length === 2, TAKEN_OVER_MS);
    await eventually(() => nothingWaits('inbox'), TAKEN_OVER_MS);
    expect(said()).to.deep.equal([`hello, says run 1 of ${pid}`, 'goodbye']);
    expect(await nothingWaits('inbox', 'dead')).to.equal(true);
  });
});
