import { expect } from 'chai';
import type { Database, Queryable } from '../../../src/adapters/postgres/database.ts';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import { settleRows } from '../../../src/adapters/postgres/settle-rows.ts';
import { WahookError } from '../../../src/core/errors.ts';
import { laneOf, sendJob } from '../../../src/core/lanes.ts';
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

  describe('beside processes of the version before, which know the last id alone under which it failed', () => {
    const late = statusUpdate('sent', { messageId: WAMID, sendId: SEND_ID });
    const sentMessages = () => new PostgresSentMessages(open.database, open.queue.lanes);
    const rows = (text: string) => open.database.query<{ seq: number }>({ text });
    /** What a process of the version before writes when it has a message sent again. */
    const sentAgainByOneOfBefore = (wamid = WAMID) =>
      rows(`UPDATE wahook.outbox SET state = 'waiting', wamid = NULL, delivery = NULL, refused_wamid = '${wamid}',
              failures = failures + 1, next_attempt_at = now() + interval '1 minute'`);
    /** As if Meta had taken it under this id, and then reported it as failed. */
    async function failAgain(messageId: string): Promise<void> {
      await rows(`UPDATE wahook.outbox SET state = 'done', wamid = '${messageId}'`);
      await sentMessages().apply([
        { ...failed, messageId, failure: { kind: 'transient', resend: { afterMs: 0, limit: 9 } } },
      ]);
    }
    const expectWaiting = async () =>
      expect(await sentMessages().find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });

    it('waits although a late status of the attempt comes that one of those saw fail', async () => {
      await sentAgainByOneOfBefore();
      await sentMessages().apply([late]);
      await expectWaiting();
      const message = outboundText('Hello', SEND_ID);
      await open.queue.publish('statuses', [{ key: { id: 's|late', day: 20_000 }, lane: laneOf(late), payload: late }]);
      expect(await sentMessages().proofOf(message)).to.equal(undefined);
    });

    it('waits although the late answer of that attempt comes', async () => {
      await sentAgainByOneOfBefore();
      const [row] = await rows('SELECT seq FROM wahook.outbox');
      await open.database.transaction((tx) =>
        settleRows(tx, 'outbound', [[row!.seq, { outcome: 'done', messageId: WAMID }]]),
      );
      await expectWaiting();
    });

    it('tells them of the attempt that it saw fail', async () => {
      await failAgain(WAMID);
      expect(await rows('SELECT refused_wamid FROM wahook.outbox')).to.deep.equal([{ refused_wamid: WAMID }]);
    });

    it('knows all attempts that failed, whichever of the two saw it', async () => {
      await failAgain('wamid.1');
      await sentAgainByOneOfBefore('wamid.2');
      await failAgain('wamid.3');
      for (const messageId of ['wamid.1', 'wamid.2', 'wamid.3']) {
        await sentMessages().apply([{ ...late, messageId }]);
        await expectWaiting();
      }
    });
  });
});
