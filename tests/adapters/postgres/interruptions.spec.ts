import { expect } from 'chai';
import { LaneRows } from '../../../src/adapters/postgres/lane-rows.ts';
import { type LaneClaim, LaneScheduler } from '../../../src/adapters/postgres/lane-scheduler.ts';
import type { InboundMessage } from '../../../src/core/model.ts';
import type { Consumption, Job, JobHandler, NewJob, Settlement } from '../../../src/core/ports/queue.ts';
import { eventually } from '../../support/eventually.ts';
import { startPglite, startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPgliteQueues, openPostgresQueues } from '../../support/queues.ts';
import { silentLog } from '../../support/recording.ts';

const DONE: Settlement = { outcome: 'done' };
const AGAIN: Settlement = {
  outcome: 'retry',
  inMs: 0,
  counted: true,
  error: { code: 'handler_failed', message: 'no' },
};

function job(text: string): NewJob<InboundMessage> {
  const payload: InboundMessage = {
    ...{ kind: 'message', type: 'text', text, id: `wamid.${text}`, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ customer: { waId: '15551234567' }, sentAtMs: 1_700_000_000_000 },
  };
  return { key: { id: text, day: 19_675 }, lane: 'lane', payload };
}

function interruptions(openQueues: () => Promise<OpenQueues>): void {
  let open: OpenQueues;
  let consumption: Consumption | undefined;
  const promises: PromiseWithResolvers<void>[] = [];

  beforeEach(async () => {
    open = await openQueues();
  });
  afterEach(async () => {
    for (const { resolve } of promises.splice(0)) resolve();
    await consumption?.stop();
    await open.close();
  });

  /** Fulfilled at the end of the test in any case. */
  const promise = () => {
    const made = Promise.withResolvers<void>();
    promises.push(made);
    return made;
  };

  const consume = async (handler: JobHandler<InboundMessage>, burst = 1) => {
    consumption = await open.queue.consume('messages', handler, { concurrency: 4, burst });
  };

  const publish = (...texts: readonly string[]) => open.queue.publish('messages', texts.map(job));

  const sql = <Row extends object>(text: string) => open.database.query<Row>({ text });

  const settled = () => eventually(async () => (await open.queue.depth('messages')).waiting === 0);

  /** Takes the lane as a process does that dies with it: nothing more is heard of it. */
  const dieWith = async (rows: number, at: 'work' | 'pause' | 'claim' = 'work') => {
    const dead = new LaneScheduler({ boss: open.database.bossOptions(), log: silentLog });
    await dead.start();
    let claims: readonly LaneClaim[] = [];
    await eventually(async () => {
      claims = await dead.fetch('messages', 1);
      return claims.length === 1;
    });
    const lane = new LaneRows('messages');
    const [claimed] = await lane.claim(open.database, [{ claim: claims[0] as LaneClaim, burst: rows }]);
    const seqs = (claimed?.rows ?? []).map(({ seq }) => seq);
    if (at !== 'claim') await open.database.transaction((tx) => lane.mark(tx, seqs, at === 'work'));
    await sql(`UPDATE pgboss.job SET state = 'retry', start_after = now() WHERE state = 'active'`);
    await dead.close();
    return (claimed?.rows ?? []).map(({ job: { key, interruptions } }) => [key.id, interruptions]);
  };

  it('counts its deaths in a row, apart from claims and failures, until it is settled', async () => {
    const got: Job[] = [];
    await publish('1');
    expect(await dieWith(1)).to.deep.equal([['1', 0]]);
    expect(await dieWith(1)).to.deep.equal([['1', 1]]);
    await consume(async (handed) => {
      got.push(...handed);
      return [got.length === 1 ? AGAIN : DONE];
    });
    await settled();
    expect(got[0]).to.include({ claims: 3, attempt: 1, interrupted: true, interruptions: 2 });
    expect(got[1]).to.include({ claims: 4, attempt: 2, interrupted: false, interruptions: 0 });
    expect(open.metrics.total('job_interruptions_total', { queue: 'messages' })).to.equal(1);
    expect(await sql('SELECT claims, failures, interruptions FROM wahook.inbox')).to.deep.equal([
      { claims: 4, failures: 1, interruptions: 0 },
    ]);
  });

  it('does not count a death while the job was paused or, once interrupted, not begun, and keeps what was counted', async () => {
    await publish('1');
    expect(await dieWith(1)).to.deep.equal([['1', 0]]);
    expect(await dieWith(1, 'pause')).to.deep.equal([['1', 1]]);
    expect(await dieWith(1)).to.deep.equal([['1', 1]]);
    expect(await dieWith(1, 'claim')).to.deep.equal([['1', 2]]);
    expect(await dieWith(1), 'it had not begun').to.deep.equal([['1', 2]]);
    expect(await dieWith(1)).to.deep.equal([['1', 3]]);
  });

  it('hands over alone, in order, each job of the burst that it died with', async () => {
    const bursts: (readonly [id: string, interruptions: number])[][] = [];
    await publish('1', '2', '3', '4', '5', '6');
    expect(await dieWith(3)).to.deep.equal([
      ['1', 0],
      ['2', 0],
      ['3', 0],
    ]);
    await consume(async (handed) => {
      bursts.push(handed.map(({ key, interruptions }) => [key.id, interruptions]));
      return handed.map(() => DONE);
    }, 3);
    await settled();
    expect(bursts).to.deep.equal([
      [['1', 1]],
      [['2', 1]],
      [['3', 1]],
      [
        ['4', 0],
        ['5', 0],
        ['6', 0],
      ],
    ]);
  });

  it('notes a pause while it lasts, and no longer', async () => {
    const hold = promise();
    const end = promise();
    const underWay = async () =>
      (await sql<{ under_way: boolean }>('SELECT under_way FROM wahook.inbox'))[0]?.under_way;
    let resumed = false;
    await consume(async (handed, { pause }) => {
      await pause(hold.promise);
      resumed = true;
      await end.promise;
      return handed.map(() => DONE);
    });
    await publish('1');
    await eventually(
      async () => (await sql('SELECT 1 FROM wahook.inbox WHERE claimed AND NOT under_way')).length === 1,
    );
    hold.resolve();
    await eventually(() => resumed);
    expect(await underWay()).to.equal(true);
    end.resolve();
    await settled();
    expect(await underWay()).to.equal(false);
  });
}

describe('A process that dies over jobs', () => {
  describe('on a Postgres server', () => {
    before(startPostgres);
    interruptions(openPostgresQueues);
  });

  describe('on the embedded Postgres', () => {
    before(startPglite);
    interruptions(openPgliteQueues);
  });
});
