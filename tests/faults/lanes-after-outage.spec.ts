import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../src/adapters/postgres/postgres-message-queue.ts';
import { sendJob } from '../../src/core/lanes.ts';
import type { OutboundMessage } from '../../src/core/model.ts';
import type { Job, JobHandler } from '../../src/core/ports/queue.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { outboundText } from '../core/builders.ts';
import { eventually } from '../support/eventually.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';

/** Longer than the lease, and back a second or two before anybody beats: a worker does it every 3.3 s since it began. */
const AWAY_MS = 11_000;

const SENDS = 8;

describe('A database that is away for longer than a lease', function () {
  this.timeout(90_000);

  let server: PostgresServer;
  const open: { readonly database: PostgresDatabase; readonly queue: PostgresMessageQueue }[] = [];
  const metrics = new RecordingMetrics();

  before(async () => {
    server = await startPostgresServer();
    for (const applicationName of ['here', 'elsewhere']) {
      const options = { url: server.url, poolSize: 4, applicationName, limits: TIME_LIMITS.postgres };
      const database = new PostgresDatabase(options);
      await migrate(database);
      const dedup = new PostgresDedupStore(database);
      const queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics, stopDeadlineMs: 1_000 });
      await queue.start();
      open.push({ database, queue });
    }
  });
  after(async () => {
    for (const { database, queue } of open) {
      await queue.close();
      await database.close();
    }
    await server.stop();
  });

  it('takes no lane from a worker that lives, nor what became of a send that was under way', async () => {
    const handed: Job<OutboundMessage>[] = [];
    const answered = Promise.withResolvers<void>();
    const answeredLate = Promise.withResolvers<void>();
    const handler: JobHandler<OutboundMessage> = async (jobs) => {
      handed.push(...jobs);
      await (handed.length % 2 === 0 ? answered : answeredLate).promise;
      return jobs.map(({ key }) => ({ outcome: 'done', messageId: `wamid.${key.id}` }));
    };
    const [here, elsewhere] = open as [(typeof open)[0], (typeof open)[0]];
    const consumptions = await Promise.all(
      open.map(({ queue }) => queue.consume('outbound', handler, { concurrency: SENDS / 2, burst: 1 })),
    );
    const sends = Array.from({ length: SENDS }, (_, index) => outboundText('Hello', `send ${index}`));
    await elsewhere.queue.publish(
      'outbound',
      sends.map((send, index) => ({ ...sendJob(send), lane: `1065|${index}` })),
    );
    await eventually(() => handed.length === SENDS, 10_000);

    await server.crash();
    answered.resolve();
    await pause(AWAY_MS);
    await server.restart();
    const silent = `SELECT FROM pgboss.job WHERE state = 'active' AND heartbeat_on < now() - interval '10 s'`;
    await eventually(async () => (await here.database.query({ text: silent })).length === 0, 10_000);
    answeredLate.resolve();

    await eventually(async () => (await here.queue.depth('outbound')).waiting === 0, 20_000);
    expect(handed.map(({ interrupted }) => interrupted)).to.deep.equal(Array(SENDS).fill(false));
    expect(metrics.total('fence_rejections_total', { queue: 'outbound' })).to.equal(0);
    for (const consumption of consumptions) await consumption.stop();
  });
});
