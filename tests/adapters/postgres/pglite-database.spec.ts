import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { PgliteDatabase } from '../../../src/adapters/postgres/pglite-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { isWahookError } from '../../../src/core/errors.ts';
import { freshPglite, startPglite } from '../../support/postgres.ts';

describe('PgliteDatabase', function () {
  // A folder has to be initialised, which takes 4 s and on a busy machine much longer.
  this.timeout(60_000);
  let parent: string;
  let folder: string;

  before(startPglite);
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'wahook-pglite-'));
    folder = join(parent, '.wahook/db');
  });
  afterEach(() => rm(parent, { recursive: true }));

  async function rejection(work: Promise<unknown>): Promise<Error> {
    return work.then(
      () => expect.fail('it resolved'),
      (error: Error) => error,
    );
  }

  it('keeps its data in the folder, which one process at a time may have open', async () => {
    const keys = [{ id: 'a', day: 20_700 }];
    const first = await PgliteDatabase.open({ folder });
    await migrate(first);
    await new PostgresDedupStore(first).once(keys, async () => {});
    const refused = await rejection(PgliteDatabase.open({ folder }));
    await first.close();

    const second = await PgliteDatabase.open({ folder });
    const result = await new PostgresDedupStore(second).once(keys, async () => {});
    await second.close();

    expect(isWahookError(refused, 'already_running')).to.equal(true);
    expect(result.duplicate).to.deep.equal(['a']);
    expect(await readdir(join(parent, '.wahook'))).to.deep.equal(['db']);
  });

  it('gives the folder up again when it cannot be opened', async () => {
    await mkdir(join(folder, 'base'), { recursive: true });
    await writeFile(join(folder, 'PG_VERSION'), 'no database');

    const error = await rejection(PgliteDatabase.open({ folder }));

    expect(isWahookError(error, 'storage_unavailable'), String(error)).to.equal(true);
    expect(await readdir(join(parent, '.wahook'))).to.deep.equal(['db']);
  });

  it('has our schema in its search path', async () => {
    const database = await freshPglite();

    expect(await database.query({ text: 'SELECT count(*) FROM event_key' })).to.deep.equal([{ count: 0 }]);
    await database.close();
  });

  it('gives pg-boss its one connection', async () => {
    const database = await freshPglite();
    const { db, backend } = database.bossOptions();

    expect(backend).to.equal('pglite');
    expect(await db!.executeSql('SELECT 1 AS a; SELECT 2 AS a')).to.deep.equal({ rows: [{ a: 1 }, { a: 2 }] });
    await database.close();
  });
});
