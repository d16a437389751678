import { expect } from 'chai';
import { Admission } from '../../src/http/admission.ts';

describe('Admission', () => {
  it('gives as many slots as there are, and each again once it is left', () => {
    const admission = new Admission({ requests: 2, bytes: 10 });
    expect([admission.takeSlot(), admission.takeSlot(), admission.takeSlot()]).to.deep.equal([true, true, false]);
    expect(admission.hasRoom()).to.equal(false);
    admission.leaveSlot();
    expect(admission.hasRoom()).to.equal(true);
    expect(admission.takeSlot()).to.equal(true);
  });

  it('holds as many bytes as there is room for, and no half of a chunk', () => {
    const admission = new Admission({ requests: 2, bytes: 10 });
    expect(admission.hold(8)).to.equal(true);
    expect(admission.hold(3)).to.equal(false);
    expect(admission.heldBytes).to.equal(8);
    expect(admission.hold(2)).to.equal(true);
    expect(admission.hasRoom()).to.equal(false);
    admission.release(8);
    expect(admission.hasRoom()).to.equal(true);
  });

  it('keeps a quarter of the budget for small bodies, so that large ones that never end do not shut them out', () => {
    const admission = new Admission({ requests: 10, bytes: 400_000 });
    expect(admission.hold(300_000)).to.equal(true);
    expect(admission.hold(70_000)).to.equal(false);
    expect(admission.hold(1_000, 69_000)).to.equal(false);
    expect(admission.hold(60_000)).to.equal(true);
    expect(admission.hasRoom()).to.equal(true);
  });

  it('has room while the process leaves, and none once it is closed', () => {
    const admission = new Admission();
    admission.leave();
    expect(admission.phase).to.equal('leaving');
    expect(admission.hasRoom()).to.equal(true);
    admission.close();
    expect(admission.hasRoom()).to.equal(false);
  });

  it('never goes back', () => {
    const admission = new Admission();
    admission.close();
    admission.leave();
    expect(admission.phase).to.equal('closed');
  });

  it('has room for a thousand webhooks and for thirty of the largest', () => {
    const admission = new Admission();
    for (let index = 0; index < 999; index += 1) expect(admission.takeSlot()).to.equal(true);
    for (let body = 0; body < 30; body += 1) expect(admission.hold(3_000_000)).to.equal(true);
    expect(admission.hasRoom()).to.equal(true);
    expect(admission.takeSlot()).to.equal(true);
    expect(admission.hasRoom()).to.equal(false);
  });
});
