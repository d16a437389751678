import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { report, rounds } from '../support/extent.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, sentWebhook, textsWebhook } from '../system/webhook-client.ts';
import { sql } from './stored.ts';

/** Every one takes part in the test: the answer to each first send is lost. */
const REPLIES = rounds(40, 400);
const SETTLE_WAIT_MS = 10_000;
const SETTLED_MS = 60_000;

const BREAKS = ['reset', 'reset_midway'] as const;

interface Row {
  readonly sendId: string;
  readonly state: string;
  readonly code: string | null;
}

describe('Replies that Meta took and whose answers were lost', function () {
  this.timeout(180_000);
  before(startPostgres);

  let database: TestDatabase;
  let graph: GraphStub;
  let folder: string;
  let services: ServiceProcess[];
  beforeEach(async () => {
    database = await testDatabase();
    graph = await GraphStub.open();
    folder = mkdtempSync(join(tmpdir(), 'wahook-ambiguous-'));
    services = [];
  });
  afterEach(async () => {
    for (const service of services) service.signal('SIGKILL');
    await Promise.all(services.map((service) => service.exit()));
    await graph.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One that receives and works, and one that works. */
  const startTwo = async (policy: string): Promise<string> => {
    const env = {
      ...{ STORE: 'postgres', DATABASE_URL: database.url, WHATSAPP_API_URL: graph.apiUrl },
      ...{ BOT: 'tests/fixtures/bots/ledger.ts', LEDGER: join(folder, 'ledger') },
      ...{ SETTLE_WAIT: `${SETTLE_WAIT_MS}ms`, SETTLE_POLICY: policy },
    };
    const started = await Promise.all(['all', 'worker'].map((ROLE) => ServiceProcess.start({ ...env, ROLE })));
    services = started.map(({ service }) => service);
    return started[0]?.url ?? '';
  };

  const outbox = () =>
    sql<Row>(
      database.url,
      `SELECT event_key AS "sendId", state, last_error ->> 'code' AS code FROM wahook.outbox ORDER BY seq`,
    );

  const timesTaken = (sendId: string) => graph.taken.filter((taken) => taken === sendId).length;

  for (const [policy, decided] of [
    ['resend', { taken: 2, state: 'done', code: null }],
    ['hold', { taken: 1, state: 'dead', code: 'unsettled' }],
  ] as const)
    it(`are not sent again if a status tells of them within SETTLE_WAIT; the others are decided by SETTLE_POLICY=${policy} after it (${REPLIES})`, async () => {
      const url = await startTwo(policy);
      graph.answerNext(...Array.from({ length: REPLIES }, (_, index) => ({ kind: BREAKS[index % 2] ?? 'reset' })));
      const texts = Array.from({ length: REPLIES }, (_, index) => ({
        ...{ id: `AMBIGUOUS-${index}`, words: 'hi', from: String(15_550_300_000 + index) },
      }));
      const startedAtMs = performance.now();
      expect(await deliver(url, textsWebhook(texts))).to.equal(200);
      await eventually(() => graph.taken.length === REPLIES, SETTLED_MS);
      const told = graph.taken.filter((_, index) => index % 2 === 0);
      const untold = graph.taken.filter((_, index) => index % 2 === 1);
      expect(
        await deliver(url, sentWebhook(told.map((sendId) => ({ sendId, messageId: `wamid.${sendId}` })))),
      ).to.equal(200);
      expect(performance.now() - startedAtMs, 'all of it came within the wait').to.be.below(SETTLE_WAIT_MS);
      await eventually(async () => (await outbox()).every(({ state }) => state !== 'waiting'), SETTLED_MS);
      expect(performance.now() - startedAtMs).to.be.above(SETTLE_WAIT_MS);

      const rows = new Map((await outbox()).map(({ sendId, state, code }) => [sendId, { state, code }]));
      expect(rows.size).to.equal(REPLIES);
      for (const sendId of told)
        expect({ taken: timesTaken(sendId), state: rows.get(sendId)?.state }).to.deep.equal({
          taken: 1,
          state: 'done',
        });
      for (const sendId of untold) expect({ taken: timesTaken(sendId), ...rows.get(sendId) }).to.deep.equal(decided);
      report(
        policy,
        `${told.length} told: sent once; ${untold.length} not told: taken ${decided.taken} times, ${decided.state}`,
      );
    });
});
