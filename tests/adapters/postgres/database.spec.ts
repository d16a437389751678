import type { PgliteDatabase } from '../../../src/adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { freshPglite, startPglite, startPostgres, testDatabase } from '../../support/postgres.ts';
import { databaseContract } from './database.contract.ts';

describe('Database', () => {
  describe('PostgresDatabase', () => {
    before(startPostgres);

    databaseContract(async () => {
      const { url, drop } = await testDatabase({ blank: true });
      const database = new PostgresDatabase({
        url,
        poolSize: 10,
        applicationName: 'database.spec',
        limits: TIME_LIMITS.postgres,
      });
      return {
        database,
        close: async () => {
          await database.close();
          await drop();
        },
      };
    });
  });

  describe('PgliteDatabase', () => {
    let database: PgliteDatabase | undefined;

    before(startPglite);
    after(() => database?.close());

    databaseContract(async () => {
      database ??= await freshPglite();
      const opened = database;
      return {
        database: opened,
        close: async () => {
          const isOpen = await opened.query({ text: 'DROP TABLE IF EXISTS public.item, public.other' }).then(
            () => true,
            () => false,
          );
          if (!isOpen) database = undefined;
        },
      };
    });
  });
});
