import { expect } from 'chai';
import { report, rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textsWebhook } from '../system/webhook-client.ts';
import { sql, storedTimes } from './stored.ts';

const MESSAGES_PER_BATCH = 20;
const CONVERSATIONS = 30;
/** Batches that are under way at once, at each of the two processes. */
const AT_ONCE = 8;

describe('Two processes that store the same conversations and keys in opposite orders', function () {
  this.timeout(240_000);

  let database: TestDatabase;
  let started: ServiceProcess[];
  before(startPostgres);
  beforeEach(async () => {
    database = await testDatabase();
    started = [];
  });
  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await database.drop();
  });

  const batchOf = (ids: readonly number[]): Buffer =>
    textsWebhook(
      ids.map((id) => ({ id: `CROSSED-${id}`, words: 'hi', from: String(15550100000 + (id % CONVERSATIONS)) })),
    );

  it('lose nothing, store nothing twice, and answer nothing but 200 and 503', async () => {
    const env = { STORE: 'postgres', DATABASE_URL: database.url, ROLE: 'web' };
    const both = await Promise.all([ServiceProcess.start(env), ServiceProcess.start(env)]);
    started.push(...both.map(({ service }) => service));
    const batches = rounds(150, 2_000);
    const statuses: Record<number, number> = {};
    let next = 0;
    /** As Meta does: until it is taken. */
    const deliverUntilTaken = async (url: string, ids: readonly number[]) => {
      const body = batchOf(ids);
      for (;;) {
        const status = await deliver(url, body);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status !== 503) return;
      }
    };
    const sender = async () => {
      while (next < batches) {
        const first = next * MESSAGES_PER_BATCH;
        next += 1;
        const ids = Array.from({ length: MESSAGES_PER_BATCH }, (_, index) => first + index);
        // Half of the keys and all of the conversations are also in the other one's, the other way round.
        const crossed = ids.map((id) => (id % 2 === 0 ? id : id + 1_000_000)).reverse();
        await Promise.all([deliverUntilTaken(both[0].url, ids), deliverUntilTaken(both[1].url, crossed)]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));

    const [row] = await sql<{ deadlocks: string }>(
      database.url,
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    report(
      'crossed batches',
      `${2 * batches}, ${JSON.stringify(statuses)}, deadlocks seen by Postgres: ${row?.deadlocks}`,
    );
    expect(Object.keys(statuses).filter((status) => !['200', '503'].includes(status))).to.deep.equal([]);
    const times = await storedTimes(database.url);
    expect([...times.values()].filter((count) => count !== 1)).to.deep.equal([]);
    expect(times.size).to.equal(batches * MESSAGES_PER_BATCH * 1.5);
    expect(started.some(({ hasEnded }) => hasEnded)).to.equal(false);
  });
});
