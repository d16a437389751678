import { expect } from 'chai';
import { asBossDb } from '../../../src/adapters/postgres/boss-db.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { startPostgres, testDatabase } from '../../support/postgres.ts';

describe('pg-boss inside our transaction', () => {
  before(startPostgres);

  it('sees and shares what the transaction does, with values and without', async () => {
    const { url, drop } = await testDatabase({ blank: true });
    const database = new PostgresDatabase({
      url,
      poolSize: 2,
      applicationName: 'boss-db.spec',
      limits: TIME_LIMITS.postgres,
    });
    const work = database.transaction(async (tx) => {
      const db = asBossDb(tx);
      await db.executeSql('CREATE TABLE public.job (id integer); INSERT INTO public.job VALUES (1)', []);
      await db.executeSql('INSERT INTO public.job VALUES ($1)', [2]);
      expect(await db.executeSql('SELECT id FROM public.job ORDER BY id')).to.deep.equal({
        rows: [{ id: 1 }, { id: 2 }],
      });
      throw new Error('roll back');
    });

    expect(await work.catch((error: Error) => error.message)).to.equal('roll back');
    expect(await database.query({ text: "SELECT to_regclass('public.job') AS found" })).to.deep.equal([
      { found: null },
    ]);
    await database.close();
    await drop();
  });
});
