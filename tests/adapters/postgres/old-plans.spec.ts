import { expect } from 'chai';
import { openBossConnection } from '../../../src/adapters/postgres/boss-connection.ts';
import { ASLEEP } from '../../../src/adapters/postgres/lane-scheduler.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../../src/adapters/postgres/postgres-message-queue.ts';
import type { Settlement } from '../../../src/core/ports/queue.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { textMessage } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { RecordingLog, RecordingMetrics } from '../../support/recording.ts';

/** A statement's plan is kept from its sixth time on. */
const FEW = { messages: 30, lanes: 30 };

const MUCH = { messages: 3_000, lanes: 600 };

/**
 * What may be read for a message. Statements of pg-boss may read all lanes once for each group of 64, which is up to 90 entries; a plan that does so
 * for each lane makes it 300 and more. Whole tables are read by the housekeeping alone, while they are empty.
 */
const MOST = { rowsOfWholeTables: 1, rowsByNumber: 5, entriesOfIndexes: 150 } as const;

const DONE: Settlement = { outcome: 'done' };

/** A connection keeps the plans of its statements, also when what they are about has grown. */
describe('Statements that were planned when there was nothing', () => {
  let created: TestDatabase;
  let database: PostgresDatabase;
  let queue: PostgresMessageQueue;
  let published = 0;

  before(startPostgres);

  const opened = () =>
    new PostgresDatabase({ url: created.url, poolSize: 6, applicationName: 'test', limits: TIME_LIMITS.postgres });

  beforeEach(async () => {
    created = await testDatabase();
    database = opened();
    const [log, metrics] = [new RecordingLog(), new RecordingMetrics()];
    const dedup = new PostgresDedupStore(database);
    queue = new PostgresMessageQueue({ database, dedup, log, metrics, stopDeadlineMs: 0 });
    await queue.start();
  });

  afterEach(async () => {
    await close();
    await created.drop();
  });

  async function publish({ messages, lanes }: typeof FEW): Promise<void> {
    const jobs = Array.from({ length: messages }, (_, place) => {
      published += 1;
      return { key: { id: `m|${published}`, day: 1 }, lane: `lane ${place % lanes}`, payload: textMessage('Hello') };
    });
    while (jobs.length > 0) await queue.publish('messages', jobs.splice(0, 10));
  }

  async function publishAndHandle(amount: typeof FEW): Promise<void> {
    await publish(amount);
    let handled = 0;
    const handler = async (burst: readonly unknown[]) => {
      handled += burst.length;
      return burst.map(() => DONE);
    };
    const consumption = await queue.consume('messages', handler, { concurrency: 64, burst: 1 });
    await eventually(() => handled === amount.messages, 60_000);
    await consumption.stop();
  }

  const close = async () => {
    await queue.close();
    await database.close();
  };

  /** In all, by all connections so far: they report it at the latest when they end. */
  async function read(): Promise<Readonly<Record<keyof typeof MOST, number>>> {
    await close();
    const look = opened();
    const sum = (column: string, view: string, condition = 'true') =>
      `(SELECT sum(${column}) FROM ${view} WHERE ${condition})::float8`;
    const [counts] = await look.query<Record<keyof typeof MOST, number>>({
      text: `SELECT ${sum('seq_tup_read', 'pg_stat_user_tables')} AS "rowsOfWholeTables",
                    ${sum('idx_tup_read', 'pg_stat_user_indexes', "indexrelname = 'inbox_pkey'")} AS "rowsByNumber",
                    ${sum('idx_tup_read', 'pg_stat_user_indexes')} AS "entriesOfIndexes"`,
    });
    await look.close();
    return counts!;
  }

  for (const [state, statements] of [
    ['never analysed', []],
    ['analysed while they were small', ['ANALYZE wahook.inbox', 'ANALYZE wahook.lane', 'ANALYZE pgboss.job_common']],
    [
      'vacuumed while they were empty',
      ['DELETE FROM wahook.inbox', 'VACUUM ANALYZE wahook.inbox', 'VACUUM ANALYZE pgboss.job_common'],
    ],
  ] as const)
    it(`read little when there is much, from tables that were ${state}`, async () => {
      await publishAndHandle(FEW);
      for (const text of statements) await database.query({ text });
      await publishAndHandle(FEW);
      await publishAndHandle(MUCH);
      const counts = await read();
      for (const [what, most] of Object.entries(MOST))
        expect(counts[what as keyof typeof MOST] / MUCH.messages, what).to.be.below(most);
    });

  it('are made anew a moment after a table has grown tenfold, without autovacuum', async () => {
    await database.query({ text: 'ALTER TABLE wahook.inbox SET (autovacuum_enabled = false)' });
    await database.query({ text: 'ANALYZE wahook.inbox' });
    const watching = await queue.consume('account', async (burst) => burst.map(() => DONE), {
      concurrency: 1,
      burst: 1,
    });
    await publish(MUCH);
    const known = async () => {
      const text = `SELECT reltuples::integer AS rows FROM pg_class WHERE oid = 'wahook.inbox'::regclass`;
      return (await database.query<{ readonly rows: number }>({ text }))[0]!.rows;
    };
    await eventually(async () => (await known()) > MUCH.messages / 2, 30_000);
    await watching.stop();
  });

  it('wake lanes by the index of waking, whatever else begins with the name of the queue', async () => {
    const connection = openBossConnection(database.bossOptions(), () => {});
    const ask = async (text: string) =>
      (await connection.db.executeSql(text, ['messages', ['lane 1', 'another']])).rows;
    try {
      await database.query({ text: 'VACUUM ANALYZE pgboss.job_common' });
      await database.query({
        text: `INSERT INTO pgboss.job (name, singleton_key, policy, data)
               SELECT 'messages', 'lane ' || place, 'stately', '{}' FROM generate_series(1, 1000) AS place`,
      });
      const plan = JSON.stringify(await ask(`EXPLAIN (FORMAT json) ${ASLEEP}`));
      expect(plan).to.match(/"Index Cond":"[^"]*COALESCE\(singleton_key, ''::text\) >= given\.lane/);
      expect(await ask(ASLEEP)).to.deep.equal([{ lane: 'another' }]);
    } finally {
      await connection.close();
    }
  });
});
