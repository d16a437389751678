import { expect } from 'chai';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { sendJob } from '../../src/core/lanes.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { outboundText } from '../core/builders.ts';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, testDatabase } from '../support/postgres.ts';
import { openSender } from '../support/sender.ts';
import { ServiceProcess } from '../support/service-process.ts';

describe('A worker that was frozen for longer than its lease', function () {
  this.timeout(120_000);
  before(startPostgres);

  it('does not send, once thawed, what it had claimed and another has sent since', async () => {
    const created = await testDatabase();
    const graph = await GraphStub.open();
    const database = new PostgresDatabase({
      url: created.url,
      poolSize: 4,
      applicationName: 'test',
      limits: TIME_LIMITS.postgres,
    });
    const { queue, sender, close } = await openSender(database, graph.apiUrl);
    const frozen = ServiceProcess.spawn(
      { DATABASE_URL: created.url, WHATSAPP_API_URL: graph.apiUrl },
      { file: 'tests/fixtures/freezing-worker.ts' },
    );
    try {
      await queue.publish('outbound', [sendJob(outboundText('hello'))]);
      await frozen.line((line) => line === 'claimed');
      const consumption = await queue.consume('outbound', (jobs, context) => sender.run(jobs, context), {
        concurrency: 1,
        burst: 1,
      });
      await eventually(() => graph.taken.length === 1, 40_000);
      await eventually(async () => (await queue.depth('outbound')).waiting === 0);
      frozen.signal('SIGCONT');
      const settled = await frozen.line((line) => line.startsWith('['));
      expect(JSON.parse(settled)).to.deep.include.members([
        {
          ...{ outcome: 'retry', inMs: 0, counted: false },
          error: { code: 'lease_expired', message: 'The process stood still for longer than its lease' },
        },
      ]);
      expect(graph.taken).to.deep.equal(['send-1']);
      await consumption.stop();
    } finally {
      frozen.signal('SIGKILL');
      await frozen.exit();
      await close();
      await database.close();
      await graph.close();
      await created.drop();
    }
  });
});
