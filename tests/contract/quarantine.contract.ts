import { expect } from 'chai';
import type { Quarantine, QuarantinedPiece } from '../../src/core/ports.ts';

export interface OpenQuarantine {
  readonly quarantine: Quarantine;
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

  const listed = async (limit = 100): Promise<readonly string[]> =>
    (await quarantine.list(limit)).map(({ raw }) => new TextDecoder().decode(raw));

  it('gives a piece back with its reason, its path and the time', async () => {
    const beforeMs = Date.now();
    await quarantine.keep([piece('{"a":1}', { reason: 'too_deep', path: 'entry[1]' })]);

    const [kept] = await quarantine.list(1);

    expect(kept).to.include({ reason: 'too_deep', path: 'entry[1]' });
    expect(new TextDecoder().decode(kept!.raw)).to.equal('{"a":1}');
    expect(kept!.id).to.be.a('string').that.is.not.empty;
    // The store's clock may be another one.
    expect(kept!.keptAtMs).to.be.within(beforeMs - 60_000, Date.now() + 60_000);
  });

  it('keeps the bytes as they are, whatever they are', async () => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);
    await quarantine.keep([piece(everyByte), piece(new Uint8Array(0), { path: '' })]);

    const kept = await quarantine.list(2);

    expect(kept.map(({ raw }) => [...raw])).to.have.deep.members([[...everyByte], []]);
  });

  it('lists the newest first and no more than asked for', async () => {
    for (const raw of ['first', 'second', 'third']) await quarantine.keep([piece(raw)]);

    expect(await listed()).to.deep.equal(['third', 'second', 'first']);
    expect(await listed(2)).to.deep.equal(['third', 'second']);
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

    const kept = await quarantine.list(100);

    expect(kept).to.have.length(6);
    expect(new Set(kept.map(({ id }) => id)).size).to.equal(6);
  });

  it('shares no memory with its callers', async () => {
    const given = new TextEncoder().encode('before');
    await quarantine.keep([piece(given)]);
    given.fill(0);
    const [handedOut] = await quarantine.list(1);
    handedOut!.raw.fill(0);

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
