import { expect } from 'chai';
import type { Database } from '../../../src/adapters/postgres/database.ts';
import { maintainEventKeys, RETAIN_DAYS } from '../../../src/adapters/postgres/event-key-partitions.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { isWahookError } from '../../../src/core/errors.ts';
import type { DedupResult } from '../../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { freshPglite, startPglite, startPostgres, testDatabase } from '../../support/postgres.ts';

const nothing = async (): Promise<void> => {};

/** Runs on a server and on the embedded Postgres. `open` gives a migrated database for each test. */
function partitionTests(open: () => Promise<{ readonly database: Database; close(): Promise<void> }>): void {
  let database: Database;
  let close: () => Promise<void>;
  let store: PostgresDedupStore;
  let today: number;

  beforeEach(async () => {
    ({ database, close } = await open());
    store = new PostgresDedupStore(database);
    const [row] = await database.query<{ today: number }>({ text: "SELECT CURRENT_DATE - DATE '1970-01-01' AS today" });
    today = row!.today;
  });
  afterEach(() => close());

  /** Rows by the table that holds them. */
  async function rows(): Promise<Record<string, number>> {
    const found = await database.query<{ name: string; count: number }>({
      text: 'SELECT tableoid::regclass::text AS name, count(*) FROM wahook.event_key GROUP BY 1 ORDER BY 1',
    });
    return Object.fromEntries(found.map(({ name, count }) => [name.replace('wahook.', ''), count]));
  }

  const record = (id: string, day: number) => store.once([{ id, day }], nothing);

  /** As if the keys of that day had been recorded so long ago. */
  const age = (day: number, days: number) =>
    database.query({
      text: 'UPDATE wahook.event_key SET seen_on = CURRENT_DATE - $2::integer WHERE day = $1',
      values: [day, days],
    });

  const addPartition = (day: number) =>
    database.query({
      text: `CREATE TABLE wahook.event_key_day_${day} PARTITION OF wahook.event_key FOR VALUES FROM (${day}) TO (${day + 1})`,
    });

  it('makes the partitions of yesterday to a week from now, once', async () => {
    const first = await maintainEventKeys(database);
    const second = await maintainEventKeys(database);

    expect(first.created).to.deep.equal(Array.from({ length: 9 }, (_, index) => today - 1 + index));
    expect(second).to.deep.equal({ created: [], dropped: [], deleted: 0 });
  });

  it('puts keys into the partition of their day, and those of other days into the default', async () => {
    await maintainEventKeys(database);
    await record('now', today);
    await record('soon', today + 7);
    await record('none', 0);
    await record('old', today - 5);

    expect(await rows()).to.deep.equal({
      [`event_key_day_${today}`]: 1,
      [`event_key_day_${today + 7}`]: 1,
      event_key_default: 2,
    });
  });

  it('moves keys that came before their partition, and goes on knowing them', async () => {
    await record('early', today);
    await age(today, 3);
    await record('other', today - 5);
    expect(await rows()).to.deep.equal({ event_key_default: 2 });

    await maintainEventKeys(database);

    expect(await rows()).to.deep.equal({ [`event_key_day_${today}`]: 1, event_key_default: 1 });
    expect((await record('early', today)).duplicate).to.deep.equal(['early']);
    const [row] = await database.query({
      text: 'SELECT CURRENT_DATE - seen_on AS age FROM wahook.event_key WHERE day = $1',
      values: [today],
    });
    expect(row).to.deep.equal({ age: 3 });
  });

  it('drops a partition when all of its keys are too old', async () => {
    const [kept, old] = [today - RETAIN_DAYS, today - RETAIN_DAYS - 1];
    for (const day of [kept, old]) {
      await addPartition(day);
      await record('a', day);
      await age(day, RETAIN_DAYS + 1);
    }

    const { dropped } = await maintainEventKeys(database);

    expect(dropped).to.deep.equal([old]);
    expect(await rows()).to.deep.equal({ [`event_key_day_${kept}`]: 1 });
  });

  it('keeps an old partition as long as a key in it is young', async () => {
    const old = today - RETAIN_DAYS - 20;
    await addPartition(old);
    await record('came late', old);
    await age(old, RETAIN_DAYS);
    expect((await maintainEventKeys(database)).dropped).to.deep.equal([]);

    await age(old, RETAIN_DAYS + 1);
    expect((await maintainEventKeys(database)).dropped).to.deep.equal([old]);
  });

  it('deletes old keys from the default partition and keeps the young', async () => {
    await record('forgotten', 0);
    await age(0, RETAIN_DAYS + 1);
    await record('kept', 1);
    await age(1, RETAIN_DAYS);

    expect((await maintainEventKeys(database)).deleted).to.equal(1);
    expect((await record('kept', 1)).duplicate).to.deep.equal(['kept']);
    expect((await record('forgotten', 0)).fresh).to.deep.equal(['forgotten']);
  });

  it('is safe to call several times at once, while keys are recorded', async () => {
    const old = today - RETAIN_DAYS - 1;
    await addPartition(old);
    let isOver = false;
    const recording = (async () => {
      const results = [];
      for (let index = 0; !isOver; index += 1) results.push(await record(`key ${index}`, today - (index % 3)));
      return results;
    })();

    const done = await Promise.all(Array.from({ length: 4 }, () => maintainEventKeys(database)));
    isOver = true;
    const results = await recording;

    expect(done.flatMap(({ created }) => created)).to.have.length(9);
    expect(done.flatMap(({ dropped }) => dropped)).to.deep.equal([old]);
    expect(results.every(({ fresh }) => fresh.length === 1)).to.equal(true);
  });
}

