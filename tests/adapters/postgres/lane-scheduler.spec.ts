import { expect } from 'chai';
import { ASLEEP } from '../../../src/adapters/postgres/lane-scheduler.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

describe('The scheduler of lanes', () => {
  before(startPostgres);

  let open: OpenQueues;
  beforeEach(async () => {
    open = await openPostgresQueues();
  });
  afterEach(() => open.close());

  it('looks for a lane by its key, by statistics of an empty table too', async () => {
    await open.database.query({
      text: `INSERT INTO pgboss.job (name, singleton_key, policy, data)
             SELECT 'messages', 'lane ' || place, 'stately', '{}' FROM generate_series(1, 2000) AS place`,
    });
    const lanes = ['lane 1', 'lane 2000', 'another lane'];

    const [plan] = await open.database.query<{ 'QUERY PLAN': readonly { readonly Plan: object }[] }>({
      text: `EXPLAIN (FORMAT json) ${ASLEEP}`,
      values: ['messages', lanes],
    });

    expect(JSON.stringify(plan)).to.match(/"Index Cond":"[^"]*COALESCE\(singleton_key, ''::text\) = given\.lane/);
    const asleep = await open.database.query({ text: ASLEEP, values: ['messages', lanes] });
    expect(asleep).to.deep.equal([{ lane: 'another lane' }]);
  });
});
