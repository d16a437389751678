import { expect } from 'chai';
import { type LaneClaim, LaneScheduler } from '../../../src/adapters/postgres/lane-scheduler.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, testDatabase } from '../../support/postgres.ts';
import { silentLog } from '../../support/recording.ts';

describe('The heartbeat of a worker', () => {
  let database: PostgresDatabase;
  let scheduler: LaneScheduler;
  let drop: () => Promise<void>;
  /** In the order of their ids, in which statements lock them. */
  let first: LaneClaim;
  let last: LaneClaim;

  before(startPostgres);
  beforeEach(async () => {
    const created = await testDatabase();
    drop = created.drop;
    const limits = TIME_LIMITS.postgres;
    database = new PostgresDatabase({ url: created.url, poolSize: 4, applicationName: 'test', limits });
    scheduler = new LaneScheduler({ boss: database.bossOptions(), log: silentLog });
    await scheduler.start();
    await database.transaction((tx) => scheduler.wakeInside(tx, 'messages', ['one', 'two']));
    const claims = await scheduler.fetch('messages', 2);
    [first, last] = claims.toSorted((one, other) => (one.id < other.id ? -1 : 1)) as [LaneClaim, LaneClaim];
  });
  afterEach(async () => {
    await scheduler.close();
    await database.close();
    await drop();
  });

  const rows = (text: string) => database.query<Record<string, unknown>>({ text });
  const beat = () => scheduler.beat('messages', [first, last]);

  it('keeps the lanes that are its own, and knows those that are not any more', async () => {
    await rows(`UPDATE pgboss.job SET heartbeat_on = now() - interval '9 seconds'`);
    await rows(`UPDATE pgboss.job SET retry_count = retry_count + 1 WHERE id = '${last.id}'`);
    const { proven, busy } = await beat();
    expect([...proven]).to.deep.equal([first]);
    expect([...busy]).to.deep.equal([]);
    const young = await rows(`SELECT id FROM pgboss.job WHERE heartbeat_on > now() - interval '5 seconds'`);
    expect(young).to.deep.equal([{ id: first.id }]);
    await rows('DELETE FROM pgboss.job');
    expect((await beat()).proven.size).to.equal(0);
  });

  it('waits for no settlement, and meets no deadlock with one that has more lanes to lock', async () => {
    let runs = 0;
    let told: Awaited<ReturnType<typeof beat>> | undefined;
    let beating: Promise<unknown> = Promise.resolve();
    await database.transaction(async (tx) => {
      runs += 1;
      await scheduler.hold(tx, 'messages', [last]);
      beating = beat().then((heartbeat) => {
        told = heartbeat;
      });
      const waits = async () => (await rows('SELECT FROM pg_locks WHERE NOT granted')).length > 0;
      await eventually(async () => told !== undefined || (await waits()));
      expect([...(await scheduler.release(tx, 'messages', [first]))]).to.deep.equal([first]);
    });
    await beating;
    expect(runs, 'a deadlock would have repeated it').to.equal(1);
    expect([...(told?.proven ?? [])]).to.deep.equal([first]);
    expect([...(told?.busy ?? [])]).to.deep.equal([last]);
  });
});
