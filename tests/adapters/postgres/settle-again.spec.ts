import { expect } from 'chai';
import type { Database } from '../../../src/adapters/postgres/database.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../../src/adapters/postgres/postgres-message-queue.ts';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import { WahookError } from '../../../src/core/errors.ts';
import { sendJob } from '../../../src/core/lanes.ts';
import type { Consumption, Job } from '../../../src/core/ports/queue.ts';
import type { SendPermit } from '../../../src/core/ports/sending.ts';
import { SendMessage } from '../../../src/core/send-message.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { outboundText, textMessage } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, testDatabase } from '../../support/postgres.ts';
import { RecordingLog, RecordingMetrics } from '../../support/recording.ts';

describe('While the database does not take what became of a job', function () {
  this.timeout(20_000);
  before(startPostgres);

  let real: PostgresDatabase;
  let queue: PostgresMessageQueue;
  let database: Database;
  let consumption: Consumption | undefined;
  let drop: () => Promise<void>;
  /** Statements that fail before the database is there again. */
  let failing = 0;
  /** How they fail: before they count, or after. */
  let isLate = false;
  const log = new RecordingLog();
  const metrics = new RecordingMetrics();

  const away = () => {
    failing -= 1;
    return new WahookError('storage_unavailable', 'away');
  };

  beforeEach(async () => {
    const created = await testDatabase();
    drop = created.drop;
    real = new PostgresDatabase({
      ...{ url: created.url, poolSize: 4, applicationName: 'test', limits: TIME_LIMITS.postgres },
    });
    [failing, isLate] = [0, false];
    database = {
      query: (statement) => (failing > 0 && !isLate ? Promise.reject(away()) : real.query(statement)),
      transaction: async (work, options) => {
        if (failing > 0 && !isLate) throw away();
        const result = await real.transaction(work, options);
        if (failing > 0) throw away();
        return result;
      },
      bossOptions: () => real.bossOptions(),
      close: () => real.close(),
    };
    const dedup = new PostgresDedupStore(database);
    queue = new PostgresMessageQueue({ database, dedup, log, metrics, stopDeadlineMs: 1_000 });
    await queue.start();
  });
  afterEach(async () => {
    failing = 0;
    await consumption?.stop();
    await queue.close();
    await real.close();
    await drop();
  });

  const rows = () => real.query<object>({ text: 'SELECT state, failures, claims FROM wahook.outbox' });
  const settled = () => eventually(async () => (await queue.depth('outbound')).waiting === 0);

  it('a message that had to wait for a limit is none that may have been sent', async () => {
    const permits: SendPermit[] = [{ kind: 'later', inMs: 500, because: 'recipient' }];
    let sends = 0;
    const send = new SendMessage(
      {
        send: async () => {
          sends += 1;
          return { kind: 'sent', messageId: 'wamid.1' };
        },
      },
      new PostgresSentMessages(real, queue.lanes),
      {
        rate: {
          reserve: async () => {
            const permit = permits.shift();
            if (permit !== undefined) failing = 4;
            return permit ?? { kind: 'go', probe: false };
          },
          exceeded: async () => {},
        },
        numbers: { stop: async () => true, resume: async () => true },
        windows: { closesAtMs: async () => undefined },
      },
      ...[log, metrics, Date],
      { settleWaitMs: 60_000, onUnsettled: 'hold', outsideWindow: 'try' },
    );
    consumption = await queue.consume('outbound', (jobs, context) => send.run(jobs, context), {
      ...{ concurrency: 1, burst: 1 },
    });
    await queue.publish('outbound', [sendJob(outboundText('Hello'))]);
    await eventually(() => sends === 1);
    await settled();
    expect(await rows()).to.deep.equal([{ state: 'done', failures: 0, claims: 2 }]);
  });

  it('one that was sent is not sent again, nor looked for', async () => {
    const handed: Job[] = [];
    consumption = await queue.consume(
      'outbound',
      async (jobs) => {
        handed.push(...jobs);
        failing = 4;
        return [{ outcome: 'done', messageId: 'wamid.1' }];
      },
      { concurrency: 1, burst: 1 },
    );
    await queue.publish('outbound', [sendJob(outboundText('Hello'))]);
    await eventually(() => failing === 0 && handed.length === 1);
    await settled();
    expect(handed).to.have.length(1);
  });

  it('a failure counts once, also if the answer was lost that it was stored', async () => {
    const handed: Job[] = [];
    isLate = true;
    consumption = await queue.consume(
      'outbound',
      async (jobs) => {
        handed.push(...jobs);
        if (handed.length > 1) return [{ outcome: 'done', messageId: 'wamid.1' }];
        failing = 1;
        return [{ outcome: 'retry', inMs: 500, counted: true, error: { code: 'graph_1', message: 'x' } }];
      },
      { concurrency: 1, burst: 1 },
    );
    await queue.publish('outbound', [sendJob(outboundText('Hello'))]);
    await eventually(() => handed.length === 2);
    await settled();
    expect(handed.map(({ attempt, interrupted }) => [attempt, interrupted])).to.deep.equal([
      [1, false],
      [2, false],
    ]);
    expect(metrics.total('fence_rejections_total', { queue: 'outbound' })).to.equal(0);
    expect(log.lines.filter(({ message }) => message.includes('does not count'))).to.deep.equal([]);
  });

  it('a handler that sends nothing itself is run again', async () => {
    let runs = 0;
    consumption = await queue.consume(
      'messages',
      async () => {
        runs += 1;
        if (runs === 1) failing = 2;
        return [{ outcome: 'done' }];
      },
      { concurrency: 1, burst: 1 },
    );
    await queue.publish('messages', [
      { key: { id: 'm|1', day: 20_000 }, lane: 'lane', payload: textMessage('Hello', { id: 'wamid.in' }) },
    ]);
    await eventually(() => runs === 2);
  });
});
