import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { EventKey } from '../../src/core/model.ts';
import type { DedupResult, DedupStore } from '../../src/core/ports/receiving.ts';

export interface OpenDedupStore {
  readonly store: DedupStore;
  close(): Promise<void>;
}

/** Days since 1970. */
const DAY = 20_700;

function key(id: string, day = DAY): EventKey {
  return { id, day };
}

function keys(count: number, prefix = 'm|106540352242922|wamid.'): readonly EventKey[] {
  return Array.from({ length: count }, (_, index) => key(`${prefix}${index}`));
}

const idsOf = (given: readonly EventKey[]): readonly string[] => given.map(({ id }) => id);

const nothing = async (): Promise<void> => {};

/** Work of some milliseconds, so that concurrent calls meet it while it runs. */
const briefly = (): Promise<void> => sleep(5);

/** What every DedupStore promises. `open` gives a fresh one, without a key, for each test. */
export function dedupStoreContract(open: () => Promise<OpenDedupStore>): void {
  let opened: OpenDedupStore;

  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  /** Asks again until no key is busy, as Meta does. */
  async function untilNotBusy(given: readonly EventKey[], work: (fresh: readonly string[]) => Promise<void>) {
    const results: DedupResult[] = [];
    for (const deadlineMs = Date.now() + 5_000; Date.now() < deadlineMs; await sleep(5)) {
      const result = await opened.store.once(given, work);
      results.push(result);
      if (result.busy.length === 0) return results;
    }
    throw new Error('keys are still busy after 5 s');
  }

  it('gives new keys as fresh and runs the work once for them, in the order given', async () => {
    const given = [...keys(50)].reverse();
    const runs: (readonly string[])[] = [];

    const result = await opened.store.once(given, async (fresh) => void runs.push(fresh));

    expect(result).to.deep.equal({ fresh: idsOf(given), duplicate: [], busy: [] });
    expect(runs).to.deep.equal([idsOf(given)]);
  });

  it('gives recorded keys as duplicate, in the order given, and runs no work', async () => {
    const given = [...keys(50)].reverse();
    await opened.store.once(given, nothing);

    const result = await opened.store.once(given, async () => expect.fail('there was nothing to do'));

    expect(result).to.deep.equal({ fresh: [], duplicate: idsOf(given), busy: [] });
  });

  it('runs the work for the new keys only when some are recorded', async () => {
    await opened.store.once([key('b'), key('d')], nothing);
    const runs: (readonly string[])[] = [];

    const result = await opened.store.once(
      [key('e'), key('d'), key('c'), key('b'), key('a')],
      async (fresh) => void runs.push(fresh),
    );

    expect(result).to.deep.equal({ fresh: ['e', 'c', 'a'], duplicate: ['d', 'b'], busy: [] });
    expect(runs).to.deep.equal([['e', 'c', 'a']]);
  });

  it('counts a key once that is given twice in one call', async () => {
    const runs: (readonly string[])[] = [];

    const first = await opened.store.once([key('a'), key('b'), key('a')], async (fresh) => void runs.push(fresh));
    const second = await opened.store.once([key('b'), key('b')], nothing);

    expect(first).to.deep.equal({ fresh: ['a', 'b'], duplicate: [], busy: [] });
    expect(runs).to.deep.equal([['a', 'b']]);
    expect(second).to.deep.equal({ fresh: [], duplicate: ['b'], busy: [] });
  });

  it('passes the rejection of the work on unchanged and records nothing', async () => {
    const reason = new Error('the work failed');

    const rejection = await opened.store.once(keys(3), () => Promise.reject(reason)).catch((error: unknown) => error);
    const again = await opened.store.once(keys(3), nothing);

    expect(rejection).to.equal(reason);
    expect(again.fresh).to.deep.equal(idsOf(keys(3)));
  });

  it('keeps what was recorded before when later work fails', async () => {
    await opened.store.once([key('old')], nothing);
    await opened.store.once([key('old'), key('new')], () => Promise.reject(new Error('no'))).catch(() => {});

    const again = await opened.store.once([key('old'), key('new')], nothing);

    expect(again).to.deep.equal({ fresh: ['new'], duplicate: ['old'], busy: [] });
  });

  it('hands a unit of work to the work', async () => {
    let handed: unknown;

    await opened.store.once([key('a')], async (_, unit) => {
      handed = unit;
    });

    expect(handed).to.be.an('object');
  });

  it('answers a call without keys without work', async () => {
    const result = await opened.store.once([], async () => expect.fail('there was nothing to do'));

    expect(result).to.deep.equal({ fresh: [], duplicate: [], busy: [] });
  });

  it('takes 2,000 keys at once', async () => {
    const given = keys(2_000);

    const first = await opened.store.once(given, nothing);
    const second = await opened.store.once(given, nothing);

    expect(first.fresh).to.deep.equal(idsOf(given));
    expect(second.duplicate).to.deep.equal(idsOf(given));
  });

  it('tells keys apart however long, alike or odd they are', async () => {
    const long = 'x'.repeat(2_048);
    const ids = [
      long,
      `${long}y`,
      'a',
      'A',
      'a ',
      ' a',
      '',
      'é',
      'e\u0301',
      '👩‍👩‍👧',
      'a|b',
      'a:b',
      '{a}',
      '*',
      "'; --",
      '__proto__',
    ];

    const first = await opened.store.once(ids.map((id) => key(id)), nothing); // biome-ignore format: one line a call
    const second = await opened.store.once(ids.map((id) => key(id)), nothing); // biome-ignore format: one line a call

    expect(first.fresh).to.deep.equal(ids);
    expect(second.duplicate).to.deep.equal(ids);
  });

  it('takes keys of any day, and of none', async () => {
    const given = [key('none', 0), key('old', 1), key('today', DAY), key('far', 60_000)];

    const first = await opened.store.once(given, nothing);
    const second = await opened.store.once(given, nothing);

    expect(first.fresh).to.deep.equal(idsOf(given));
    expect(second.duplicate).to.deep.equal(idsOf(given));
  });

  it('lets one of 30 concurrent callers win, and tells the others "duplicate" only when its work is done', async () => {
    let runs = 0;
    let isDone = false;
    const work = async () => {
      runs += 1;
      await sleep(50);
      isDone = true;
    };
    const calls = Array.from({ length: 30 }, async () => {
      const result = await opened.store.once([key('a')], work);
      return { ...result, wasDone: isDone };
    });

    const results = await Promise.all(calls);

    expect(runs).to.equal(1);
    expect(results.filter(({ fresh }) => fresh.length > 0)).to.have.length(1);
    expect(results.filter(({ duplicate, wasDone }) => duplicate.length > 0 && !wasDone)).to.deep.equal([]);
    for (const { fresh, duplicate, busy } of results) expect([...fresh, ...duplicate, ...busy]).to.deep.equal(['a']);
  });

  it('tells none of 20 concurrent callers "duplicate" when the work fails', async () => {
    const failing = async () => {
      await briefly();
      throw new Error('the work failed');
    };
    const calls = Array.from({ length: 20 }, () => opened.store.once([key('a')], failing));

    const settled = await Promise.allSettled(calls);
    const later = await opened.store.once([key('a')], nothing);

    const results = settled.flatMap((call) => (call.status === 'fulfilled' ? [call.value] : []));
    expect(results.length, 'at least one ran the work').to.be.lessThan(20);
    for (const result of results) expect(result).to.deep.equal({ fresh: [], duplicate: [], busy: ['a'] });
    expect(later.fresh).to.deep.equal(['a']);
  });

  it('lets another caller win after the first one failed, and only one', async () => {
    let runs = 0;
    let successes = 0;
    const failingAtFirst = async () => {
      runs += 1;
      const mayFail = runs <= 2;
      await briefly();
      if (mayFail) throw new Error('the work failed');
      successes += 1;
    };
    const calls = Array.from({ length: 20 }, () => untilNotBusy([key('a')], failingAtFirst));

    const settled = await Promise.allSettled(calls);

    const last = settled.flatMap((call) => (call.status === 'fulfilled' ? [call.value.at(-1)!] : []));
    expect(successes).to.equal(1);
    expect(settled.filter(({ status }) => status === 'rejected')).to.have.length(2);
    expect(last.filter(({ fresh }) => fresh.length > 0)).to.have.length(1);
    expect(last.filter(({ duplicate }) => duplicate.length > 0)).to.have.length(17);
  });

  it('gets through calls whose keys overlap crosswise, each key fresh once', async () => {
    const all = keys(12);
    const calls = Array.from({ length: 24 }, (_, call) => {
      const turned = [...all.slice(call % 12), ...all.slice(0, call % 12)].slice(0, 8);
      return untilNotBusy(call % 2 === 0 ? turned : turned.reverse(), briefly);
    });

    const results = (await Promise.all(calls)).flat();

    const fresh = results.flatMap((result) => result.fresh);
    expect([...fresh].sort()).to.deep.equal([...idsOf(all)].sort());
  });
}
