import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { openStore } from '../../src/cli/open-store.ts';

describe('A command that opens the embedded database', function () {
  this.timeout(60_000);

  it('says that a newer version has migrated it, and opens it no further', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wahook-newer-'));
    try {
      const database = await PgliteDatabase.open({ folder: join(folder, 'db') });
      await migrate(database);
      await database.query({ text: `INSERT INTO wahook.migration VALUES (9999, '9999-later', 'x')` });
      await database.close();

      const store = await openStore({ DATA_DIR: folder });
      expect(store)
        .to.have.property('message')
        .that.matches(/^The database was migrated by a newer version\n {2}Why /);
      expect(store).to.include({ exitCode: 1 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
