import { expect } from 'chai';
import { MemoryDedupStore } from '../../../src/adapters/memory/memory-dedup-store.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { queryableOf } from '../../../src/adapters/postgres/postgres-unit.ts';
import type { Unit } from '../../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';

describe('the unit of work of PostgresDedupStore', () => {
  let created: TestDatabase;
  let database: PostgresDatabase;

  before(startPostgres);
  beforeEach(async () => {
    created = await testDatabase();
    database = new PostgresDatabase({
      url: created.url,
      poolSize: 4,
      applicationName: 'unit.spec',
      limits: TIME_LIMITS.postgres,
    });
    await database.query({ text: 'CREATE TABLE public.job (id text)' });
  });
  afterEach(async () => {
    await database.close();
    await created.drop();
  });

  const key = { id: 'a', day: 20_700 };

  const jobs = async () => (await database.query({ text: 'SELECT id FROM public.job' })).length;

  const addJob = async (unit: Unit) => {
    await queryableOf(unit, database)!.query({ text: "INSERT INTO public.job VALUES ('a')" });
  };

  it('stores what joins it together with the keys', async () => {
    let seenInside = -1;
    await new PostgresDedupStore(database).once([key], async (_, unit) => {
      await addJob(unit);
      seenInside = await jobs();
    });

    expect(seenInside, 'visible before the commit').to.equal(0);
    expect(await jobs()).to.equal(1);
  });

  it('undoes what joined it when the work fails', async () => {
    const store = new PostgresDedupStore(database);
    await store
      .once([key], async (_, unit) => {
        await addJob(unit);
        throw new Error('no');
      })
      .catch(() => {});

    expect(await jobs()).to.equal(0);
    expect((await store.once([key], (_, unit) => addJob(unit))).fresh).to.deep.equal(['a']);
  });

  it('records no key when a statement of the work failed, even if the work did not notice', async () => {
    const store = new PostgresDedupStore(database);
    const swallowed = store.once([key], async (_, unit) => {
      await queryableOf(unit, database)!
        .query({ text: 'SELECT FROM public.missing' })
        .catch(() => {});
    });

    expect(await swallowed.catch(() => 'rejected')).to.equal('rejected');
    expect((await store.once([key], async () => {})).fresh).to.deep.equal(['a']);
  });

  it('is over when the work is', async () => {
    let kept: Unit | undefined;
    await new PostgresDedupStore(database).once([key], async (_, unit) => {
      kept = unit;
    });

    expect(await addJob(kept!).catch((error: Error) => error.message)).to.include('after the end');
    expect(await jobs()).to.equal(0);
  });

  it('cannot be joined in another database, nor can a unit of another store', async () => {
    const other = new PostgresDatabase({
      url: created.url,
      poolSize: 1,
      applicationName: 'other',
      limits: TIME_LIMITS.postgres,
    });
    const found: unknown[] = [];
    await new PostgresDedupStore(database).once([key], async (_, unit) => {
      found.push(queryableOf(unit, other));
    });
    await new MemoryDedupStore(Date).once([key], async (_, unit) => {
      found.push(queryableOf(unit, database));
    });
    await other.close();

    expect(found).to.deep.equal([undefined, undefined]);
  });
});
