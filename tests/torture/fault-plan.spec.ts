import { expect } from 'chai';
import { planFaults } from '../../torture/fault-plan.ts';
import { Random } from '../../torture/random.ts';

const COUNTS = { kills: 40, postgresStops: 4, freezes: 3, redisFaults: 0, networkFaults: 8, rolls: 8 };

describe('The plan of the faults', () => {
  it('holds as many of each kind as asked for, in order and within the time of the sender', () => {
    const { moments, loadMs } = planFaults(COUNTS, 3_000, undefined, new Random(1));
    for (const [kind, count] of Object.entries(COUNTS)) {
      const planned = moments[kind as keyof typeof COUNTS];
      expect(planned, kind).to.have.length(count);
      expect(planned, kind).to.deep.equal([...planned].sort((a, b) => a - b));
      for (const moment of planned) expect(moment, kind).to.be.within(0, loadMs);
    }
  });

  it('is the same for the same seed, and another for another', () => {
    const plan = (seed: number) => planFaults(COUNTS, 3_000, undefined, new Random(seed));
    expect(plan(1)).to.deep.equal(plan(1));
    expect(plan(1)).to.not.deep.equal(plan(2));
  });

  it('gives the sender the time that the faults need, and the time that the messages need', () => {
    const none = { kills: 0, postgresStops: 0, freezes: 0, redisFaults: 0, networkFaults: 0, rolls: 0 };
    const loadMs = (counts: typeof none, messages: number, rate?: number) =>
      planFaults(counts, messages, rate, new Random(1)).loadMs;
    expect(loadMs({ ...none, kills: 500 }, 10)).to.be.greaterThan(500_000);
    expect(loadMs(none, 10_000, 100)).to.equal(100_000);
  });
});
