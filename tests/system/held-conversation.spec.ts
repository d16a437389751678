import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { startPostgres, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from './webhook-client.ts';

const [ANA, KIM] = ['15550100001', '15550100002'];

describe('With ON_DEAD_LETTER=hold', function () {
  this.timeout(120_000);
  before(startPostgres);

  it('a conversation waits behind its dead letter and goes on in the old order once that is redriven', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wahook-system-'));
    const database = await testDatabase({ blank: true });
    const ledger = join(folder, 'ledger');
    writeFileSync(ledger, '');
    writeFileSync(`${ledger}.broken`, '');
    const handled = () => readFileSync(ledger, 'utf8').trimEnd().split('\n');
    const store = { STORE: 'postgres', DATABASE_URL: database.url };
    const { service, url } = await ServiceProcess.start({
      ...{ ...store, ON_DEAD_LETTER: 'hold', HANDLER_RETRIES: '1' },
      ...{ BOT: 'tests/fixtures/bots/moody.ts', LEDGER: ledger },
    });
    const gauge = async (name: string) => {
      const page = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1]);
    };
    try {
      expect(await deliver(url, textWebhook('A1', 'boom', ANA))).to.equal(200);
      await eventually(async () => (await gauge('wahook_held_conversations')) === 1);
      for (const [id, from] of [
        ['A2', ANA],
        ['K1', KIM],
        ['A3', ANA],
        ['K2', KIM],
      ] as const)
        expect(await deliver(url, textWebhook(id, id, from))).to.equal(200);
      await eventually(() => handled().includes('K2'));
      expect(handled()).to.deep.equal(['K1', 'K2']);
      const waiting = 'wahook_queue_depth\\{queue="messages",state="waiting"\\}';
      await eventually(async () => (await gauge(waiting)) === 2);
      rmSync(`${ledger}.broken`);
      const args = ['redrive', '--reason', 'handler_failed'];
      const { stdout } = await ServiceProcess.run(store, { file: 'src/cli/dead-letters.ts', args });
      expect(stdout).to.equal('1 dead letter of 1 conversation redriven\n');
      await eventually(() => handled().length === 5);
      expect(handled()).to.deep.equal(['K1', 'K2', 'boom', 'A2', 'A3']);
      await eventually(async () => (await gauge('wahook_held_conversations')) === 0);
    } finally {
      service.signal('SIGKILL');
      await service.exit();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
