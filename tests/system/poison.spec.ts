import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { BATCH, batchWith, CUSTOMERS, goodText, POISON, POSITIONS } from '../adapters/meta/poison.ts';
import { eventually } from '../support/eventually.ts';
import { rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { deliver } from './webhook-client.ts';

/** Refuses, with an error that no repetition mends, what no check of the decoder can know of. */
const REFUSING = `
  CREATE FUNCTION wahook.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NEW.payload->>'text' LIKE 'refuse %' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '22023'; END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER refuse BEFORE INSERT ON wahook.inbox FOR EACH ROW EXECUTE FUNCTION wahook.refuse()`;

interface Case {
  readonly run: string;
  readonly position: number;
  readonly json: string;
}

const PLACES = Object.values(POSITIONS);

const CASES: readonly Case[] = Object.values(POISON).flatMap(([, json], kind) =>
  PLACES.map((position) => ({ run: `${kind}.${position}`, position, json })),
);

/** A kind for each place: to handle all of them takes minutes on a small machine, and is for FAULTS=long. */
const HANDLED = CASES.filter((_, index) => index % rounds(22, 1) === 0);
const HANDLED_MS = rounds(120_000, 900_000);

/** The texts of the good messages of a batch, in order. */
function others(run: string, position: number): readonly string[] {
  return Array.from({ length: BATCH }, (_, index) => goodText(run, index)).filter((_, index) => index !== position);
}

describe('A poison message among 1000, delivered to a real process on PostgreSQL', function () {
  this.timeout(2 * HANDLED_MS);

  let database: TestDatabase;
  let client: pg.Client;
  let folder: string;
  let service: ServiceProcess;
  let url: string;

  before(startPostgres);
  beforeEach(async () => {
    database = await testDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    folder = mkdtempSync(join(tmpdir(), 'wahook-poison-'));
  });
  afterEach(async () => {
    service.signal('SIGKILL');
    await service.exit();
    await client.end();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (ROLE: 'web' | 'all') => {
    ({ service, url } = await ServiceProcess.start({
      ...{ STORE: 'postgres', DATABASE_URL: database.url, BOT: 'tests/fixtures/bots/obedient.ts' },
      ...{ LEDGER: join(folder, 'ledger'), ROLE },
    }));
  };
  const count = async (text: string) => Number((await client.query<{ count: string }>(text)).rows[0]?.count);
  const handled = () => {
    try {
      return readFileSync(join(folder, 'ledger'), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  const quarantined = () => count('SELECT count(*) FROM wahook.quarantine');

  /** Asks the database: to read the growing ledger again and again would take the time of the service. */
  const allHandled = () =>
    eventually(
      async () => (await count("SELECT count(*) FROM wahook.inbox WHERE state = 'waiting'")) === 0,
      HANDLED_MS,
    );

  /** Each of the texts exactly once, and those of one customer in their order. */
  const expectHandled = async (run: string, without: number) => {
    await allHandled();
    const indexes = handled()
      .filter((line) => line.startsWith(`${run}:`))
      .map((line) => Number(line.split(':')[1]));
    for (let customer = 0; customer < CUSTOMERS; customer += 1) {
      const expected = Array.from({ length: BATCH }, (_, index) => index).filter(
        (index) => index % CUSTOMERS === customer && index !== without,
      );
      expect(
        indexes.filter((index) => index % CUSTOMERS === customer),
        run,
      ).to.deep.equal(expected);
    }
  };

  it(`is quarantined alone, for all ${CASES.length} kinds and places: 200, and the 999 others are stored in order`, async () => {
    await start('web');
    for (const [done, { run, position, json }] of CASES.entries()) {
      expect(await deliver(url, batchWith(run, position, json)), run).to.equal(200);
      expect(await quarantined(), run).to.equal(done + 1);
    }
    const { rows } = await client.query<{ text: string }>(
      `SELECT payload->>'text' AS text FROM wahook.inbox ORDER BY seq`,
    );
    expect(rows.map(({ text }) => text)).to.deep.equal(CASES.flatMap(({ run, position }) => others(run, position)));
  });

  it(`leaves its neighbours to be handled once and in order, ${HANDLED.length} times 999 of them`, async () => {
    await start('all');
    for (const { run, position, json } of HANDLED)
      expect(await deliver(url, batchWith(run, position, json)), run).to.equal(200);
    for (const { run, position } of HANDLED) await expectHandled(run, position);
    expect(handled()).to.have.length(HANDLED.length * (BATCH - 1));
    expect(await quarantined()).to.equal(HANDLED.length);
    expect(service.hasEnded).to.equal(false);
  });

  it('is quarantined if the database alone refuses it, and handled after the fix, once', async () => {
    await start('all');
    await client.query(REFUSING);
    const refused = (words: string) =>
      `{"id":"wamid.${words}","from":"1","timestamp":"1790000000","type":"text","text":{"body":"refuse ${words}"}}`;
    // Longer than any index row: no lane can have such a name.
    const field = Array.from({ length: 3_000 }, () => Math.random().toString(36).slice(2, 4)).join('');
    for (const [place, position] of Object.entries(POSITIONS)) {
      expect(await deliver(url, batchWith(place, position, refused(place)))).to.equal(200);
      await expectHandled(place, position);
    }
    const strange = { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field, value: {} }] }] };
    expect(await deliver(url, Buffer.from(JSON.stringify(strange)))).to.equal(200);
    expect(await count(`SELECT count(*) FROM wahook.quarantine WHERE reason = 'unstorable'`)).to.equal(4);

    await client.query('DROP TRIGGER refuse ON wahook.inbox');
    const { stdout, exitCode } = await ServiceProcess.quarantine(database.url, 'replay', '--reason', 'unstorable');
    expect(stdout)
      .to.match(/3 replayed, 1 not/)
      .and.to.match(/stays: still unstorable/);
    expect(exitCode).to.equal(3);
    const replayed = () => handled().filter((line) => line.startsWith('refuse '));
    await eventually(async () => replayed().length >= 3, 30_000);
    for (const [place, position] of Object.entries(POSITIONS))
      expect(await deliver(url, batchWith(place, position, refused(place)))).to.equal(200);
    expect(await count('SELECT count(*) FROM wahook.inbox')).to.equal(3 * BATCH);
    expect(replayed()).to.deep.equal(['refuse first', 'refuse middle', 'refuse last']);
    expect(await quarantined()).to.equal(1);
  });
});
