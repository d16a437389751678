import { expect } from 'chai';
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
 * Rows and entries of an index that may be read for a message. Statements of pg-boss may read all lanes once for each group of 64, which is up to
 * 90; a plan that does so for each lane makes it 300 and more.
 */
const MOST_READ = 150;

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

  afterEach(() => created.drop());

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

  /** In all, by all connections so far: they report it at the latest when they end. */
  async function rowsRead(): Promise<{ readonly byScans: number; readonly byIndexes: number }> {
    await queue.close();
    await database.close();
    const look = opened();
    const [read] = await look.query<{ readonly byScans: number; readonly byIndexes: number }>({
      text: `SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::float8 AS "byScans",
                    (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::float8 AS "byIndexes"`,
    });
    await look.close();
    return read!;
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
      const { byScans, byIndexes } = await rowsRead();
      expect(byScans / MUCH.messages, 'rows read by scans of whole tables').to.be.below(MOST_READ);
      expect(byIndexes / MUCH.messages, 'entries read of indexes').to.be.below(MOST_READ);
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
    await queue.close();
    await database.close();
  });
});
