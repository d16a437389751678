import { expect } from 'chai';
import { report, sizeOf } from '../../support/extent.ts';
import { killOnPglite } from '../../support/pglite-kills.ts';

const KILLS = sizeOf('PGLITE_KILLS', 100);

describe('A process on the embedded database', function () {
  this.timeout(180_000 + KILLS * 10_000);

  it(`loses nothing that it acknowledged when it is killed under load, ${KILLS} times, and keeps others off its folder`, async () => {
    const startedAtMs = performance.now();
    const acked = await killOnPglite(KILLS);
    expect(acked).to.be.at.least(KILLS);
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0);
    report(
      `${KILLS} kills`,
      `${acked} messages acknowledged, lost 0, twice 0; ${KILLS} second processes refused; in ${seconds} s`,
    );
  });
});
