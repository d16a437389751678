import { expect } from 'chai';
import { PostgresSendingNumbers } from '../../../src/adapters/postgres/postgres-sending-numbers.ts';
import { sendJob } from '../../../src/core/lanes.ts';
import { NUMBER_STOPPED } from '../../../src/core/send-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

const NUMBER = '1065';
const HOUR_MS = 3_600_000;
const REFUSED = { code: 'graph_190', message: 'The access token is invalid.' };

describe('A message that finds its number stopped while somebody resumes it', () => {
  before(startPostgres);

  let open: OpenQueues;
  let numbers: PostgresSendingNumbers;
  beforeEach(async () => {
    open = await openPostgresQueues();
    numbers = new PostgresSendingNumbers(open.database, { limitsOf: () => ({ perSecond: 80, credential: 'one' }) });
    await numbers.stop(NUMBER, REFUSED);
  });
  afterEach(() => open.close());

  /** Sends one message, whose runs end with waiting for an hour; `atFirst` happens in the middle of the first. */
  async function handledTwice(atFirst: () => Promise<void>): Promise<void> {
    let runs = 0;
    const consumption = await open.queue.consume(
      'outbound',
      async () => {
        runs += 1;
        if (runs === 1) await atFirst();
        const error = { code: NUMBER_STOPPED, message: 'The number is stopped' };
        return [{ outcome: 'retry', inMs: HOUR_MS, counted: false, error }];
      },
      { concurrency: 1, burst: 1 },
    );
    try {
      const content = { type: 'text', text: 'Hello' } as const;
      await open.queue.publish('outbound', [
        sendJob({ sendId: 'one', phoneNumberId: NUMBER, to: { waId: '15551234567' }, content }),
      ]);
      await eventually(() => runs === 2, 8_000);
    } finally {
      await consumption.stop();
    }
  }

  it('does not wait for an hour, if that is done when it is settled', async () => {
    await handledTwice(async () => {
      expect(await numbers.resume(NUMBER)).to.equal(true);
    });
  });

  it('nor if that is still under way', async () => {
    let resumed: Promise<unknown> | undefined;
    await handledTwice(async () => {
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      resumed = open.database.transaction(async (tx) => {
        await tx.query({
          text: 'UPDATE wahook.sending_number SET stopped = NULL, probe_at = NULL WHERE phone_number_id = $1',
          values: [NUMBER],
        });
        begin();
        const WAITS = 'SELECT count(*)::integer AS count FROM pg_locks WHERE NOT granted';
        await eventually(
          async () => ((await open.database.query<{ count: number }>({ text: WAITS }))[0]?.count ?? 0) > 0,
        );
      });
      await begun;
    });
    await resumed;
  });
});
