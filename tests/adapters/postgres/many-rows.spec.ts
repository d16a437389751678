import { expect } from 'chai';
import { maintainEventKeys, RETAIN_DAYS } from '../../../src/adapters/postgres/event-key-partitions.ts';
import { forgetPairs } from '../../../src/adapters/postgres/pair-rate.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresSendingNumbers } from '../../../src/adapters/postgres/postgres-sending-numbers.ts';
import { forgetWindows } from '../../../src/adapters/postgres/postgres-service-windows.ts';
import { NUMBER_STOPPED } from '../../../src/core/send-limits.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';

/** What may be about more rows than a statement that a webhook waits for has time for. */
describe('Work on many rows', () => {
  let created: TestDatabase;
  let database: PostgresDatabase;
  /** The same, with statements that are over sooner. */
  let hasty: PostgresDatabase;

  before(startPostgres);

  beforeEach(async () => {
    created = await testDatabase();
    const options = { url: created.url, poolSize: 1, applicationName: 'test' };
    const limits = TIME_LIMITS.postgres;
    database = new PostgresDatabase({ ...options, limits });
    hasty = new PostgresDatabase({ ...options, limits: { ...limits, lockMs: 50, statementMs: 100 } });
  });

  afterEach(async () => {
    await Promise.all([database.close(), hasty.close()]);
    await created.drop();
  });

  /** As a large table is. */
  const makeSlow = (table: string) =>
    database.query({
      text: `CREATE FUNCTION wahook.slow() RETURNS trigger LANGUAGE plpgsql AS
               'BEGIN PERFORM pg_sleep(0.3); RETURN COALESCE(NEW, OLD); END';
             CREATE TRIGGER slow BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION wahook.slow()`,
    });

  it('resumes a number however long it takes to wake what waits for it', async () => {
    const numbers = new PostgresSendingNumbers(hasty, { limitsOf: () => ({ perSecond: 80, credential: 'one' }) });
    await numbers.stop('1065', { code: 'graph_190', message: 'The access token is invalid.' });
    await database.query({
      text: `INSERT INTO wahook.outbox (queue, lane, event_key, event_day, payload, next_attempt_at, last_error)
             VALUES ('outbound', '1065|15551234567', 'x', 0, '{}', now() + interval '1 hour', jsonb_build_object('code', $1::text))`,
      values: [NUMBER_STOPPED],
    });
    await makeSlow('wahook.outbox');
    expect(await numbers.resume('1065')).to.equal(true);
    const due = await database.query({ text: 'SELECT FROM wahook.outbox WHERE next_attempt_at <= now()' });
    expect(due).to.have.length(1);
  });

  it('forgets recipients whose time is over, and no other', async () => {
    await database.query({
      text: `INSERT INTO wahook.sending_pair (lane, free_at)
             VALUES ('over', now() - interval '1 s'), ('not yet', now() + interval '1 hour')`,
    });
    await makeSlow('wahook.sending_pair');
    await forgetPairs(hasty);
    expect(await database.query({ text: 'SELECT lane FROM wahook.sending_pair' })).to.deep.equal([{ lane: 'not yet' }]);
  });

  it('forgets people who have not written for 90 days, and no other', async () => {
    await database.query({
      text: `INSERT INTO wahook.service_window (person, opened_at)
             VALUES ('gone', now() - interval '91 days'), ('there', now() - interval '89 days')`,
    });
    await makeSlow('wahook.service_window');
    await forgetWindows(hasty);
    expect(await database.query({ text: 'SELECT person FROM wahook.service_window' })).to.deep.equal([
      { person: 'there' },
    ]);
  });

  it('forgets all old keys that have no day, more than one statement takes', async () => {
    await maintainEventKeys(database);
    await database.query({
      text: `INSERT INTO wahook.event_key (day, digest, seen_on)
             SELECT 0, decode(md5(n::text), 'hex'), CURRENT_DATE - ${RETAIN_DAYS + 1} FROM generate_series(1, 10001) AS n`,
    });
    expect((await maintainEventKeys(database)).deleted).to.equal(10_001);
  });
});
