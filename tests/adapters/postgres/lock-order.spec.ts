import { expect } from 'chai';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresQuarantine } from '../../../src/adapters/postgres/postgres-quarantine.ts';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import type { StatusUpdate } from '../../../src/core/model.ts';
import type { QuarantinedPiece } from '../../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { statusUpdate } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';

/** A deadlock is run again, so it shows in no result: only as a second lost, and in the server's count of them. */
describe('writers of the same rows in opposite orders', () => {
  let created: TestDatabase;
  let database: PostgresDatabase;
  let observer: PostgresDatabase;

  before(startPostgres);
  beforeEach(async () => {
    created = await testDatabase();
    database = new PostgresDatabase({
      url: created.url,
      poolSize: 8,
      applicationName: 'lock-order.spec',
      limits: TIME_LIMITS.postgres,
    });
    observer = new PostgresDatabase({
      url: created.url,
      poolSize: 1,
      applicationName: 'observer',
      limits: TIME_LIMITS.postgres,
    });
  });
  afterEach(async () => {
    await Promise.all([database.close(), observer.close()]);
    await created.drop();
  });

  async function count(text: string): Promise<number> {
    const [row] = await observer.query<{ count: number }>({ text });
    return row!.count;
  }

  async function expectNoDeadlock(): Promise<void> {
    // Sessions that have ended are sure to have reported.
    await database.close();
    const SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lock-order.spec'";
    await eventually(async () => (await count(SESSIONS)) === 0);
    const deadlocks = 'SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()';
    expect(await count(deadlocks)).to.equal(0);
  }

  const nothing = async (): Promise<void> => {};

  it('record keys in the order of their days, whatever order they are given in', async () => {
    const store = new PostgresDedupStore(database);
    const [first, middle, last] = [1, 2, 3].map((day) => ({ id: `day ${day}`, day }));
    let waiting: Promise<unknown> | undefined;

    await store.once([middle!], async () => {
      waiting = store.once([last!, middle!, first!], nothing);
      await eventually(async () => (await count('SELECT count(*) FROM pg_locks WHERE NOT granted')) > 0);
      // It waits for the one in the middle, so it has not come to the last one yet.
      expect((await store.once([last!], nothing)).fresh).to.deep.equal(['day 3']);
    });

    expect(await waiting).to.deep.equal({ fresh: ['day 1'], duplicate: ['day 3', 'day 2'], busy: [] });
  });

  it('meet no deadlock when statuses send messages again that have failed', async () => {
    const lanes = { wake: () => {} };
    const failure = { kind: 'transient' as const, resend: { afterMs: 0, limit: 3 } };
    const failed = Array.from({ length: 500 }, (_, index): StatusUpdate => {
      return { ...statusUpdate('failed', { messageId: `wamid.${index}`, errors: [{ code: 131_000 }] }), failure };
    });
    await observer.query({
      text: `INSERT INTO wahook.outbox (queue, lane, event_key, event_day, payload, state, wamid)
             SELECT 'outbound', 'lane', 'send ' || n, 0, '{}', 'done', 'wamid.' || 499 - n FROM generate_series(0, 499) AS n`,
    });
    const again = `UPDATE wahook.outbox SET state = 'done', failures = 0, wamid = refused_wamid, refused_wamid = NULL, refused_wamids = '{}'`;
    for (let round = 0; round < 3; round += 1) {
      const batches = [failed, failed.toReversed(), failed.toSorted(() => Math.random() - 0.5)];
      await Promise.all(
        [...batches, ...batches].map((batch) => new PostgresSentMessages(database, lanes).apply(batch)),
      );
      expect(await count(`SELECT count(*) FROM wahook.outbox WHERE state = 'waiting' AND failures = 1`)).to.equal(500);
      await observer.query({ text: again });
    }
    await expectNoDeadlock();
  });

  it('meet no deadlock when they keep pieces in quarantine', async () => {
    const quarantine = new PostgresQuarantine(database);
    const pieces = Array.from({ length: 500 }, (_, index): QuarantinedPiece => {
      return { reason: 'wrong_shape', path: `entry[${index}]`, raw: new Uint8Array([1]) };
    });
    const writes = [1, 2, 3, 4].flatMap(() => [quarantine.keep(pieces), quarantine.keep([...pieces].reverse())]);

    await Promise.all(writes);

    await expectNoDeadlock();
  });
});
