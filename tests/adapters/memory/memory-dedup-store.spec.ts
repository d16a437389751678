import { expect } from 'chai';
import { MemoryDedupStore } from '../../../src/adapters/memory/memory-dedup-store.ts';
import { manualClock } from '../../support/recording.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

const nothing = async (): Promise<void> => {};

const keys = (...ids: readonly string[]) => ids.map((id) => ({ id, day: 20_700 }));

describe('MemoryDedupStore', () => {
  it('says "busy" of a key that another call is working on, and works on the rest', async () => {
    const store = new MemoryDedupStore(manualClock());
    const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
    const first = store.once(keys('a'), () => finished);

    const second = await store.once(keys('a', 'b'), nothing);
    finish();

    expect(second).to.deep.equal({ fresh: ['b'], duplicate: [], busy: ['a'] });
    expect((await first).fresh).to.deep.equal(['a']);
  });

  it('forgets a key after 15 days and not before', async () => {
    const clock = manualClock();
    const store = new MemoryDedupStore(clock);
    await store.once(keys('a'), nothing);

    clock.advance(15 * DAY_MS);
    expect((await store.once(keys('a'), nothing)).duplicate).to.deep.equal(['a']);
    clock.advance(1);
    expect((await store.once(keys('a'), nothing)).fresh).to.deep.equal(['a']);
  });

  it('forgets the oldest keys when there are too many', async () => {
    const store = new MemoryDedupStore(manualClock(), { maxKeys: 2 });
    await store.once(keys('a', 'b', 'c'), nothing);

    const { fresh, duplicate } = await store.once(keys('b', 'c'), nothing);

    expect({ fresh, duplicate }).to.deep.equal({ fresh: [], duplicate: ['b', 'c'] });
    expect((await store.once(keys('a'), nothing)).fresh).to.deep.equal(['a']);
  });
});
