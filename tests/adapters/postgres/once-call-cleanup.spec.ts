import { expect } from 'chai';
import type { Database } from '../../../src/adapters/postgres/database.ts';
import { removeOldCalls } from '../../../src/adapters/postgres/once-call-cleanup.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';

describe('Removing calls that nobody needs any more', () => {
  let created: TestDatabase;
  let database: Database;

  before(startPostgres);

  beforeEach(async () => {
    created = await testDatabase();
    const limits = TIME_LIMITS.postgres;
    database = new PostgresDatabase({ url: created.url, poolSize: 2, applicationName: 'test', limits });
  });

  afterEach(async () => {
    await database.close();
    await created.drop();
  });

  /** A row of the inbox in a state; resolves to its number. */
  async function row(state: string): Promise<number> {
    const [inserted] = await database.query<{ seq: number }>({
      text: `INSERT INTO wahook.inbox (queue, lane, event_key, event_day, payload, state)
             VALUES ('messages', 'lane', $1, 1, '{}', $1) RETURNING seq`,
      values: [state],
    });
    return inserted?.seq ?? 0;
  }

  const record = (job: number, count = 1) =>
    database.query({
      text: `INSERT INTO wahook.once_call (job, name) SELECT $1::bigint, n FROM generate_series(1, $2::integer) AS n`,
      values: [job, count],
    });

  const left = async () => {
    const rows = await database.query<{ job: number }>({ text: 'SELECT job FROM wahook.once_call ORDER BY job' });
    return rows.map(({ job }) => job);
  };

  it('keeps those of jobs that can run again, and removes those of jobs that are over or gone', async () => {
    const [waiting, done, dead, discarded] = [
      await row('waiting'),
      await row('done'),
      await row('dead'),
      await row('discarded'),
    ];
    for (const job of [waiting, done, dead, discarded, 1_000_000]) await record(job);
    expect(await removeOldCalls(database)).to.equal(3);
    expect(await left()).to.deep.equal([waiting, dead]);
    expect(await removeOldCalls(database)).to.equal(0);
  });

  it('removes more than one statement may, also when several processes do it at once', async () => {
    const waiting = await row('waiting');
    await record(await row('done'), 12_000);
    await record(waiting, 3);
    const removed = await Promise.all([removeOldCalls(database), removeOldCalls(database)]);
    expect((removed[0] ?? 0) + (removed[1] ?? 0)).to.be.at.least(5_000);
    await removeOldCalls(database);
    expect(await left()).to.deep.equal([waiting, waiting, waiting]);
  });
});
