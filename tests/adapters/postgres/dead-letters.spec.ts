import { expect } from 'chai';
import { LaneRows } from '../../../src/adapters/postgres/lane-rows.ts';
import { PostgresDeadLetters } from '../../../src/adapters/postgres/postgres-dead-letters.ts';
import { textMessage } from '../../core/builders.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

describe('Dead letters on Postgres', () => {
  before(startPostgres);

  let open: OpenQueues;
  let letters: PostgresDeadLetters;
  beforeEach(async () => {
    open = await openPostgresQueues();
    letters = new PostgresDeadLetters(open.database, open.queue.lanes);
    const lanes = ['ana', 'kim', 'ana'];
    const jobs = lanes.map((lane, index) => ({
      ...{ key: { id: `${index}`, day: 20_000 }, lane, payload: textMessage('hi') },
    }));
    await open.database.transaction((tx) => new LaneRows('messages').insert(tx, jobs));
    await sql(`UPDATE wahook.inbox SET state = 'dead', settled_at = now(), last_error = '{"code":"x","message":"x"}'`);
  });
  afterEach(() => open.close());

  const sql = <Row extends object>(text: string) => open.database.query<Row>({ text });
  const awake = async () =>
    (await sql<{ lane: string }>('SELECT singleton_key AS lane FROM pgboss.job ORDER BY 1')).map(({ lane }) => lane);

  it('wakes each lane once, in the transaction of the redrive', async () => {
    await letters.redrive({});
    expect(await awake()).to.deep.equal(['ana', 'kim']);
  });

  it('wakes the lanes of what was discarded, which may have waited for it', async () => {
    await letters.discard({ ids: ['messages-1'] });
    expect(await awake()).to.deep.equal(['ana']);
  });

  it('stores when each is due that is redriven at a pace, and leaves those to the sweep', async () => {
    await letters.redrive({}, { perSecond: 0.1 });
    const rows = await sql<{ after: number }>(`
      SELECT round(extract(epoch FROM next_attempt_at - (SELECT min(next_attempt_at) FROM wahook.inbox)))::integer AS after
      FROM wahook.inbox ORDER BY seq`);
    expect(rows.map(({ after }) => after)).to.deep.equal([0, 10, 20]);
    expect(await awake()).to.deep.equal(['ana']);
  });
});
