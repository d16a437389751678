import { expect } from 'chai';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import { joinUnmatched } from '../../../src/adapters/postgres/unmatched-statuses.ts';
import type { StatusUpdate } from '../../../src/core/model.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { statusUpdate } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';

const SENDS = 50_000;

/** Told at once, of each kind. */
const TOLD = 20;

describe('Among many sends of which the database has no statistics yet', function () {
  this.timeout(20_000);
  before(startPostgres);

  let created: TestDatabase;
  let observer: PostgresDatabase;

  const open = (applicationName: string) =>
    new PostgresDatabase({ url: created.url, poolSize: 1, applicationName, limits: TIME_LIMITS.postgres });

  beforeEach(async () => {
    created = await testDatabase();
    observer = open('observer');
    await observer.query({ text: 'ALTER TABLE wahook.outbox SET (autovacuum_enabled = off)' });
    await observer.query({
      text: `INSERT INTO wahook.outbox (queue, lane, event_key, event_day, payload, state, wamid, delivery)
             SELECT 'outbound', '1|' || n, 'send-' || n, 0, '{}', 'done', 'wamid.' || n, 'sent'
             FROM generate_series(1, ${SENDS}) AS n`,
    });
  });
  afterEach(async () => {
    await observer.close();
    await created.drop();
  });

  /** The rows of the outbox that this work reads. A session that has ended is sure to have told them. */
  async function rowsReadBy(work: (database: PostgresDatabase) => Promise<void>): Promise<number> {
    const read = async () => {
      await observer.close();
      observer = open('observer');
      const others = 'SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
      await eventually(async () => (await observer.query({ text: others })).length === 0);
      const [row] = await observer.query<{ rows: number }>({
        text: `SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_user_tables WHERE relname = 'outbox'`,
      });
      return Number(row?.rows);
    };
    const before = await read();
    const database = open('at work');
    await work(database);
    await database.close();
    return (await read()) - before;
  }

  const told = (status: StatusUpdate['status'], options: (n: number) => Partial<StatusUpdate>) =>
    Array.from({ length: TOLD }, (_, n) => statusUpdate(status, options(n + 1)));
  const states = () =>
    observer.query({ text: 'SELECT state, delivery, count(*) FROM wahook.outbox GROUP BY 1, 2 ORDER BY count' });

  for (const [by, options] of [
    ['its wamid', (n: number) => ({ messageId: `wamid.${n}` })],
    ['its send id', (n: number) => ({ messageId: `wamid.${n}`, sendId: `send-${n}` })],
  ] as const) {
    it(`a status finds its message by ${by} alone`, async () => {
      const rows = await rowsReadBy(async (database) => {
        await new PostgresSentMessages(database, { wake: () => {} }).apply(told('read', options));
      });
      expect(rows).to.be.within(TOLD, 10 * TOLD);
      expect(await states()).to.deep.equal([
        { state: 'done', delivery: 'read', count: TOLD },
        { state: 'done', delivery: 'sent', count: SENDS - TOLD },
      ]);
    });
  }

  it('one that has it sent again finds it by its wamid alone', async () => {
    const failure = { kind: 'transient' as const, resend: { afterMs: 0, limit: 1 } };
    const failed = told('failed', (n) => ({ messageId: `wamid.${n}`, errors: [{ code: 131_000 }], failure }));
    const rows = await rowsReadBy(async (database) => {
      await new PostgresSentMessages(database, { wake: () => {} }).apply(failed);
    });
    expect(rows).to.be.within(TOLD, 10 * TOLD);
    expect(await states()).to.deep.equal([
      { state: 'waiting', delivery: null, count: TOLD },
      { state: 'done', delivery: 'sent', count: SENDS - TOLD },
    ]);
  });

  it('one that was kept, among many about others, is joined with its message by the wamid alone', async () => {
    await observer.query({
      text: `INSERT INTO wahook.unmatched_status (wamid, delivery, kept_at)
             SELECT CASE WHEN n > ${TOLD} THEN 'wamid.other.' ELSE 'wamid.' END || n, 'read', now() - interval '6 minutes'
             FROM generate_series(1, 20000) AS n`,
    });
    const rows = await rowsReadBy(async (database) => {
      expect(await joinUnmatched(database)).to.equal(TOLD);
    });
    expect(rows).to.be.within(TOLD, 10 * TOLD);
  });
});
