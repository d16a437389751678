import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { Database } from '../../../src/adapters/postgres/database.ts';
import { LaneRows } from '../../../src/adapters/postgres/lane-rows.ts';
import { LaneScheduler } from '../../../src/adapters/postgres/lane-scheduler.ts';
import { LaneSweep } from '../../../src/adapters/postgres/lane-sweep.ts';
import { sendJob } from '../../../src/core/lanes.ts';
import type { Consumption, Settlement } from '../../../src/core/ports/queue.ts';
import { outboundText } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';
import { silentLog } from '../../support/recording.ts';

const TIMES = {
  'wahook.sweep': ['swept_at', 'due_until'],
  'wahook.outbox': ['accepted_at', 'next_attempt_at'],
  'pgboss.job': ['created_on', 'start_after', 'heartbeat_on'],
};

describe('When the clock of the database was a day ahead and is set back', function () {
  this.timeout(30_000);
  before(startPostgres);

  let open: OpenQueues;
  let consumption: Consumption | undefined;
  let runs: string[];

  beforeEach(async () => {
    open = await openPostgresQueues();
    runs = [];
  });
  afterEach(async () => {
    await consumption?.stop();
    await open.close();
  });

  const sql = <Row extends object>(text: string) => open.database.query<Row>({ text });
  const hello = (sendId = 'one') => sendJob(outboundText('Hello', sendId));

  async function setClockBack(): Promise<void> {
    const statements = Object.entries(TIMES).map(
      ([table, times]) => `UPDATE ${table} SET ${times.map((time) => `${time} = ${time} + interval '1 day'`)}`,
    );
    await sql(statements.join('; '));
  }

  async function consume(first: Settlement = { outcome: 'done' }): Promise<void> {
    consumption = await open.queue.consume(
      'outbound',
      async (jobs) =>
        jobs.map(({ payload }) => {
          runs.push(payload.sendId);
          return runs.length === 1 ? first : { outcome: 'done' };
        }),
      { concurrency: 2, burst: 1 },
    );
  }

  it('a message that waits for another attempt does not wait for a day', async () => {
    await consume({ outcome: 'retry', inMs: 1_500, counted: false, error: { code: 'limit_recipient', message: 'x' } });
    await open.queue.publish('outbound', [hello()]);
    const waits = 'SELECT FROM wahook.outbox WHERE next_attempt_at IS NOT NULL AND NOT claimed';
    await eventually(async () => (await sql(waits)).length === 1, 5_000);
    await setClockBack();
    await eventually(() => runs.length === 2, 8_000);
  });

  it('nor does one that is put off after that', async () => {
    await sql(`UPDATE wahook.sweep SET swept_at = now(), due_until = now()`);
    await setClockBack();
    await consume({ outcome: 'retry', inMs: 500, counted: false, error: { code: 'limit_recipient', message: 'x' } });
    await open.queue.publish('outbound', [hello()]);
    await eventually(() => runs.length === 2, 8_000);
  });

  it('a conversation goes on that a worker was to be given, and before those that came later', async () => {
    await open.queue.publish('outbound', [hello('one')]);
    await eventually(async () => (await sql('SELECT FROM pgboss.job')).length === 1);
    await setClockBack();
    await open.queue.publish('outbound', [hello('two')]);
    await consume();
    await eventually(() => runs.length === 2, 8_000);
    expect(runs).to.deep.equal(['one', 'two']);
  });

  it('a conversation goes on whose wake-up was lost', async () => {
    await open.database.transaction((tx) => new LaneRows('outbound').insert(tx, [hello()]));
    await setClockBack();
    await consume();
    await eventually(() => runs.length === 1, 8_000);
  });

  it('a conversation goes on whose worker has died', async () => {
    const dying = new LaneScheduler({ boss: open.database.bossOptions(), log: silentLog });
    await dying.start();
    await open.queue.publish('outbound', [hello()]);
    await eventually(async () => (await dying.fetch('outbound', 1)).length === 1, 5_000);
    await dying.close();
    await setClockBack();
    await consume();
    await eventually(() => runs.length === 1, 20_000);
  });

  it('what must wait for longer than the clock was ahead goes on to wait', async () => {
    await consume({ outcome: 'retry', inMs: 3_600_000, counted: false, error: { code: 'ambiguous', message: 'x' } });
    await open.queue.publish('outbound', [hello()]);
    const waits = 'SELECT FROM wahook.outbox WHERE next_attempt_at IS NOT NULL AND NOT claimed';
    await eventually(async () => (await sql(waits)).length === 1, 5_000);
    await setClockBack();
    const left = `SELECT extract(epoch FROM next_attempt_at - now())::float8 AS s FROM wahook.outbox`;
    await eventually(async () => ((await sql<{ s: number }>(left))[0]?.s ?? 0) < 3_601, 5_000);
    expect((await sql<{ s: number }>(left))[0]?.s).to.be.above(3_580);
    expect(runs).to.have.length(1);
  });
});

describe('A sweep of a process that stands still after its BEGIN', function () {
  this.timeout(30_000);
  before(startPostgres);

  let open: OpenQueues;
  let scheduler: LaneScheduler;
  beforeEach(async () => {
    open = await openPostgresQueues();
    scheduler = new LaneScheduler({ boss: open.database.bossOptions(), log: silentLog });
    await scheduler.start();
  });
  afterEach(async () => {
    await scheduler.close();
    await open.close();
  });

  it('does not take for a clock that was set back what others did meanwhile', async () => {
    const sql = <Row extends object>(text: string) => open.database.query<Row>({ text });
    await open.database.transaction((tx) => scheduler.wakeInside(tx, 'outbound', ['beaten', 'ahead']));
    expect(await scheduler.fetch('outbound', 2)).to.have.length(2);
    await open.queue.publish('outbound', [sendJob(outboundText('Hello'))]);
    await sql(`UPDATE wahook.outbox SET next_attempt_at = now() + interval '60 s'`);

    const standingStill: Database = {
      ...{ query: (statement) => open.databaseElsewhere.query(statement), close: async () => {} },
      bossOptions: () => open.databaseElsewhere.bossOptions(),
      transaction: (work, options) =>
        open.databaseElsewhere.transaction(async (tx) => {
          await pause(9_000);
          await sql(`UPDATE wahook.sweep SET swept_at = now() - interval '2 s';
            UPDATE pgboss.job SET heartbeat_on = now();
            UPDATE pgboss.job SET heartbeat_on = now() + interval '1 day' WHERE singleton_key = 'ahead'`);
          return work(tx);
        }, options),
    };
    await new LaneSweep(standingStill, scheduler, 'outbound').sweep();

    const isKept = `SELECT FROM wahook.outbox WHERE next_attempt_at > accepted_at + interval '59 s'`;
    expect(await sql(isKept), 'the retry').to.have.length(1);
    const young = `SELECT FROM pgboss.job
      WHERE state = 'active' AND heartbeat_on BETWEEN now() - interval '5 s' AND now()`;
    expect(await sql(young), 'the heartbeats').to.have.length(2);
    // Or it would have done nothing at all.
    const hasSwept = `SELECT FROM wahook.sweep WHERE queue = 'outbound' AND swept_at < now() - interval '5 s'`;
    expect(await sql(hasSwept)).to.have.length(1);
  });
});
