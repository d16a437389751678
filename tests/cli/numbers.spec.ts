import { expect } from 'chai';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresSendingNumbers } from '../../src/adapters/postgres/postgres-sending-numbers.ts';
import { OPTIONS, readRequest } from '../../src/cli/numbers-request.ts';
import { requestIn } from '../../src/cli/store-command.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';

const ID = '106540352242922';

describe('npm run numbers', function () {
  this.timeout(120_000);
  before(startPostgres);

  let created: TestDatabase;
  let database: PostgresDatabase;
  let numbers: PostgresSendingNumbers;
  beforeEach(async () => {
    created = await testDatabase();
    const limits = TIME_LIMITS.postgres;
    database = new PostgresDatabase({ url: created.url, poolSize: 1, applicationName: 'test', limits });
    numbers = new PostgresSendingNumbers(database, { limitsOf: () => ({ perSecond: 80, credential: 'one' }) });
  });
  afterEach(async () => {
    await database.close();
    await created.drop();
  });

  const run = (...args: readonly string[]) =>
    ServiceProcess.run({ DATABASE_URL: created.url }, { file: 'src/cli/numbers.ts', args });

  it('lists what is stopped, why, since when, and when it is tried', async () => {
    expect((await run('list')).stdout).to.equal('Nothing was sent or received yet.\n');
    await numbers.stop(ID, { code: 'graph_190', message: 'The access token is invalid.' });
    const { stdout, exitCode } = await run('list');
    const time = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ';
    expect(stdout).to.match(
      new RegExp(
        `^${ID} +stopped {2}graph_190 {2}since ${time} {2}next try ${time}\\n {2}The access token is invalid.\\n$`,
      ),
    );
    expect(exitCode).to.equal(0);
    const { numbers: listed } = JSON.parse((await run('list', '--json')).stdout);
    expect(listed[0].stopped).to.include({ code: 'graph_190' }).and.have.keys('code', 'message', 'since', 'probeAt');
  });

  it('stops a number until it is resumed, and says so if there is nothing to do', async () => {
    expect(await run('stop', ID)).to.deep.equal({ exitCode: 0, stdout: `${ID} is stopped\n`, stderr: '' });
    expect((await run('list')).stdout)
      .to.include('stopped_by_hand')
      .and.include('until it is resumed');
    expect((await run('stop', ID)).exitCode).to.equal(1);
    expect(await run('resume', ID)).to.deep.equal({ exitCode: 0, stdout: `${ID} sends again\n`, stderr: '' });
    expect((await run('list')).stdout).to.match(/^\d+ +sends\n$/);
    expect((await run('resume', ID)).exitCode).to.equal(1);
  });
});

describe('The arguments of npm run numbers', () => {
  it('are a verb and, but for list, one phone number ID', () => {
    expect(requestIn({ options: OPTIONS, read: readRequest }, ['list', '--json'])).to.deep.equal({
      verb: 'list',
      json: true,
    });
    expect(requestIn({ options: OPTIONS, read: readRequest }, ['stop', ID])).to.deep.equal({
      verb: 'stop',
      phoneNumberId: ID,
      json: false,
    });
    expect(requestIn({ options: OPTIONS, read: readRequest }, ['-h'])).to.equal('help');
  });

  for (const [args, wrong] of [
    [[], 'Say list, stop or resume.'],
    [['start'], 'There is no "start": say list, stop or resume.'],
    [['list', ID], 'list takes no number.'],
    [['stop'], 'Say which number to stop: one phone number ID.'],
    [['resume', ID, ID], 'Say which number to resume: one phone number ID.'],
    [['stop', '+15550100001'], 'A phone number ID has digits only; it is not the phone number: see list.'],
  ] as const)
    it(`are refused: ${args.join(' ')}`, () => {
      expect(requestIn({ options: OPTIONS, read: readRequest }, args)).to.deep.equal({ wrong });
    });
});
