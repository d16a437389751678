import { expect } from 'chai';
import { BytesArray, type Database, type Queryable, TextArray } from '../../../src/adapters/postgres/database.ts';
import { WahookError } from '../../../src/core/errors.ts';

const CANARY = 'canary-4915112345678';

/** What a server and the embedded Postgres have in common. `open` gives an empty database for each test. */
export function databaseContract(open: () => Promise<{ readonly database: Database; close(): Promise<void> }>): void {
  let database: Database;
  let close: () => Promise<void>;

  beforeEach(async () => {
    ({ database, close } = await open());
    await database.query({ text: 'CREATE TABLE public.item (name text PRIMARY KEY, value jsonb)' });
  });
  afterEach(() => close());

  const insert = (to: Queryable, name: string) =>
    to.query({ name: 'insert-item', text: 'INSERT INTO public.item (name) VALUES ($1)', values: [name] });

  const names = async () =>
    (await database.query<{ name: string }>({ text: 'SELECT name FROM public.item ORDER BY name' })).map(
      ({ name }) => name,
    );

  /** The error, checked to be one that may leave this folder: it quotes no value and carries no cause. */
  async function failure(work: Promise<unknown>): Promise<WahookError> {
    const error = await work.then(
      () => expect.fail('it resolved'),
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(WahookError);
    const wahookError = error as WahookError;
    const everything = [wahookError.message, wahookError.stack, JSON.stringify(wahookError), wahookError.cause];
    expect(everything.join('\n')).not.to.include(CANARY);
    expect(wahookError.cause).to.equal(undefined);
    return wahookError;
  }

  it('gives and takes the same types', async () => {
    const at = new Date('2026-11-23T12:00:00.123Z');
    const [row] = await database.query<Record<string, unknown>>({
      text: `SELECT 9007199254740991::bigint AS big, 7::integer AS small, $1::text AS text, $2::bytea AS bytes,
        $3::timestamptz AS at, $4::jsonb AS json, $5::boolean AS flag, $6::text[] AS list, $7::text AS nothing`,
      values: ['é', new Uint8Array([0, 255]), at, JSON.stringify({ a: [1, 'x'] }), true, ['a,b', '"'], null],
    });

    expect({ ...row, bytes: [...(row!['bytes'] as Uint8Array)] }).to.deep.equal({
      big: 9007199254740991,
      small: 7,
      text: 'é',
      bytes: [0, 255],
      at,
      json: { a: [1, 'x'] },
      flag: true,
      list: ['a,b', '"'],
      nothing: null,
    });
  });

  it('takes lists of texts and of bytes in the form in which they cost least', async () => {
    const texts = ['', '"', '\\', 'a,b', '{NULL}', 'NULL', 'é漢😀', 'a\nb', JSON.stringify({ a: ['"', '\\'] })];
    const bytes = texts.map((text) => Buffer.from(`\u0000${text}`));
    const read = (values: readonly unknown[]) =>
      database.query<{ text: string; bytes: Uint8Array }>({
        text: 'SELECT * FROM unnest($1::text[], $2::bytea[]) AS list (text, bytes)',
        values,
      });

    const rows = await read([new TextArray(texts), new BytesArray(bytes)]);

    expect(rows.map(({ text }) => text)).to.deep.equal(texts);
    expect(rows.map((row) => [...row.bytes])).to.deep.equal(bytes.map((one) => [...one]));
    expect(await read([new TextArray([]), new BytesArray([])])).to.deep.equal([]);
  });

  it('takes lists of bytes', async () => {
    const rows = await database.query<{ bytes: Uint8Array }>({
      text: 'SELECT bytes FROM unnest($1::bytea[]) AS list (bytes)',
      values: [[new Uint8Array([1, 0, 2]), Buffer.from([3])]],
    });

    expect(rows.map(({ bytes }) => [...bytes])).to.deep.equal([[1, 0, 2], [3]]);
  });

  it('runs several statements without values and gives the rows of all of them', async () => {
    const rows = await database.query({ text: 'SELECT 1 AS a; CREATE TABLE public.other (); SELECT 2 AS a;' });

    expect(rows).to.deep.equal([{ a: 1 }, { a: 2 }]);
  });

  it('commits what work has done when it resolves, and gives its result', async () => {
    const result = await database.transaction(async (tx) => {
      await insert(tx, 'a');
      await insert(tx, 'b');
      return 'result';
    });

    expect(result).to.equal('result');
    expect(await names()).to.deep.equal(['a', 'b']);
  });

  it('rolls back when work rejects, and passes its error on unchanged', async () => {
    const reason = new Error('no');

    const rejection = await database
      .transaction(async (tx) => {
        await insert(tx, 'a');
        throw reason;
      })
      .catch((error: unknown) => error);

    expect(rejection).to.equal(reason);
    expect(await names()).to.deep.equal([]);
  });

  it('rejects when work swallowed the error of a statement, since nothing was committed', async () => {
    const error = await failure(
      database.transaction(async (tx) => {
        await insert(tx, 'a');
        await insert(tx, 'a').catch(() => {});
      }),
    );

    expect(error.code).to.equal('storage_unavailable');
    expect(await names()).to.deep.equal([]);
  });

  it('goes on after an error that work undid with a savepoint', async () => {
    await database.transaction(async (tx) => {
      await insert(tx, 'a');
      await tx.query({ text: 'SAVEPOINT here' });
      await insert(tx, 'a').catch(() => {});
      await tx.query({ text: 'ROLLBACK TO here' });
      await insert(tx, 'b');
    });

    expect(await names()).to.deep.equal(['a', 'b']);
  });

  it('refuses statements of a transaction that is over', async () => {
    const tx = await database.transaction(async (open) => open);

    const rejection = await insert(tx, 'late').catch((error: unknown) => error);

    expect(rejection).to.be.instanceOf(Error).with.property('message').that.includes('after the end');
    expect(await names()).to.deep.equal([]);
  });

  it('runs 20 transactions at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => database.transaction((tx) => insert(tx, `item ${i}`))));

    expect(await names()).to.have.length(20);
  });

  for (const [what, json] of [
    ['a NUL character', JSON.stringify({ text: `${CANARY}\0` })],
    ['half a surrogate pair', `{"text":"${CANARY}\\ud800"}`],
    ['text that is no JSON', CANARY],
  ] as const) {
    it(`finds ${what} unstorable, quoting nothing`, async () => {
      const statement = { text: 'INSERT INTO public.item VALUES ($1, $2::jsonb)', values: [CANARY, json] };

      expect((await failure(database.query(statement))).code).to.equal('unstorable');
      expect((await failure(database.transaction((tx) => tx.query(statement)))).code).to.equal('unstorable');
      expect(await names()).to.deep.equal([]);
    });
  }

  it('names the constraint that a value broke, not the value', async () => {
    await insert(database, CANARY);

    const error = await failure(insert(database, CANARY));

    expect(error.code).to.equal('storage_unavailable');
    expect(error.message).to.include('23505').and.include('item_pkey');
  });

  it('takes a missing table for a schema that does not fit', async () => {
    const error = await failure(database.query({ text: `SELECT '${CANARY}' FROM missing` }));

    expect(error.code).to.equal('storage_unavailable');
    expect(error.message).to.include('42P01').and.include('migrations');
  });

  it('is of no use after it was closed, which may be repeated', async () => {
    await database.close();
    await database.close();

    expect((await failure(database.query({ text: 'SELECT 1' }))).code).to.equal('storage_unavailable');
    expect((await failure(database.transaction(async () => {}))).code).to.equal('storage_unavailable');
  });
}
