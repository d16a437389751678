import { expect } from 'chai';
import type { Database, Queryable } from '../../../src/adapters/postgres/database.ts';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import { WahookError } from '../../../src/core/errors.ts';
import { sendJob } from '../../../src/core/lanes.ts';
import type { StatusUpdate } from '../../../src/core/model.ts';
import { outboundText, statusUpdate } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

const SEND_ID = 'send-1';
const WAMID = 'wamid.of-ours';

describe('A message that Meta could not deliver and that is sent again', () => {
  before(startPostgres);

  let open: OpenQueues;
  beforeEach(async () => {
    open = await openPostgresQueues();
    await open.queue.publish('outbound', [sendJob(outboundText('Hello', SEND_ID))]);
  });
  afterEach(() => open.close());

  const failed: StatusUpdate = {
    ...statusUpdate('failed', { messageId: WAMID, errors: [{ code: 131_000 }] }),
    failure: { kind: 'transient', resend: { afterMs: 60_000, limit: 3 } },
  };

  /** Calls back after each statement, by whatever way it comes. */
  function watched(after: () => Promise<void>): Database {
    const watch = (db: Queryable): Queryable => ({
      query: async (statement) => {
        const rows = await db.query(statement);
        await after();
        return rows as never;
      },
    });
    const { database } = open;
    const transaction: Database['transaction'] = (work, options) =>
      database.transaction((tx) => work(watch(tx)), options);
    return { ...watch(database), transaction, bossOptions: () => database.bossOptions(), close: async () => {} };
  }

  for (const [what, prepare, update] of [
    [
      'by a status of a message that is known',
      async () => {
        const consumption = await open.queue.consume('outbound', async () => [{ outcome: 'done', messageId: WAMID }], {
          ...{ concurrency: 1, burst: 1 },
        });
        await eventually(async () => (await open.queue.depth('outbound')).waiting === 0);
        await consumption.stop();
      },
      failed,
    ],
    [
      'by one that came before the message was known',
      async () => void (await new PostgresSentMessages(open.database, open.queue.lanes).apply([failed])),
      statusUpdate('sent', { messageId: WAMID, sendId: SEND_ID }),
    ],
  ] as const) {
    it(`is seen by nobody as failed meanwhile (${what})`, async () => {
      await prepare();
      const elsewhere = new PostgresSentMessages(open.databaseElsewhere, open.queue.lanes);
      const seen: unknown[] = [];
      const database = watched(async () => void seen.push(await elsewhere.find(SEND_ID)));
      await new PostgresSentMessages(database, open.queue.lanes).apply([update]);
      expect(seen).to.have.length.above(1);
      for (const one of seen) expect(one).not.to.have.property('delivery');
      expect(await elsewhere.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
    });

    it(`is sent again although the process dies after any statement, when the status comes again (${what})`, async () => {
      await prepare();
      const elsewhere = new PostgresSentMessages(open.databaseElsewhere, open.queue.lanes);
      for (let survived = 0; survived < 4; survived += 1) {
        let statements = 0;
        const database = watched(async () => {
          statements += 1;
          if (statements > survived) throw new WahookError('storage_unavailable', 'it died');
        });
        await new PostgresSentMessages(database, open.queue.lanes).apply([update]).catch(() => {});
      }
      await elsewhere.apply([update]);
      expect(await elsewhere.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
    });
  }
});
