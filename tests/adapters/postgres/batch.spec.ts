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
});
