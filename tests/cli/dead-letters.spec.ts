import { expect } from 'chai';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../src/adapters/postgres/postgres-message-queue.ts';
import { OPTIONS, readRequest } from '../../src/cli/dead-letters-request.ts';
import { requestIn } from '../../src/cli/store-command.ts';
import type { Job } from '../../src/core/ports/queue.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { textMessage } from '../core/builders.ts';
import { DevFolder } from '../support/dev-server.ts';
import { eventually } from '../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';
import { ServiceProcess } from '../support/service-process.ts';

const CONTENT = /15550100001|wamid|secret words/;

describe('npm run dead-letters', function () {
  this.timeout(120_000);

  describe('on Postgres', () => {
    before(startPostgres);

    let created: TestDatabase;
    let database: PostgresDatabase;
    let queue: PostgresMessageQueue;
    beforeEach(async () => {
      created = await testDatabase();
      database = new PostgresDatabase({
        url: created.url,
        poolSize: 3,
        applicationName: 'test',
        limits: TIME_LIMITS.postgres,
      });
      const dedup = new PostgresDedupStore(database);
      const metrics = new RecordingMetrics();
      queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics, stopDeadlineMs: 1_000 });
      await queue.start();
    });
    afterEach(async () => {
      await queue.close();
      await database.close();
      await created.drop();
    });

    const run = (...args: readonly string[]) =>
      ServiceProcess.run({ DATABASE_URL: created.url }, { file: 'src/cli/dead-letters.ts', args });

    const depth = () => queue.depth('messages');

    /** Messages of that many conversations that die of the reason. */
    const kill = async (count: number, code = 'handler_failed') => {
      const jobs = Array.from({ length: count }, (_, index) => ({
        key: { id: `m|${code}|${index}`, day: 20_000 },
        lane: `106540352242922|1555010000${index}`,
        payload: textMessage('secret words'),
      }));
      await queue.publish('messages', jobs);
      const error = { code, message: 'Error: no \u001b[31mluck (bot/shop.ts:31:22)' };
      const handler = async (handed: readonly Job[]) => handed.map(() => ({ outcome: 'dead' as const, error }));
      const consumption = await queue.consume('messages', handler, { concurrency: 1, burst: 1 });
      await eventually(async () => (await depth()).waiting === 0);
      await consumption.stop();
    };

    it('lists what died with reason, error, attempts, time and conversation, and no content', async () => {
      await kill(2);
      const { exitCode, stdout, stderr } = await run('list');
      expect(stdout).to.match(
        /^messages-2 +handler_failed +attempt 1 {2}died \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {2}conversation [0-9a-f]{12}\n {2}Error: no {2}\[31mluck \(bot\/shop\.ts:31:22\)\nmessages-1 /,
      );
      expect(stdout).to.match(/\n2 dead letters\n$/);
      expect(stdout).not.to.match(CONTENT);
      expect({ exitCode, stderr }).to.deep.equal({ exitCode: 0, stderr: '' });
      expect((await run('list', '--limit', '1')).stdout).to.match(/\n1 of 2 dead letters\n$/);
    });

    it('lists as one JSON document if asked to', async () => {
      await kill(1);
      const { stdout } = await run('list', '--json', '--reason', 'handler_failed');
      const { total, letters } = JSON.parse(stdout) as { total: number; letters: Record<string, unknown>[] };
      expect(total).to.equal(1);
      expect(letters[0]).to.include({ id: 'messages-1', queue: 'messages', reason: 'handler_failed', attempts: 1 });
      expect(letters[0]?.['diedAt']).to.match(/^\d{4}-\d\d-\d\dT.*Z$/);
      expect(stdout).not.to.match(CONTENT);
    });

    it('redrives by id, filter or all, after it has said what it would do', async () => {
      await kill(3);
      await kill(1, 'handler_timeout');
      expect((await run('redrive', '--all', '--rate', '2', '--dry-run')).stdout).to.equal(
        '4 dead letters of 3 conversations would be redriven, the last one in 2 s\n',
      );
      expect(await depth()).to.include({ waiting: 0, dead: 4 });
      expect((await run('redrive', 'messages-2')).stdout).to.equal('1 dead letter of 1 conversation redriven\n');
      expect((await run('redrive', '--reason', 'handler_timeout', '--json')).stdout).to.equal(
        '{"letters":1,"conversations":1,"dryRun":false}\n',
      );
      expect(await depth()).to.include({ waiting: 2, dead: 2 });
      expect((await run('redrive', '--all', '--rate', '0.5')).stdout).to.contain('redriven, the last one in 2 s\n');
      expect(await depth()).to.include({ waiting: 4, dead: 0 });
    });

    it('finds all of one conversation by what the list shows', async () => {
      await kill(2);
      const { letters } = JSON.parse((await run('list', '--json')).stdout) as { letters: { conversation: string }[] };
      const { stdout } = await run('list', '--conversation', letters[0]?.conversation ?? '');
      expect(stdout).to.match(/^messages-2 .*\n.*\n1 dead letter\n$/);
    });

    it('discards one at once, and more only if that is confirmed', async () => {
      await kill(3);
      expect((await run('discard', 'messages-1')).stdout).to.equal('1 dead letter of 1 conversation discarded\n');
      const unconfirmed = await run('discard', '--all');
      expect(unconfirmed.stderr).to.match(/^2 dead letters would be discarded, which nothing undoes\.\n {2}Fix {2}/);
      expect(unconfirmed).to.include({ exitCode: 2, stdout: '' });
      expect((await run('discard', '--all', '--dry-run')).stdout).to.contain('2 dead letters of 2 conversations would');
      expect(await depth()).to.include({ waiting: 0, dead: 2 });
      expect((await run('discard', '--all', '--yes')).stdout).to.contain('2 dead letters of 2 conversations discarded');
      expect(await depth()).to.include({ waiting: 0, dead: 0 });
    });

    it('does nothing at all if one of the ids is unknown, says which, and exits 1', async () => {
      await kill(1);
      const { exitCode, stdout, stderr } = await run('redrive', 'messages-1', 'messages-77', 'outbound-1');
      expect(stderr).to.match(
        /^No dead letter: messages-77, outbound-1\. Nothing was done\.\n {2}Why {2}.*\n {2}Fix {2}.*\n$/,
      );
      expect({ exitCode, stdout }).to.deep.equal({ exitCode: 1, stdout: '' });
      expect(await depth()).to.include({ waiting: 0, dead: 1 });
    });

    it('changes no database that another version of the service has prepared', async () => {
      await database.query({ text: `INSERT INTO wahook.migration VALUES (9999, '9999-later', 'x')` });
      const newer = await run('list');
      expect(newer.stderr).to.match(/^The database was migrated by a newer version\n {2}Why .*\n {2}Fix .*\n$/);
      await database.query({ text: 'DELETE FROM wahook.migration WHERE number = 9999 OR number = 5' });
      const older = await run('list');
      expect(older.stderr).to.match(/^The database was not prepared by this version\.\n {2}Fix /);
      expect([newer.exitCode, older.exitCode]).to.deep.equal([1, 1]);
    });
  });

  for (const [args, said] of [
    [[], 'Say list, redrive or discard.'],
    [['redirve'], 'There is no "redirve": say list, redrive or discard.'],
    [['redrive'], 'Say which ones to redrive: ids, a filter, or --all.'],
    [['discard', '--dry-run'], 'Say which ones to discard: ids, a filter, or --all.'],
    [['redrive', '42'], '"42" is no id: ids look like messages-42, see list.'],
    [['redrive', 'letters-42'], '"letters-42" is no id: ids look like messages-42, see list.'],
    [['redrive', '--all', 'messages-1'], '--all means every one: leave it out, or the ids and filters.'],
    [['list', '--queue', 'inbox'], '--queue is not one of messages, statuses, account, outbound.'],
    [['list', '--conversation', 'Ana'], '--conversation needs the 12 characters that list shows.'],
    [['redrive', '--all', '--rate', '0'], '--rate needs a number above 0, at most 10000.'],
    [['discard', '--all', '--rate', '5'], '--rate is for redrive.'],
    [['redrive', '--all', '--limit', '10'], '--limit is for list.'],
    [['discard', '--all', '--limit', '10'], '--limit is for list.'],
    [['redrive', '--all', '--yes'], '--yes is for discard.'],
    [['list', '--dry-run'], '--dry-run is for redrive and discard.'],
    [['list', '--limit', 'all'], '--limit needs a whole number from 1 to 999999.'],
    [['list', '--quue', 'x'], 'There is no option --quue.'],
  ] as const)
    it(`takes "${args.join(' ')}" for a mistake, and says which`, () => {
      const request = requestIn({ options: OPTIONS, read: readRequest }, args);
      expect(request !== 'help' && 'wrong' in request && request.wrong).to.satisfy((wrong: string) =>
        wrong.startsWith(said),
      );
    });

  it('tells a mistake in a sentence, shows the usage, and exits 2', async () => {
    const args = ['redrive'];
    const { exitCode, stdout, stderr } = await ServiceProcess.run({}, { file: 'src/cli/dead-letters.ts', args });
    expect(stderr).to.match(/^Say which ones to redrive: ids, a filter, or --all\.\n\n/);
    expect(stderr).to.contain('npm run dead-letters -- list');
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' });
  });

  it('explains itself when asked', async () => {
    const { exitCode, stdout } = await ServiceProcess.run({}, { file: 'src/cli/dead-letters.ts', args: ['--help'] });
    expect(stdout).to.contain('--dry-run');
    expect(exitCode).to.equal(0);
  });

  it('says what is wrong where there is no store to look into', async () => {
    const list = (env: Readonly<Record<string, string>>) =>
      ServiceProcess.run(env, { file: 'src/cli/dead-letters.ts', args: ['list'] });
    const [down, none, memory, malformed] = await Promise.all([
      list({ DATABASE_URL: 'postgres://canary:canary@127.0.0.1:9/canary' }),
      list({ DATA_DIR: 'nowhere' }),
      list({ STORE: 'memory' }),
      list({ DATABASE_URL: 'canary' }),
    ]);
    expect(down.stderr).to.match(/^The database at DATABASE_URL does not answer\n {2}Why .*\n {2}Fix .*\n$/);
    expect(none.stderr).to.match(/^There is no database in nowhere\/db\.\n {2}Fix .*\n$/);
    expect(memory.stderr).to.match(/^STORE=memory keeps everything inside of the service/);
    expect(malformed.stderr).to.contain('✗ DATABASE_URL does not begin');
    expect([down, none, memory, malformed].map(({ exitCode }) => exitCode)).to.deep.equal([4, 1, 2, 2]);
    expect(down.stderr + malformed.stderr).not.to.contain('canary');
  });

  it('looks into the embedded database, but not while a development server has it open', async () => {
    const folder = new DevFolder();
    try {
      await folder.start({ HANDLER_RETRIES: '1' });
      await folder.run('trigger', ['text', 'boom', '--timeout', '0.1']);
      const metrics = async () => await (await fetch(`${folder.state.url}/metrics`)).text();
      await eventually(async () => /queue_depth\{queue="messages",state="dead"\} 1\b/.test(await metrics()), 30_000);
      const refused = await folder.run('dead-letters', ['list']);
      expect(refused.stderr).to.match(/^The database in .* is in use by process \d+ on .*\n$/);
      expect(refused).to.include({ exitCode: 7, stdout: '' });
      await folder.server?.stop();
      expect((await folder.run('dead-letters', ['list'])).stdout).to.match(/^messages-1 .*\n.*\n1 dead letter\n$/);
      expect((await folder.run('dead-letters', ['redrive', 'messages-1'])).exitCode).to.equal(0);
      expect((await folder.run('dead-letters', ['list'])).stdout).to.equal('0 dead letters\n');
    } finally {
      await folder.remove();
    }
  });
});
