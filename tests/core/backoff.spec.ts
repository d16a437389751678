import { expect } from 'chai';
import { backoffMs } from '../../src/core/backoff.ts';

describe('Backoff', () => {
  it('doubles with each failure', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffMs(attempt, 2_000, 600_000, 0.9999999))).to.deep.equal([
      2_000, 4_000, 8_000, 16_000,
    ]);
  });

  it('leaves the upper half to chance', () => {
    expect(backoffMs(3, 2_000, 600_000, 0)).to.equal(4_000);
    expect(backoffMs(3, 2_000, 600_000, 0.5)).to.equal(6_000);
  });

  it('never exceeds the maximum, however often it failed', () => {
    expect(backoffMs(2_000, 2_000, 600_000, 0.9999999)).to.equal(600_000);
  });
});
