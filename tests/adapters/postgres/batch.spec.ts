import { expect } from 'chai';
import { Batch } from '../../../src/adapters/postgres/batch.ts';

describe('A batch', () => {
  it('runs what is ready together, and what comes meanwhile together after it', async () => {
    const runs: number[][] = [];
    const first = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const batch = new Batch<number, number>(async (items) => {
      runs.push([...items]);
      begun.resolve();
      if (runs.length === 1) await first.promise;
      return items.map((item) => item * 10);
    });
    const early = [batch.add(1), batch.add(2)];
    await begun.promise;
    const late = [batch.add(3), batch.add(4)];
    expect(runs).to.deep.equal([[1, 2]]);
    first.resolve();
    expect(await Promise.all([...early, ...late])).to.deep.equal([10, 20, 30, 40]);
    expect(runs).to.deep.equal([
      [1, 2],
      [3, 4],
    ]);
  });

  it('rejects all of a run that rejects, and goes on with the next', async () => {
    let runs = 0;
    const batch = new Batch<number, number>(async (items) => {
      runs += 1;
      if (runs === 1) throw new Error('no');
      return items;
    });
    const failed = await Promise.allSettled([batch.add(1), batch.add(2)]);
    expect(failed.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    expect(await batch.add(3)).to.equal(3);
  });

  it('lets one of a run fail alone, while the next run goes on', async () => {
    const slow = Promise.withResolvers<number>();
    const batch = new Batch<number, number>(async (items) => items.map((item) => (item === 1 ? slow.promise : item)));
    const one = batch.add(1);
    expect(await batch.add(2)).to.equal(2);
    expect(await batch.add(3)).to.equal(3);
    slow.reject(new Error('no'));
    expect(await one.catch((error: unknown) => (error as Error).message)).to.equal('no');
  });

  it('takes no more in a run than it may, and the rest in the next', async () => {
    const runs: (readonly number[])[] = [];
    const batch = new Batch<number, number>(
      async (items) => {
        runs.push(items);
        return items;
      },
      { mostItems: 2 },
    );
    expect(await Promise.all([1, 2, 3, 4, 5].map((item) => batch.add(item)))).to.deep.equal([1, 2, 3, 4, 5]);
    expect(runs).to.deep.equal([[1, 2], [3, 4], [5]]);
  });

  it('begins a run beside others only for as many as one takes, and no more of them than it may', async () => {
    const runs: (readonly number[])[] = [];
    const goOn = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const batch = new Batch<number, number>(
      async (items) => {
        runs.push(items);
        begun.resolve();
        await goOn.promise;
        return items;
      },
      { mostItems: 2, mostRuns: 2 },
    );
    const results = [batch.add(1)];
    await begun.promise;
    results.push(batch.add(2));
    expect(runs, 'one more is not worth a run').to.deep.equal([[1]]);
    results.push(batch.add(3));
    expect(runs, 'two are').to.deep.equal([[1], [2, 3]]);
    results.push(batch.add(4), batch.add(5));
    expect(runs, 'no third run').to.deep.equal([[1], [2, 3]]);
    goOn.resolve();
    expect(await Promise.all(results)).to.deep.equal([1, 2, 3, 4, 5]);
    expect(runs).to.deep.equal([[1], [2, 3], [4, 5]]);
  });

  it('leaves what is less than one run takes to the run that is under way beside it', async () => {
    const runs: (readonly number[])[] = [];
    const goOn: PromiseWithResolvers<void>[] = [];
    const batch = new Batch<number, number>(
      async (items) => {
        runs.push(items);
        const own = Promise.withResolvers<void>();
        goOn.push(own);
        await own.promise;
        return items;
      },
      { mostItems: 2, mostRuns: 2 },
    );
    const results = [1, 2, 3].map((item) => batch.add(item));
    await new Promise(setImmediate);
    expect(runs, 'the third waits').to.deep.equal([[1, 2]]);
    goOn[0]?.resolve();
    expect(await Promise.all(results.slice(0, 2))).to.deep.equal([1, 2]);
    await new Promise(setImmediate);
    expect(runs).to.deep.equal([[1, 2], [3]]);
    goOn[1]?.resolve();
    expect(await results[2]).to.equal(3);
  });
});
