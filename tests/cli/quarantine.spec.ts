import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresQuarantine } from '../../src/adapters/postgres/postgres-quarantine.ts';
import { OPTIONS, readRequest } from '../../src/cli/quarantine-request.ts';
import { requestIn } from '../../src/cli/store-command.ts';
import type { QuarantineReason } from '../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { eventually } from '../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver, textWebhook } from '../system/webhook-client.ts';

const NUL = textWebhook('NUL', 'a\u0000b');

describe('npm run quarantine', function () {
  this.timeout(60_000);

  let database: TestDatabase;
  let client: pg.Client;

  before(startPostgres);
  beforeEach(async () => {
    database = await testDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterEach(async () => {
    await client.end();
    await database.drop();
  });

  const run = (...args: readonly string[]) => ServiceProcess.quarantine(database.url, ...args);
  const count = async (text: string) => Number((await client.query<{ count: string }>(text)).rows[0]?.count);
  const waiting = () => count('SELECT count(*) FROM wahook.inbox');
  /** Keeps bodies as an older version would that could not handle them; resolves to their ids, in order. */
  const keep = async (...pieces: readonly (readonly [QuarantineReason, Buffer])[]) => {
    const postgres = new PostgresDatabase({
      url: database.url,
      poolSize: 1,
      applicationName: 'quarantine.spec',
      limits: TIME_LIMITS.postgres,
    });
    const quarantine = new PostgresQuarantine(postgres);
    await quarantine.keep(pieces.map(([reason, raw], index) => ({ reason, path: `entry[${index}]`, raw })));
    const ids = (await quarantine.list({ limit: pieces.length })).map(({ id }) => id).reverse();
    await postgres.close();
    return ids;
  };

  it('lists what is there, newest first, without a word of it', async () => {
    expect(await run('list')).to.include({ exitCode: 0, stdout: 'Nothing is in quarantine.\n', stderr: '' });
    await keep(['wrong_shape', textWebhook('A', 'canary')], ['too_deep', textWebhook('B', 'canary')]);

    const { stdout, exitCode } = await run('list');
    expect(stdout).to.match(
      /^id +kept +reason +bytes {2}where\n2 +\S+Z +too_deep +\d+ {2}entry\[1\]\n1 +\S+Z +wrong_shape /,
    );
    expect(stdout).not.to.match(/canary|wamid|15550/);
    expect(exitCode).to.equal(0);
    expect((await run('list', '--limit', '1')).stdout).to.contain('and older ones: --limit 10');
    const json = JSON.parse((await run('list', '--json', '--reason', 'too_deep')).stdout) as object[];
    expect(json).to.have.length(1);
    expect(json[0])
      .to.include({ id: '2', reason: 'too_deep', path: 'entry[1]' })
      .and.have.keys(...['id', 'reason', 'path', 'bytes', 'keptAt']);
  });

  it('shows the bytes of one, and says that they are personal data', async () => {
    await keep(['nul_character', NUL]);

    const { stdout, stderr, exitCode } = await run('show', '1');
    expect(stdout).to.equal(NUL.toString());
    expect(stderr).to.contain('nul_character').and.to.contain('personal data');
    expect(exitCode).to.equal(0);
    const missing = await run('show', '7');
    expect(missing).to.include({ exitCode: 3, stdout: '', stderr: 'There is no piece 7 in quarantine.\n' });
  });

  it('shows a terminal what it would obey, instead of having it obey', async () => {
    const evil = Buffer.from('{\n\t"text": "\u001b]0;mine\u0007 \u009b2J \u202etxt\u0000 👩‍🌾 é"}');
    await keep(['nul_character', evil]);
    const asTerminal = { NODE_OPTIONS: '--import=data:text/javascript,process.stdout.isTTY=true' };
    const { stdout } = await ServiceProcess.run(
      { DATABASE_URL: database.url, ...asTerminal },
      { file: 'src/cli/quarantine.ts', args: ['show', '1'] },
    );
    expect(stdout).to.equal('{\n\t"text": "\\u001b]0;mine\\u0007 \\u009b2J \\u202etxt\\u0000 👩‍🌾 é"}');
    expect((await run('show', '1')).stdout, 'in a pipe').to.equal(evil.toString());
  });

  it('replays what can be handled now, oldest first, leaves the rest and says why', async () => {
    await keep(['wrong_shape', textWebhook('A', 'a')], ['nul_character', NUL], ['too_deep', textWebhook('B', 'b')]);

    const dry = await run('replay', '--all', '--dry-run');
    expect(dry.stdout).to.contain('1       would be replayed: 1 event\n').and.to.contain('2 would be replayed, 1 not');
    expect(await waiting()).to.equal(0);

    const { stdout, exitCode } = await run('replay', '--all');
    expect(stdout).to.equal(
      [
        ...[
          '1       replayed: 1 event queued',
          '2       stays: still nul_character',
          '3       replayed: 1 event queued',
        ],
        ...['', '2 replayed, 1 not', ''],
      ].join('\n'),
    );
    expect(exitCode).to.equal(3);
    const { rows } = await client.query<{ text: string }>(
      `SELECT payload->>'text' AS text FROM wahook.inbox ORDER BY seq`,
    );
    expect(rows.map(({ text }) => text)).to.deep.equal(['a', 'b']);
    expect((await run('list')).stdout)
      .to.contain('nul_character')
      .and.not.to.contain('too_deep');
  });

  it('replays only those that it is told to, by id or by reason', async () => {
    await keep(
      ['wrong_shape', textWebhook('A', 'a')],
      ['too_deep', textWebhook('B', 'b')],
      ['too_deep', textWebhook('C', 'c')],
    );

    const byId = await run('replay', '2', '2', '9', '--json');
    expect(JSON.parse(byId.stdout)).to.deep.equal([
      { id: '2', outcome: 'replayed', fresh: 1, duplicate: 0, quarantined: 0 },
      { id: '9', outcome: 'absent' },
    ]);
    expect(byId.exitCode).to.equal(3);
    const byReason = await run('replay', '--reason', 'too_deep');
    expect(byReason).to.include({ exitCode: 0, stdout: '3       replayed: 1 event queued\n\n1 replayed, 0 not\n' });
    expect(await waiting()).to.equal(2);
  });

  it('discards, and says what it would', async () => {
    await keep(['wrong_shape', textWebhook('A', 'a')], ['nul_character', NUL]);

    expect(await run('discard', '--all', '--dry-run')).to.include({ exitCode: 0 });
    expect(await count('SELECT count(*) FROM wahook.quarantine')).to.equal(2);
    expect(await run('discard', '2')).to.include({ exitCode: 0, stdout: '2       discarded\n\n1 discarded, 0 not\n' });
    expect(await run('discard', '2')).to.include({ exitCode: 3 });
    expect(await run('discard', '--all')).to.include({
      exitCode: 0,
      stdout: '1       discarded\n\n1 discarded, 0 not\n',
    });
    expect(await run('discard', '--all')).to.include({ exitCode: 0, stdout: 'Nothing is in quarantine.\n' });
    expect(await waiting()).to.equal(0);
  });

  it('discards more than one only if that is confirmed', async () => {
    await keep(['wrong_shape', textWebhook('A', 'a')], ['nul_character', NUL]);

    const unconfirmed = await run('discard', '--all');
    expect(unconfirmed.stderr).to.match(/^2 pieces would be discarded, which nothing undoes\.\n {2}Fix {2}Add --yes/);
    expect(unconfirmed).to.include({ exitCode: 2, stdout: '' });
    expect(await count('SELECT count(*) FROM wahook.quarantine')).to.equal(2);
    expect((await run('discard', '--all', '--yes')).stdout).to.contain('2 discarded, 0 not\n');
  });

  it('tells one of two that replay the same at once, and queues it once', async () => {
    await keep(['wrong_shape', textWebhook('A', 'a')]);

    const both = await Promise.all([run('replay', '1'), run('replay', '1')]);

    expect(both.map(({ exitCode }) => exitCode).sort()).to.deep.equal([0, 3]);
    expect(await waiting()).to.equal(1);
  });

  it('killed in the middle of a replay it has lost nothing and doubles nothing', async () => {
    await keep(['wrong_shape', textWebhook('A', 'a')]);
    // Whoever queues a message needs the row of its lane, which this holds: the replay stands still inside its transaction.
    await client.query('BEGIN');
    await client.query('LOCK TABLE wahook.lane IN ACCESS EXCLUSIVE MODE');
    const options = { file: 'src/cli/quarantine.ts', args: ['replay', '1'] };
    const killed = ServiceProcess.spawn({ DATABASE_URL: database.url }, options);
    const BLOCKED = `SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'wahook.lane'::regclass`;
    await eventually(async () => (await count(BLOCKED)) > 0, 20_000);
    killed.signal('SIGKILL');
    await killed.exit();
    await client.query('COMMIT');

    await eventually(async () => (await run('replay', '1')).exitCode === 0, 30_000);
    expect(await waiting()).to.equal(1);
    expect(await run('replay', '1')).to.include({ exitCode: 3 });
    expect(await waiting()).to.equal(1);
  });

  describe('beside a running service', () => {
    let folder: string;
    let service: ServiceProcess;
    let url: string;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'wahook-replay-'));
      ({ service, url } = await ServiceProcess.start({
        ...{ STORE: 'postgres', DATABASE_URL: database.url, BOT: 'tests/fixtures/bots/obedient.ts' },
        ...{ LEDGER: join(folder, 'ledger') },
      }));
    });
    afterEach(async () => {
      service.signal('SIGKILL');
      await service.exit();
      rmSync(folder, { recursive: true, force: true });
    });

    const handled = () => {
      try {
        return readFileSync(join(folder, 'ledger'), 'utf8').trimEnd().split('\n');
      } catch {
        return [];
      }
    };

    it('has a message handled after the fix: once, after what its conversation has had since, in its own order', async () => {
      expect(await deliver(url, textWebhook('1', 'one'))).to.equal(200);
      await keep(['wrong_shape', textWebhook('2', 'two')], ['wrong_shape', textWebhook('3', 'three')]);
      expect(await deliver(url, textWebhook('4', 'four'))).to.equal(200);
      await eventually(() => handled().length === 2, 20_000);

      expect((await run('replay', '--all')).exitCode).to.equal(0);
      await eventually(() => handled().length === 4, 20_000);
      expect(handled()).to.deep.equal(['one', 'four', 'two', 'three']);

      for (const [id, words] of [
        ['2', 'two'],
        ['3', 'three'],
      ] as const)
        expect(await deliver(url, textWebhook(id, words))).to.equal(200);
      expect(await waiting()).to.equal(4);
      expect((await run('list')).stdout).to.equal('Nothing is in quarantine.\n');
    });

    it('replays nothing that Meta has delivered again since', async () => {
      await keep(['wrong_shape', textWebhook('1', 'one')]);
      expect(await deliver(url, textWebhook('1', 'one'))).to.equal(200);
      await eventually(() => handled().length === 1, 20_000);

      const { stdout, exitCode } = await run('replay', '1');
      expect(stdout).to.contain('replayed: 1 event accepted before');
      expect(exitCode).to.equal(0);
      expect(await waiting()).to.equal(1);
    });
  });

  for (const [args, says] of [
    [[], 'Say list, show, replay or discard.'],
    [['mend'], 'There is no "mend": say list, show, replay or discard.'],
    [['toString', '12'], 'There is no "toString": say list'],
    [['list', '5'], 'list takes no id'],
    [['list', '--all'], '--all is not for list'],
    [['list', '--limit', '0'], '--limit is a number'],
    [['list', '--reason', 'ugly'], '--reason is one of not_json, '],
    [['list', '--what'], 'There is no option --what.'],
    [['list', '--limit'], '--limit needs a value.'],
    [['list', '--json=yes'], '--json takes no value.'],
    [['show'], 'show takes the id of one piece'],
    [['show', '1', '2'], 'show takes the id of one piece'],
    [['show', 'wamid.A'], 'The id of a piece is a number'],
    [['replay'], 'replay takes either ids, or --reason, or --all'],
    [['replay', '--all', '--yes'], '--yes is not for replay'],
    [['replay', '1', '--all'], 'replay takes either ids'],
    [['discard', '--all', '--reason', 'too_deep'], 'discard takes either ids'],
  ] as const)
    it(`takes "${args.join(' ')}" for a mistake, and says which`, () => {
      const request = requestIn({ options: OPTIONS, read: readRequest }, args);
      expect(request !== 'help' && 'wrong' in request && request.wrong).to.satisfy((wrong: string) =>
        wrong.startsWith(says),
      );
    });

  it('tells a mistake in a sentence, shows the usage, and exits 2; with --help it exits 0', async () => {
    const { exitCode, stdout, stderr } = await run('show');
    expect(stderr).to.match(/^show takes the id of one piece\.\n\nLooks after what/);
    expect({ exitCode, stdout }).to.deep.equal({ exitCode: 2, stdout: '' });
    const help = await run('--help');
    expect(help.stdout).to.match(/^Looks after what/);
    expect(help.exitCode).to.equal(0);
  });

  it('says what is wrong with the database or the settings', async () => {
    const list = (env: Readonly<Record<string, string>>) =>
      ServiceProcess.run(env, { file: 'src/cli/quarantine.ts', args: ['list'] });
    const away = await list({ DATABASE_URL: 'postgres://canary:canary@127.0.0.1:9/canary' });
    expect(away).to.include({ exitCode: 4, stdout: '' });
    expect(away.stderr)
      .to.match(/^The database at DATABASE_URL does not answer\n {2}Why .*\n {2}Fix /)
      .and.not.to.contain('canary');
    const memory = await list({ STORE: 'memory' });
    expect(memory.stderr).to.match(/^STORE=memory keeps everything inside of the service/);
    expect(memory.exitCode).to.equal(2);
    const unset = await list({ STORE: 'postgres' });
    expect(unset.stderr).to.contain('✗ DATABASE_URL is not set');
    expect(unset.exitCode).to.equal(2);
    const blank = await testDatabase({ blank: true });
    const untouched = await list({ DATABASE_URL: blank.url });
    expect(untouched.stderr).to.match(/^The database was not prepared by this version\.\n {2}Fix /);
    expect(untouched.exitCode).to.equal(1);
    await blank.drop();
    await client.query(`INSERT INTO wahook.migration (number, name, checksum) VALUES (9999, '9999-later', 'x')`);
    const newer = await run('list');
    expect(newer.stderr).to.match(/^The database was migrated by a newer version\n/);
    expect(newer.exitCode).to.equal(1);
  });

  it('makes no database where there is none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wahook-nothing-'));
    const options = { file: 'src/cli/quarantine.ts', args: ['list'], cwd: folder };
    const { exitCode, stderr } = await ServiceProcess.run({}, options);
    expect(stderr).to.match(/^There is no database in \.wahook\/db\.\n {2}Fix /);
    expect(exitCode).to.equal(1);
    expect(readdirSync(folder)).to.deep.equal([]);
    rmSync(folder, { recursive: true });
  });
});
