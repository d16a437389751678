import { expect } from 'chai';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import { settleRows } from '../../../src/adapters/postgres/settle-rows.ts';
import { forgetUnmatched, joinUnmatched } from '../../../src/adapters/postgres/unmatched-statuses.ts';
import { UNMATCHED_DAYS } from '../../../src/core/delivery-status.ts';
import { sendJob } from '../../../src/core/lanes.ts';
import type { StatusUpdate } from '../../../src/core/model.ts';
import { outboundText, statusUpdate } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

const SEND_ID = 'send-1';
const WAMID = 'wamid.of-ours';

describe('Statuses about messages that are not known', () => {
  let open: OpenQueues;
  let sent: PostgresSentMessages;

  before(startPostgres);
  beforeEach(async () => {
    open = await openPostgresQueues();
    sent = new PostgresSentMessages(open.database, open.queue.lanes);
  });
  afterEach(() => open.close());

  const about = (messageId: string, status: StatusUpdate['status'] = 'delivered') =>
    statusUpdate(status, { messageId });
  const rows = (text: string) => open.database.query<Record<string, unknown>>({ text });
  /** As if so much time had gone by. */
  const pass = async (by: string) => {
    await rows(`UPDATE wahook.unmatched_status SET kept_at = kept_at - interval '${by}'`);
    await rows(`UPDATE wahook.sweep SET due_until = due_until - interval '${by}'`);
  };

  /** Settles a send in a transaction, which waits for `meanwhile` before its COMMIT. */
  async function settled(sendId: string, messageId: string, meanwhile: () => Promise<unknown>): Promise<void> {
    await open.queue.publish('outbound', [sendJob(outboundText('Hello', sendId))]);
    const [row] = await rows(`SELECT seq FROM wahook.outbox WHERE event_key = '${sendId}'`);
    await open.databaseElsewhere.transaction(async (tx) => {
      await settleRows(tx, 'outbound', [[row?.['seq'] as number, { outcome: 'done', messageId }]]);
      await meanwhile();
    });
  }

  /** Sessions that have ended are sure to have told the server's statistics. */
  async function elsewhereHasReported(): Promise<void> {
    await open.elsewhere.close();
    await open.databaseElsewhere.close();
    const sessions = `SELECT FROM pg_stat_activity WHERE application_name = 'test 2'`;
    await eventually(async () => (await rows(sessions)).length === 0);
  }

  it('that came while the transaction of their send was under way are joined within the hour', async () => {
    await settled(SEND_ID, WAMID, () => sent.apply([about(WAMID)]));
    expect(await sent.find(SEND_ID)).not.to.have.property('delivery');
    expect(await joinUnmatched(open.database), 'others may be under way still').to.equal(0);
    await sent.apply([about('wamid.foreign')]);
    await pass('6 minutes');
    expect(await joinUnmatched(open.database)).to.equal(1);
    expect(await sent.find(SEND_ID)).to.include({ delivery: 'delivered' });
    await sent.apply([about(WAMID, 'read')]);
    expect(await joinUnmatched(open.database)).to.equal(0);
    expect(await sent.find(SEND_ID)).to.include({ delivery: 'read' });
  });

  it('and let the message be sent again have it sent again, once', async () => {
    const failure = { kind: 'transient' as const, resend: { afterMs: 60_000, limit: 3 } };
    const failed = { ...statusUpdate('failed', { messageId: WAMID, errors: [{ code: 131_000 }] }), failure };
    await settled(SEND_ID, WAMID, () => sent.apply([failed]));
    await pass('6 minutes');
    await joinUnmatched(open.database);
    await rows(`UPDATE wahook.sweep SET due_until = '-infinity'`);
    await joinUnmatched(open.database);
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
    expect(await rows('SELECT failures FROM wahook.outbox')).to.deep.equal([{ failures: 1 }]);
  });

  it('are joined by one process at a time', async () => {
    await settled(SEND_ID, WAMID, () => sent.apply([about(WAMID)]));
    await pass('6 minutes');
    const joined = await Promise.all([joinUnmatched(open.database), joinUnmatched(open.databaseElsewhere)]);
    expect([...joined].sort()).to.deep.equal([0, 1]);
  });

  it('are joined although the last look lies in the future, as the clock was set back', async () => {
    await rows(`UPDATE wahook.sweep SET due_until = now() + interval '1 day' WHERE queue = 'unmatched statuses'`);
    await settled(SEND_ID, WAMID, () => sent.apply([about(WAMID)]));
    await rows(`UPDATE wahook.unmatched_status SET kept_at = kept_at - interval '6 minutes'`);
    expect(await joinUnmatched(open.database)).to.equal(1);
  });

  it('are one row a message, whose days are counted from the last that says more', async () => {
    await sent.apply([about('wamid.foreign', 'sent'), about('wamid.foreign'), about('wamid.other', 'unknown')]);
    await pass(`${UNMATCHED_DAYS} days 1 minute`);
    await sent.apply([about('wamid.foreign', 'sent')]);
    await sent.apply([about('wamid.second')]);
    expect(await forgetUnmatched(open.database)).to.equal(1);
    await pass(`${UNMATCHED_DAYS} days 1 minute`);
    await sent.apply([about('wamid.second', 'read')]);
    expect(await forgetUnmatched(open.database)).to.equal(0);
    expect(await rows('SELECT wamid, delivery FROM wahook.unmatched_status')).to.deep.equal([
      { wamid: 'wamid.second', delivery: 'read' },
    ]);
  });

  it('are kept side by side by many, in whatever order they come, without a deadlock', async () => {
    const batch = Array.from({ length: 500 }, (_, index) => about(`wamid.${index}`));
    const elsewhere = new PostgresSentMessages(open.databaseElsewhere, open.elsewhere.lanes);
    for (const status of ['sent', 'delivered', 'read'] as const) {
      const told = batch.map(({ messageId }) => about(messageId, status));
      await Promise.all([told, told.toReversed(), batch].flatMap((one) => [sent.apply(one), elsewhere.apply(one)]));
    }
    expect(await rows('SELECT delivery, count(*) FROM wahook.unmatched_status GROUP BY 1')).to.deep.equal([
      { delivery: 'read', count: 500 },
    ]);
    await elsewhereHasReported();
    const deadlocks = 'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()';
    expect(await rows(deadlocks)).to.deep.equal([{ deadlocks: 0 }]);
  });

  it('cost a send the same however many there are: it looks for its own by the key', async function () {
    this.timeout(20_000);
    await settled('before', 'wamid.before', async () => {});
    await rows(
      `INSERT INTO wahook.unmatched_status (wamid, delivery) SELECT 'wamid.' || n, 'read' FROM generate_series(1, 50000) AS n`,
    );
    for (let send = 0; send < 10; send += 1) await settled(`after-${send}`, `wamid.${send}`, async () => {});
    const elsewhere = new PostgresSentMessages(open.databaseElsewhere, open.elsewhere.lanes);
    const proof = statusUpdate('delivered', { messageId: 'wamid.20', sendId: 'before' });
    await elsewhere.apply([proof, about('wamid.3', 'played'), about('wamid.4')]);
    await elsewhereHasReported();
    const looks = async () =>
      (await rows(`SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'unmatched_status'`))[0];
    const looked = await looks();
    expect(looked).to.include({ seq_scan: 0 });
    expect(looked?.['idx_scan']).to.be.at.least(10);
    expect(await sent.find('after-7')).to.include({ delivery: 'read' });
  });
});