describe('event key partitions', () => {
  describe('on a server', () => {
    let url: string;

    before(startPostgres);

    partitionTests(async () => {
      const created = await testDatabase();
      ({ url } = created);
      const database = new PostgresDatabase({
        url,
        poolSize: 8,
        applicationName: 'partitions.spec',
        limits: TIME_LIMITS.postgres,
      });
      return {
        database,
        close: async () => {
          await database.close();
          await created.drop();
        },
      };
    });

    it('lets a key be recorded whose partition is made in that very moment', async () => {
      const database = new PostgresDatabase({
        url,
        poolSize: 4,
        applicationName: 'partitions.spec',
        limits: TIME_LIMITS.postgres,
      });
      const store = new PostgresDedupStore(database);
      const day = 20_700;
      let recording: Promise<DedupResult> | undefined;

      await database.transaction(async (tx) => {
        await tx.query({ text: 'LOCK TABLE wahook.event_key_default IN ACCESS EXCLUSIVE MODE' });
        recording = store.once([{ id: 'a', day }], nothing);
        await eventually(async () => {
          const waiting = await database.query({ text: 'SELECT FROM pg_locks WHERE NOT granted' });
          return waiting.length > 0;
        });
        await tx.query({
          text: `
            CREATE TABLE wahook.event_key_day_${day} (LIKE wahook.event_key INCLUDING ALL);
            ALTER TABLE wahook.event_key ATTACH PARTITION wahook.event_key_day_${day} FOR VALUES FROM (${day}) TO (${day + 1})`,
        });
      });

      expect((await recording)?.fresh).to.deep.equal(['a']);
      expect((await store.once([{ id: 'a', day }], nothing)).duplicate).to.deep.equal(['a']);
      await database.close();
    });

    it('gives up dropping rather than hold up the recording of keys behind a long transaction', async () => {
      const database = new PostgresDatabase({
        url,
        poolSize: 4,
        applicationName: 'partitions.spec',
        limits: TIME_LIMITS.postgres,
      });
      const { created } = await maintainEventKeys(database);
      const today = created[1]!;
      const old = today - RETAIN_DAYS - 1;
      await database.query({
        text: `CREATE TABLE wahook.event_key_day_${old} PARTITION OF wahook.event_key FOR VALUES FROM (${old}) TO (${old + 1})`,
      });

      await database.transaction(async (tx) => {
        await tx.query({ text: `SELECT FROM wahook.event_key WHERE day = ${old}` });
        const maintaining = maintainEventKeys(database).catch((error: unknown) => error);
        const store = new PostgresDedupStore(database);
        const recorded = await store.once([{ id: 'meanwhile', day: today }], nothing);
        expect(recorded.fresh).to.deep.equal(['meanwhile']);
        expect(isWahookError(await maintaining, 'storage_unavailable')).to.equal(true);
      });
      expect((await maintainEventKeys(database)).dropped).to.deep.equal([old]);
      await database.close();
    });
  });

  describe('on the embedded Postgres', () => {
    before(startPglite);
    let database: Database & { close(): Promise<void> };

    partitionTests(async () => {
      database ??= await freshPglite();
      return {
        database,
        close: async () => {
          await database.query({ text: 'DROP SCHEMA wahook CASCADE' });
          await migrate(database);
        },
      };
    });
    after(() => database.close());
  });
});
