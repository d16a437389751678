import { expect } from 'chai';
import { killOnPglite } from '../support/pglite-kills.ts';

describe('A process on the embedded database', function () {
  this.timeout(300_000);

  it('loses nothing that it acknowledged when it is killed under load, ten times, and keeps others off its folder', async () => {
    expect(await killOnPglite(10)).to.be.greaterThan(10);
  });
});
