import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, sentWebhook, textWebhook } from './webhook-client.ts';

describe('A reply whose answer was lost', function () {
  this.timeout(120_000);
  before(startPostgres);

  for (const SETTLE_POLICY of ['resend', 'hold'])
    it(`is not sent twice when its status came while no worker ran (SETTLE_POLICY=${SETTLE_POLICY})`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'wahook-system-'));
      const graph = await GraphStub.open();
      const database = await testDatabase({ blank: true });
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      const holds = async (condition: string) => (await client.query(`SELECT ${condition} AS ok`)).rows[0].ok === true;
      const env = {
        ...{
          STORE: 'postgres',
          DATABASE_URL: database.url,
          WHATSAPP_API_URL: graph.apiUrl,
          SETTLE_WAIT: '2s',
          SETTLE_POLICY,
        },
        ...{ BOT: 'tests/fixtures/bots/ledger.ts', LEDGER: join(folder, 'ledger') },
      };
      const started: ServiceProcess[] = [];
      const start = async (role: string) => {
        const running = await ServiceProcess.start({ ...env, ROLE: role });
        started.push(running.service);
        return running;
      };
      try {
        graph.answerNext({ kind: 'reset' });
        const [{ url }, { service: worker }] = await Promise.all([start('web'), start('worker')]);
        expect(await deliver(url, textWebhook('ONE', 'hi'))).to.equal(200);
        await eventually(() => holds(`EXISTS (SELECT FROM wahook.outbox WHERE last_error ->> 'code' = 'ambiguous')`));
        worker.signal('SIGKILL');
        await worker.exit();
        const proof = { sendId: graph.taken[0] ?? '', messageId: 'wamid.PROVED' };
        expect(await deliver(url, sentWebhook([proof]))).to.equal(200);
        await eventually(() => holds('(SELECT next_attempt_at < now() FROM wahook.outbox)'));
        // As it is when many statuses wait: the turn of this one comes long after that of the reply.
        await eventually(() => holds(`EXISTS (SELECT FROM pgboss.job WHERE name = 'statuses')`));
        await client.query(`UPDATE pgboss.job SET start_after = now() + interval '6 s' WHERE name = 'statuses'`);
        await start('worker');
        await eventually(() => holds(`(SELECT state <> 'waiting' FROM wahook.outbox)`), 20_000);
        expect(
          await holds(`EXISTS (SELECT FROM wahook.inbox WHERE queue = 'statuses' AND state = 'waiting')`),
        ).to.equal(true);
        const { rows } = await client.query('SELECT state, wamid FROM wahook.outbox');
        expect(rows).to.deep.equal([{ state: 'done', wamid: 'wamid.PROVED' }]);
        await eventually(() => holds(`(SELECT delivery = 'sent' FROM wahook.outbox)`), 20_000);
        expect(graph.taken).to.have.length(1);
      } finally {
        for (const service of started) service.signal('SIGKILL');
        await Promise.all(started.map((service) => service.exit()));
        await client.end();
        await graph.close();
        await database.drop();
        rmSync(folder, { recursive: true, force: true });
      }
    });
});
