import { expect } from 'chai';
import type { DedupStore, Quarantine, QuarantinedPiece } from '../../src/core/ports/receiving.ts';

export interface OpenQuarantine {
  readonly quarantine: Quarantine;
  /** The store beside it, whose units of work it joins. */
  readonly dedup: DedupStore;
  close(): Promise<void>;
}

function piece(raw: string | Uint8Array, given: Partial<QuarantinedPiece> = {}): QuarantinedPiece {
  const bytes = typeof raw === 'string' ? new TextEncoder().encode(raw) : raw;
  return { reason: 'wrong_shape', path: 'entry[0].changes[0].value.messages[3]', raw: bytes, ...given };
}

/** What every Quarantine promises. `open` gives a fresh, empty one for each test. */
export function quarantineContract(open: () => Promise<OpenQuarantine>): void {
  let opened: OpenQuarantine;
  let quarantine: Quarantine;

  beforeEach(async () => {
    opened = await open();
    quarantine = opened.quarantine;
  });
  afterEach(() => opened.close());

  const textOf = ({ raw }: { readonly raw: Uint8Array }) => new TextDecoder().decode(raw);
  const all = () => quarantine.list({ limit: 100 });
  const found = async (id: string) => {
    const kept = await quarantine.find(id);
    if (kept === undefined) throw new Error(`nothing with id ${id}`);
    return kept;
  };
  const listed = async (limit = 100): Promise<readonly string[]> =>
    Promise.all((await quarantine.list({ limit })).map(async ({ id }) => textOf(await found(id))));
  /** Keeps pieces with these bytes, in this order, and gives their ids. */
  const keep = async (...raws: readonly string[]): Promise<readonly string[]> => {
    await quarantine.keep(raws.map((raw) => piece(raw)));
    return (await quarantine.list({ limit: raws.length })).map(({ id }) => id).reverse();
  };

  it('gives a piece back with its reason, its path, its length and the time, and its bytes when asked for it', async () => {
    const beforeMs = Date.now();
    await quarantine.keep([piece('{"a":1}', { reason: 'too_deep', path: 'entry[1]' })]);

    const [kept] = await all();

    expect(kept).to.include({ reason: 'too_deep', path: 'entry[1]', bytes: 7 });
    expect(kept).not.to.have.property('raw');
    expect(kept!.id).to.be.a('string').that.is.not.empty;
    // The store's clock may be another one.
    expect(kept!.keptAtMs).to.be.within(beforeMs - 60_000, Date.now() + 60_000);
    expect(await quarantine.find(kept!.id)).to.deep.equal({ ...kept, raw: new TextEncoder().encode('{"a":1}') });
  });

  it('keeps the bytes as they are, whatever they are', async () => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);
    await quarantine.keep([piece(everyByte), piece(new Uint8Array(0), { path: '' })]);

    const kept = await Promise.all((await all()).map(({ id }) => found(id)));

    expect(kept.map(({ raw }) => [...raw])).to.have.deep.members([[...everyByte], []]);
  });

  it('lists the newest first and no more than asked for', async () => {
    for (const raw of ['first', 'second', 'third']) await quarantine.keep([piece(raw)]);

    expect(await listed()).to.deep.equal(['third', 'second', 'first']);
    expect(await listed(2)).to.deep.equal(['third', 'second']);
  });

  it('lists the pieces of one call in the order in which they were given', async () => {
    const raws = Array.from({ length: 50 }, (_, index) => `piece ${index}`);
    await quarantine.keep(raws.map((raw) => piece(raw)));

    expect((await listed()).toReversed()).to.deep.equal(raws);
  });

  it('lists page after page, and only pieces with the reason asked for', async () => {
    const raws = Array.from({ length: 7 }, (_, index) => `piece ${index}`);
    await quarantine.keep(raws.map((raw, at) => piece(raw, { reason: at % 2 === 0 ? 'too_deep' : 'not_json' })));
    const ids = (await all()).map(({ id }) => id);
    const page = async (more: Partial<Parameters<Quarantine['list']>[0]>) =>
      (await quarantine.list({ limit: 3, ...more })).map(({ id }) => id);

    expect(await page({ before: ids[1]! })).to.deep.equal(ids.slice(2, 5));
    expect(await page({ reason: 'too_deep' })).to.deep.equal([ids[0], ids[2], ids[4]]);
    expect(await page({ reason: 'too_deep', before: ids[3]! })).to.deep.equal([ids[4], ids[6]]);
    await quarantine.remove([ids[1]!]);
    expect(await page({ before: ids[1]! })).to.deep.equal(ids.slice(2, 5));
  });

  it('finds nothing under an id that is not there, or is none', async () => {
    await keep('one');

    for (const id of ['0', '999999', '99999999999999999999', '-1', '1e0', '', 'one', "1'", ' 1'])
      expect(await quarantine.find(id), id).to.equal(undefined);
    expect(await quarantine.remove(['0', '99999999999999999999', 'one', ''])).to.deep.equal([]);
    expect(await listed()).to.deep.equal(['one']);
  });

  it('removes what it is told to and says which of it was there', async () => {
    const [first, second, third] = (await keep('first', 'second', 'third')) as [string, string, string];

    expect([...(await quarantine.remove([third, '0', first]))].sort()).to.deep.equal([first, third].sort());
    expect(await quarantine.remove([first])).to.deep.equal([]);
    expect(await quarantine.remove([])).to.deep.equal([]);
    expect(await quarantine.find(first)).to.equal(undefined);
    expect((await all()).map(({ id }) => id)).to.deep.equal([second]);
  });

  it('keeps a removed piece again, under another id', async () => {
    const [first] = (await keep('again')) as [string];
    await quarantine.remove([first]);

    const [second] = await keep('again');

    expect(await listed()).to.deep.equal(['again']);
    expect(second).not.to.equal(first);
  });

  it('tells exactly one of 20 callers that it removed a piece', async () => {
    const [id] = (await keep('one')) as [string];

    const told = await Promise.all(Array.from({ length: 20 }, () => quarantine.remove([id])));

    expect(told.flat()).to.deep.equal([id]);
  });

  it('removes a piece with the unit of work that it joins', async () => {
    const [id] = (await keep('one', 'two')) as [string, string];
    let removed: readonly string[] = [];

    await opened.dedup.once([{ id: 'key', day: 20_000 }], async (_, unit) => {
      removed = await quarantine.remove([id], unit);
    });

    expect(removed).to.deep.equal([id]);
    expect(await listed()).to.deep.equal(['two']);
  });

  it('has the piece still, with its id, its bytes and its place in the list, if the unit of work fails', async () => {
    const [, second] = (await keep('one', 'two', 'three')) as [string, string, string];
    const before = await all();

    const outcome = await opened.dedup
      .once([{ id: 'key', day: 20_000 }], async (_, unit) => {
        await quarantine.remove([second], unit);
        throw new Error('the work failed');
      })
      .catch((error: Error) => error.message);

    expect(outcome).to.equal('the work failed');
    expect(await all()).to.deep.equal(before);
    expect(await listed()).to.deep.equal(['three', 'two', 'one']);
  });

  it('is empty at first, and after keeping nothing', async () => {
    await quarantine.keep([]);

    expect(await listed()).to.deep.equal([]);
  });

  it('keeps the same reason, path and bytes once, within a call and over calls', async () => {
    await quarantine.keep([piece('same'), piece('same')]);
    await quarantine.keep([piece('same'), piece('other')]);

    expect([...(await listed())].sort()).to.deep.equal(['other', 'same']);
  });

  it('takes pieces that differ in reason, path or bytes for different ones', async () => {
    await quarantine.keep([
      piece('x'),
      piece('x', { reason: 'unstorable' }),
      piece('x', { path: 'entry[0]' }),
      piece('y'),
      // Not UTF-8: as text both are the same replacement character.
      piece(new Uint8Array([0xfe])),
      piece(new Uint8Array([0xff])),
    ]);

    const kept = await all();

    expect(kept).to.have.length(6);
    expect(new Set(kept.map(({ id }) => id)).size).to.equal(6);
  });

  it('shares no memory with its callers', async () => {
    const given = new TextEncoder().encode('before');
    await quarantine.keep([piece(given)]);
    given.fill(0);
    const [kept] = await all();
    (await found(kept!.id)).raw.fill(0);

    expect(await listed()).to.deep.equal(['before']);
  });

  it('takes the same pieces from 20 callers at once, in any order', async () => {
    const pieces = Array.from({ length: 10 }, (_, index) => piece(`piece ${index}`));
    const calls = Array.from({ length: 20 }, (_, call) =>
      quarantine.keep(call % 2 === 0 ? pieces : [...pieces].reverse()),
    );

    await Promise.all(calls);

    expect(await listed()).to.have.length(10);
  });
}
