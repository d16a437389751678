import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import { MemoryQuarantine } from '../../src/adapters/memory/memory-quarantine.ts';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresQuarantine } from '../../src/adapters/postgres/postgres-quarantine.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { freshPglite, startPostgres, testDatabase } from '../support/postgres.ts';
import { quarantineContract } from './quarantine.contract.ts';

describe('Quarantine contract', () => {
  describe('MemoryQuarantine', () => {
    quarantineContract(async () => ({
      quarantine: new MemoryQuarantine(Date),
      dedup: new MemoryDedupStore(Date),
      close: async () => {},
    }));
  });

  describe('PostgresQuarantine', () => {
    before(startPostgres);

    quarantineContract(async () => {
      const { url, drop } = await testDatabase();
      const database = new PostgresDatabase({
        url,
        poolSize: 10,
        applicationName: 'quarantine.spec',
        limits: TIME_LIMITS.postgres,
      });
      return {
        quarantine: new PostgresQuarantine(database),
        dedup: new PostgresDedupStore(database),
        close: async () => {
          await database.close();
          await drop();
        },
      };
    });
  });

  describe('PostgresQuarantine on the embedded Postgres', () => {
    let database: PgliteDatabase;

    before(async function () {
      this.timeout(60_000);
      database = await freshPglite();
    });
    after(() => database.close());

    quarantineContract(async () => ({
      quarantine: new PostgresQuarantine(database),
      dedup: new PostgresDedupStore(database),
      close: async () => void (await database.query({ text: 'TRUNCATE wahook.quarantine, wahook.event_key' })),
    }));
  });
});
