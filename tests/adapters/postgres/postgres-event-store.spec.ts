import { expect } from 'chai';
import { LaneRows } from '../../../src/adapters/postgres/lane-rows.ts';
import { PostgresEventStore } from '../../../src/adapters/postgres/postgres-event-store.ts';
import { WahookError } from '../../../src/core/errors.ts';
import { laneOf } from '../../../src/core/lanes.ts';
import type { KeyedEvent } from '../../../src/core/ports/receiving.ts';
import { StoreEvents } from '../../../src/core/store-events.ts';
import { eventElement, statusUpdate, textMessage } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

const message = (id: string, waId = '15550100001'): KeyedEvent => eventElement(textMessage(id, { id, waId }), id);

/** What the contract does not know: locks, order between processes, and the server's own refusals. */
describe('PostgresEventStore', () => {
  let open: OpenQueues;
  let store: PostgresEventStore;
  let woken: [string, string[]][];

  before(startPostgres);
  beforeEach(async () => {
    open = await openPostgresQueues();
    woken = [];
    store = new PostgresEventStore(open.database, { wake: (queue, lanes) => void woken.push([queue, [...lanes]]) });
  });
  afterEach(() => open.close());

  const sql = <Row extends object>(text: string) => open.databaseElsewhere.query<Row>({ text });
  const keys = async () => {
    const rows = await sql<{ event_key: string }>('SELECT event_key FROM wahook.inbox ORDER BY seq');
    return rows.map(({ event_key: key }) => key);
  };
  const waiters = async () => (await sql<{ n: number }>('SELECT count(*) AS n FROM pg_locks WHERE NOT granted'))[0]?.n;
  const deadlocks = async () => {
    const [row] = await sql<{ n: number }>(
      'SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()',
    );
    return row?.n;
  };

  it('numbers what it stores after the transactions that had its lane before, and makes no other lane wait', async () => {
    const rows = new LaneRows('messages');
    const lane = laneOf(message('').event);
    const job = (id: string) => ({ key: { id, day: 1 }, lane, payload: {} });
    await store.store([message('0'), message('other 0', '15550100002')]);
    const [locked, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const one = open.databaseElsewhere.transaction(async (tx) => {
      await rows.insert(tx, [job('1')]);
      locked.resolve();
      await finish.promise;
      await rows.insert(tx, [job('2')]);
    });
    await locked.promise;

    const two = store.store([message('3')]);
    await eventually(async () => (await waiters()) === 1);
    await store.store([message('other 1', '15550100002')]);
    finish.resolve();
    await Promise.all([one, two]);

    expect((await keys()).filter((key) => !key.startsWith('other'))).to.deep.equal(['0', '1', '2', '3']);
  });

  it('stores nothing of a call in which one event can never be stored, keys included, and says nothing of it', async () => {
    const error = await store.store([message('fine'), message('a secret \u0000')]).catch((reason: unknown) => reason);

    expect(error).to.be.instanceOf(WahookError).with.property('code', 'unstorable');
    expect(String(error)).to.not.contain('secret');
    expect(await keys()).to.deep.equal([]);
    expect(woken).to.deep.equal([]);
    expect((await store.store([message('fine')])).fresh).to.deep.equal(['fine']);
  });

  it('wakes the lanes of what is new, each once, and no others', async () => {
    await store.store([message('known', '15550100003')]);
    woken.length = 0;

    await store.store([
      message('a'),
      message('known', '15550100003'),
      eventElement(statusUpdate('read'), 's'),
      message('b'),
    ]);

    expect(woken).to.deep.equal([
      ['messages', [laneOf(message('a').event)]],
      ['statuses', [laneOf(statusUpdate('read'))]],
    ]);
  });

  it('meets no deadlock with others who store the same lanes and keys in other orders and by other ways', async function () {
    this.timeout(30_000);
    const given = (round: number): readonly KeyedEvent[] => {
      const events = Array.from({ length: 40 }, (_, index) => {
        const id = `${index % 3 ? round : 'same'}|${index}`;
        const waId = String(15_550_100_000 + index);
        return index % 2 ? message(id, waId) : eventElement(statusUpdate('sent', { recipient: { waId } }), id);
      });
      return round % 2 ? events : events.toReversed();
    };
    const others = new StoreEvents(open.dedup, open.queue);

    await Promise.all(Array.from({ length: 24 }, (_, round) => (round % 3 ? store : others).store(given(round))));

    expect(await deadlocks()).to.equal(0);
    expect(await keys()).to.have.length(24 * 26 + 14);
  });

  it('compares by hash, not each key with each, under the plan that it is prepared with', async () => {
    const plans: string[] = [];
    const explaining = {
      ...open.database,
      query: async (statement: { readonly text: string; readonly values?: readonly unknown[] }) => {
        const { text, values } = statement;
        plans.push(JSON.stringify(await open.database.query({ text: `EXPLAIN ${text}`, ...(values && { values }) })));
        return [];
      },
    } as never;

    await new PostgresEventStore(explaining, { wake: () => {} }).store([message('1')]);

    expect(plans[0]).to.contain('hashed SubPlan');
    expect(plans[0]).to.not.contain('Nested Loop');
  });
});
