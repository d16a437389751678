import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Database } from '../../../src/adapters/postgres/database.ts';
import { migrate, pendingMigrations } from '../../../src/adapters/postgres/migrate.ts';
import type { PgliteDatabase } from '../../../src/adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { isWahookError } from '../../../src/core/errors.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { freshPglite, startPglite, startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';

const OURS = join(import.meta.dirname, '../../../migrations');

async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => expect.fail('it resolved'),
    (error: Error) => error,
  );
}

describe('migrations', () => {
  let created: TestDatabase;
  let database: PostgresDatabase;
  let folder: string;

  before(startPostgres);
  beforeEach(async () => {
    created = await testDatabase({ blank: true });
    database = open();
    folder = await mkdtemp(join(tmpdir(), 'wahook-migrations-'));
    await write('0001-first', 'CREATE TABLE wahook.first (id integer); INSERT INTO wahook.first VALUES (1), (2)');
    await write('0002-second', 'CREATE TABLE wahook.second (id integer)');
  });
  afterEach(async () => {
    await database.close();
    await created.drop();
    await rm(folder, { recursive: true });
  });

  const open = () =>
    new PostgresDatabase({
      url: created.url,
      poolSize: 2,
      applicationName: 'migrate.spec',
      limits: TIME_LIMITS.postgres,
    });

  const write = (name: string, text: string) => writeFile(join(folder, `${name}.sql`), text);

  const recorded = (on: Database = database) =>
    on.query<{ number: number; name: string }>({ text: 'SELECT number, name FROM wahook.migration ORDER BY number' });

  async function exists(table: string): Promise<boolean> {
    const [row] = await database.query<{ found: boolean }>({
      text: 'SELECT to_regclass($1) IS NOT NULL AS found',
      values: [table],
    });
    return row!.found;
  }

  it('applies the files in order and records them', async () => {
    expect(await pendingMigrations(database, folder)).to.deep.equal(['0001-first', '0002-second']);

    expect(await migrate(database, folder)).to.deep.equal(['0001-first', '0002-second']);

    expect(await recorded()).to.deep.equal([
      { number: 1, name: '0001-first' },
      { number: 2, name: '0002-second' },
    ]);
    expect(await database.query({ text: 'SELECT id FROM wahook.first' })).to.have.length(2);
    expect(await pendingMigrations(database, folder)).to.deep.equal([]);
  });

  it('applies nothing a second time, and what is new afterwards', async () => {
    await migrate(database, folder);
    expect(await migrate(database, folder)).to.deep.equal([]);
    await write('0003-third', 'CREATE TABLE wahook.third ()');

    expect(await migrate(database, folder)).to.deep.equal(['0003-third']);
  });

  it('applies ours, from any working directory', async () => {
    const files = (await readdir(OURS)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4));
    const cwd = process.cwd();
    try {
      process.chdir(tmpdir());
      expect(await migrate(database)).to.deep.equal(files.sort());
    } finally {
      process.chdir(cwd);
    }
    expect(await exists('wahook.event_key')).to.equal(true);
  });

  it('neither reads nor rewrites the messages and sends from 0009 on: there may be many, and they are locked meanwhile', async () => {
    await rm(folder, { recursive: true });
    await cp(OURS, folder, { recursive: true });
    for (const file of await readdir(folder)) if (file > '0009') await rm(join(folder, file));
    await migrate(database, folder);
    /** Sessions that have ended are sure to have told what they read. */
    const read = async () => {
      await database.close();
      database = open();
      const others = `SELECT FROM pg_stat_activity WHERE application_name = 'migrate.spec' AND pid <> pg_backend_pid()
                      AND datname = current_database()`;
      await eventually(async () => (await database.query({ text: others })).length === 0);
      return database.query({
        text: `SELECT relname, seq_scan, pg_relation_filenode(relid) AS file FROM pg_stat_user_tables
               WHERE relname IN ('inbox', 'outbox') ORDER BY 1`,
      });
    };
    const before = await read();

    expect(await migrate(database)).not.to.deep.equal([]);

    expect(await read()).to.deep.equal(before);
  });

  it('puts everything of ours into the schema wahook', async () => {
    await migrate(database);

    const others = await database.query({
      text: `SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname NOT IN ('wahook', 'pg_catalog', 'information_schema', 'pg_toast')`,
    });
    expect(others).to.deep.equal([]);
  });

  it('lets five processes start at once, each migration applied by one of them', async () => {
    const processes = Array.from({ length: 5 }, open);

    const applied = await Promise.all(processes.map((one) => migrate(one, folder)));
    await Promise.all(processes.map((one) => one.close()));

    expect(applied.flat().sort()).to.deep.equal(['0001-first', '0002-second']);
    expect(await database.query({ text: 'SELECT id FROM wahook.first' })).to.have.length(2);
  });

  it('undoes a migration that fails, keeps those before it and goes on from there', async () => {
    await write('0002-second', 'CREATE TABLE wahook.second (id integer); SELECT 1 / 0');
    const error = await rejection(migrate(database, folder));
    expect(isWahookError(error)).to.equal(true);
    expect(await recorded()).to.deep.equal([{ number: 1, name: '0001-first' }]);
    expect(await exists('wahook.second')).to.equal(false);

    await write('0002-second', 'CREATE TABLE wahook.second (id integer)');
    expect(await migrate(database, folder)).to.deep.equal(['0002-second']);
  });

  it('does not wait for those who read a table for longer than webhooks would wait behind it, and works once they are done', async () => {
    await migrate(database, folder);
    await write('0003-third', 'ALTER TABLE wahook.first ADD COLUMN name text');
    const other = open();
    let error: Error | undefined;
    await other.transaction(async (tx) => {
      await tx.query({ text: 'SELECT id FROM wahook.first' });
      error = await rejection(migrate(database, folder));
    });
    await other.close();
    expect(isWahookError(error, 'storage_unavailable'), error?.message).to.equal(true);
    expect(error?.message).to.contain('lock');
    expect(await migrate(database, folder)).to.deep.equal(['0003-third']);
  });

  it('refuses a database that a newer version has migrated', async () => {
    await migrate(database, folder);
    await rm(join(folder, '0002-second.sql'));

    for (const refused of [migrate, pendingMigrations]) {
      const error = await rejection(refused(database, folder));
      expect(isWahookError(error, 'schema_too_new')).to.equal(true);
      expect(error.message).to.include('0002-second');
    }
  });

  it('refuses a migration that was changed after it was applied', async () => {
    await migrate(database, folder);
    await appendFile(join(folder, '0001-first.sql'), ' -- changed');

    const error = await rejection(migrate(database, folder));

    expect(isWahookError(error, 'schema_too_new')).to.equal(true);
    expect(error.message).to.include('0001-first');
  });

  it('takes a file with Windows line ends for the same', async () => {
    const copy = join(folder, 'windows');
    await cp(OURS, copy, { recursive: true });
    await migrate(database);
    for (const file of await readdir(copy)) {
      await writeFile(join(copy, file), (await readFile(join(copy, file), 'utf8')).replaceAll('\n', '\r\n'));
    }

    expect(await pendingMigrations(database, copy)).to.deep.equal([]);
  });

  it('refuses files whose numbers have a gap or occur twice', async () => {
    await write('0004-fourth', 'SELECT 1');
    expect((await rejection(migrate(database, folder))).message).to.include('0004-fourth.sql');
    await rm(join(folder, '0004-fourth.sql'));
    await write('0002-twice', 'SELECT 1');
    expect((await rejection(migrate(database, folder))).message).to.include('0002-twice.sql');
  });

  it('needs no right to create anything when all is applied', async () => {
    await migrate(database, folder);
    const role = `reader_${new URL(created.url).pathname.slice(1)}`;
    await database.query({
      text: `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA wahook TO ${role};
        GRANT SELECT ON wahook.migration TO ${role}`,
    });
    const url = new URL(created.url);
    [url.username, url.password] = [role, 'x'];
    const limited = new PostgresDatabase({
      url: url.href,
      poolSize: 1,
      applicationName: 'limited',
      limits: TIME_LIMITS.postgres,
    });
    try {
      expect(await migrate(limited, folder)).to.deep.equal([]);
    } finally {
      await limited.close();
      await database.query({ text: `DROP OWNED BY ${role}; DROP ROLE ${role}` });
    }
  });

  describe('on the embedded Postgres', () => {
    let embedded: PgliteDatabase;

    before(startPglite);
    beforeEach(async () => {
      embedded = await freshPglite();
      await embedded.query({ text: 'DROP SCHEMA wahook CASCADE' });
    });
    afterEach(() => embedded.close());

    it('applies them once, also when asked twice at once', async () => {
      const applied = await Promise.all([migrate(embedded, folder), migrate(embedded, folder)]);

      expect(applied.flat().sort()).to.deep.equal(['0001-first', '0002-second']);
      expect(await recorded(embedded)).to.have.length(2);
    });

    it('undoes a migration that fails', async () => {
      await write('0002-second', 'CREATE TABLE wahook.second (id integer); SELECT 1 / 0');
      await rejection(migrate(embedded, folder));

      expect(await recorded(embedded)).to.deep.equal([{ number: 1, name: '0001-first' }]);
      expect(await embedded.query({ text: "SELECT to_regclass('wahook.second') AS found" })).to.deep.equal([
        { found: null },
      ]);
    });
  });
});
