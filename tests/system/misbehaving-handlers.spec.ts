import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { Supervisor } from '../support/supervisor.ts';
import { deliver, textWebhook } from './webhook-client.ts';

const BOT = 'tests/fixtures/bots/misbehaving.ts';

interface Row {
  readonly text: string;
  readonly state: string;
  readonly claims: number;
  readonly failures: number;
  readonly interruptions: number;
  readonly code: string | null;
  /** From accepting to settling, by the database's clock. */
  readonly tookMs: number | null;
}

/** As the operations' page tells: a worker that dies or freezes is noticed after 10 to 12 s. */
const LEASE_MS = 15_000;

describe('A bot that misbehaves', function () {
  this.timeout(120_000);
  before(startPostgres);

  let folder: string;
  let graph: GraphStub;
  let created: TestDatabase;
  let database: PostgresDatabase;
  let running: Supervisor[];
  let web: Supervisor;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-misbehaving-'));
    running = [];
    graph = await GraphStub.open();
    created = await testDatabase();
    database = new PostgresDatabase({
      url: created.url,
      poolSize: 2,
      applicationName: 'misbehaving.spec',
      limits: TIME_LIMITS.postgres,
    });
    web = await start('web');
  });
  afterEach(async () => {
    await Promise.all(running.map((supervisor) => supervisor.kill()));
    await graph.close();
    await database.close();
    await created.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ledger = () => join(folder, 'ledger');
  const runs = (text: string) =>
    readFileSync(ledger(), 'utf8')
      .split('\n')
      .filter((line) => line === text).length;

  const start = async (role: 'web' | 'worker', env: Readonly<Record<string, string>> = {}) => {
    const supervisor = await Supervisor.start({
      ...{ ROLE: role, STORE: 'postgres', DATABASE_URL: created.url, BOT, LEDGER: ledger() },
      ...{ WHATSAPP_API_URL: graph.apiUrl, HANDLER_TIMEOUT: '1s', HANDLER_RETRIES: '2', ...env },
    });
    running.push(supervisor);
    return supervisor;
  };

  let customers = 0;
  /** Each a conversation of its own. */
  const say = async (...texts: readonly string[]) => {
    for (const text of texts) {
      customers += 1;
      expect(await deliver(web.url, textWebhook(text, text, `1555020${customers}`))).to.equal(200);
    }
  };
  const harmless = (count: number, name = 'harmless') =>
    Array.from({ length: count }, (_, index) => `${name} ${index}`);

  const rows = () =>
    database.query<Row>({
      text: `
        SELECT payload->>'text' AS text, state, claims, failures, interruptions, last_error->>'code' AS code,
          (extract(epoch FROM settled_at - accepted_at) * 1000)::float8 AS "tookMs"
        FROM wahook.inbox WHERE queue = 'messages' ORDER BY seq`,
    });
  const settled = async (withinMs: number) => {
    await eventually(async () => (await rows()).every(({ state }) => state !== 'waiting'), withinMs);
    return new Map((await rows()).map((row) => [row.text, row]));
  };
  /** The texts of all replies that were stored, whatever became of their sending. */
  const replies = async () =>
    (
      await database.query<{ text: string }>({
        text: `SELECT payload->'content'->>'text' AS text FROM wahook.outbox ORDER BY 1`,
      })
    ).map(({ text }) => text);
  const slowest = (found: ReadonlyMap<string, Row>, texts: readonly string[]) =>
    Math.max(...texts.map((text) => found.get(text)?.tookMs ?? Number.POSITIVE_INFINITY));

  it('by throwing anything, by hanging, or without an await: the others do not notice', async () => {
    const worker = await start('worker');
    const throwing = ['throw', 'reject', 'throw-text', 'throw-nothing', 'throw-trap', 'throw-proxy'];
    const others = harmless(30);
    await say(...throwing, 'hang', ...others, 'forget');
    const found = await settled(30_000);
    expect(slowest(found, others)).to.be.below(5_000);
    // The last failure is the dead letter itself.
    for (const text of [...throwing, 'hang'])
      expect(found.get(text), text).to.include({
        ...{ state: 'dead', claims: 2, failures: 1, interruptions: 0 },
        code: text === 'hang' ? 'handler_timeout' : 'handler_failed',
      });
    for (const text of ['forget', ...others])
      expect(found.get(text), text).to.include({ state: 'done', claims: 1, failures: 0, interruptions: 0 });
    expect(await replies()).to.deep.equal([...others, 'forget'].map((text) => `re ${text}`).sort());
    expect(worker.exits).to.deep.equal([]);
    const metrics = await worker.metrics();
    expect(metrics.get('wahook_handler_attempts_total{outcome="failed"}')).to.equal(12);
    expect(metrics.get('wahook_handler_attempts_total{outcome="timeout"}')).to.equal(2);
    expect(metrics.get('wahook_job_interruptions_total{queue="messages"}')).to.equal(0);
  });

  for (const what of ['leave-rejection', 'throw-later', 'reply-later'])
    it(`with an error that nobody catches: its process lets the others finish and exits with code 1 (${what})`, async () => {
      const worker = await start('worker');
      const beside = ['slow 300 a', 'slow 300 b', 'slow 300 c'];
      await say(...beside, what);
      await eventually(() => worker.exits.length === 1, 20_000);
      await say(...harmless(5));
      const found = await settled(20_000);
      expect(worker.exits).to.deep.equal([1]);
      for (const text of [...beside, what, ...harmless(5)])
        expect(found.get(text), text).to.include({ state: 'done', claims: 1, failures: 0, interruptions: 0 });
      expect(await replies()).to.deep.equal([...beside, what, ...harmless(5)].map((text) => `re ${text}`).sort());
      expect(worker.output).to.contain('The service cannot go on');
    });

  it('by ending, blocking or filling its process: another one goes on within the lease, nothing is lost or done twice', async () => {
    const bad = ['once exit', 'once sigkill', 'once memory', 'block'];
    const workers = await Promise.all(
      bad.map(() =>
        start('worker', { NODE_OPTIONS: '--max-old-space-size=64', WORKER_CONCURRENCY: '4', HANDLER_TIMEOUT: '30s' }),
      ),
    );
    const others = ['first', 'second', 'third'].map((name) => harmless(10, name));
    const exited = () => workers.flatMap(({ exits }) => exits).length;
    await say(...(others[0] ?? []), 'block', 'once exit');
    await eventually(() => exited() === 1, 20_000);
    await say(...(others[1] ?? []), 'once sigkill');
    await eventually(() => exited() === 2, 20_000);
    await say(...(others[2] ?? []), 'once memory');
    const found = await settled(40_000);
    expect(slowest(found, [...others.flat(), ...bad])).to.be.below(LEASE_MS);
    for (const text of bad) {
      expect(found.get(text), text).to.include({ state: 'done', failures: 0, interruptions: 0 });
      expect(runs(text), text).to.be.at.least(2);
    }
    for (const text of others.flat()) expect(found.get(text), text).to.include({ state: 'done', failures: 0 });
    expect(await replies()).to.deep.equal([...bad, ...others.flat()].map((text) => `re ${text}`).sort());
    const exits = workers.flatMap((worker) => worker.exits);
    expect(
      exits.filter((exit) => exit === 0),
      'a supervisor would take it for a wanted end',
    ).to.deep.equal([]);
    expect(exits.filter((exit) => exit === 1)).to.deep.equal([1]);
    // What the frozen one did in the end came too late.
    const count = async (name: string) =>
      (await Promise.all(workers.map(async (worker) => (await worker.metrics()).get(name) ?? 0))).reduce(
        (sum, one) => sum + one,
        0,
      );
    await eventually(async () => (await count('wahook_fence_rejections_total{queue="messages"}')) >= 1, 20_000);
    expect(await count('wahook_job_interruptions_total{queue="messages"}')).to.be.at.least(1);
    expect(await replies()).to.have.lengthOf(34);
  });
});
