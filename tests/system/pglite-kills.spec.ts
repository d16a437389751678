import { expect } from 'chai';
import { killOnPglite } from '../support/pglite-kills.ts';

describe('A process on the embedded database', function () {
  this.timeout(300_000);

  it('loses nothing that it acknowledged when it is killed under load, three times, and keeps others off its folder', async () => {
    expect(await killOnPglite(3)).to.be.at.least(3);
  });
});
