import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { report, rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textsWebhook } from '../system/webhook-client.ts';
import { sql } from './stored.ts';

const CONVERSATIONS = rounds(10, 100);
const RATE = rounds(10, 50);
const SETTLED_MS = 60_000;

/** Of each conversation; those that begin with `boom` fail until the bot is mended, and `5` comes after that. */
const WORDS = ['boom 1', '2', 'boom 3', '4'];
const LATE = '5';

const customers = Array.from({ length: CONVERSATIONS }, (_, index) => String(15_550_400_000 + index));

const webhookOf = (words: readonly string[]): Buffer =>
  textsWebhook(
    words.flatMap((word) =>
      customers.map((from) => ({ id: `${word.replace(' ', '')}-${from}`, words: `${word} of ${from}`, from })),
    ),
  );

describe('Dead letters of a bot that is mended', function () {
  this.timeout(180_000);
  before(startPostgres);

  let database: TestDatabase;
  let ledger: string;
  let services: ServiceProcess[];
  beforeEach(async () => {
    database = await testDatabase();
    ledger = join(mkdtempSync(join(tmpdir(), 'wahook-dead-')), 'ledger');
    writeFileSync(ledger, '');
    writeFileSync(`${ledger}.broken`, '');
    services = [];
  });
  afterEach(async () => {
    for (const service of services) service.signal('SIGKILL');
    await Promise.all(services.map((service) => service.exit()));
    await database.drop();
    rmSync(join(ledger, '..'), { recursive: true, force: true });
  });

  const startTwo = async (onDeadLetter: string): Promise<string> => {
    const env = {
      ...{ STORE: 'postgres', DATABASE_URL: database.url, BOT: 'tests/fixtures/bots/moody.ts', LEDGER: ledger },
      ...{ ON_DEAD_LETTER: onDeadLetter, HANDLER_RETRIES: '1' },
    };
    const started = await Promise.all(['all', 'worker'].map((ROLE) => ServiceProcess.start({ ...env, ROLE })));
    services = started.map(({ service }) => service);
    return started[0]?.url ?? '';
  };

  const handled = () => readFileSync(ledger, 'utf8').split('\n').slice(0, -1);
  const handledOf = (customer: string) =>
    handled().flatMap((line) => (line.endsWith(` of ${customer}`) ? [line.replace(` of ${customer}`, '')] : []));

  const count = async (state: string) => {
    const text = `SELECT count(*)::integer AS rows FROM wahook.inbox WHERE queue = 'messages' AND state = '${state}'`;
    return (await sql<{ rows: number }>(database.url, text))[0]?.rows;
  };

  for (const [policy, before, letters, after] of [
    ['continue', ['2', '4'], 2 * CONVERSATIONS, ['2', '4', 'boom 1', 'boom 3', LATE]],
    ['hold', [], CONVERSATIONS, [...WORDS, LATE]],
  ] as const)
    it(`with ON_DEAD_LETTER=${policy} ${CONVERSATIONS} conversations ${policy === 'hold' ? 'wait' : 'go on'}, and each keeps its order when ${letters} letters are redriven at ${RATE} a second`, async () => {
      const url = await startTwo(policy);
      expect(await deliver(url, webhookOf(WORDS))).to.equal(200);
      const waiting = CONVERSATIONS * WORDS.length - letters - before.length * CONVERSATIONS;
      await eventually(
        async () => (await count('dead')) === letters && (await count('waiting')) === waiting,
        SETTLED_MS,
      );
      for (const customer of customers) expect(handledOf(customer), customer).to.deep.equal(before);

      rmSync(`${ledger}.broken`);
      const startedAtMs = performance.now();
      const args = ['redrive', '--all', '--rate', String(RATE), '--json'];
      const { stdout } = await ServiceProcess.run(
        { DATABASE_URL: database.url },
        { file: 'src/cli/dead-letters.ts', args },
      );
      expect(JSON.parse(stdout)).to.include({ letters, conversations: CONVERSATIONS });
      expect(await deliver(url, webhookOf([LATE]))).to.equal(200);
      await eventually(async () => (await count('done')) === CONVERSATIONS * (WORDS.length + 1), SETTLED_MS);
      const tookMs = performance.now() - startedAtMs;
      for (const customer of customers) expect(handledOf(customer), customer).to.deep.equal(after);
      expect(tookMs).to.be.above(((letters - 1) / RATE) * 1_000);
      report(policy, `${letters} letters at ${RATE} a second in ${(tookMs / 1_000).toFixed(1)} s, in order`);
    });
});
