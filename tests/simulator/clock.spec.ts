import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { useFakeTimers } from 'sinon';
import { RealClock } from '../../src/simulator/clock.ts';

describe('RealClock', () => {
  it('calls in the order of the delays, once, and nothing that was cleared', () => {
    const timers = useFakeTimers({ now: 1_000 });
    try {
      const clock = new RealClock();
      const calls: string[] = [];
      clock.after(20, () => calls.push(`later at ${clock.now()}`));
      clock.after(10, () => calls.push(`sooner at ${clock.now()}`));
      clock.after(100, () => calls.push('never'));
      timers.tick(50);
      clock.clear();
      timers.tick(1_000);
      expect(calls).to.deep.equal(['sooner at 1010', 'later at 1020']);
    } finally {
      timers.restore();
    }
  });

  it('keeps no process alive with what it has planned', async function () {
    this.timeout(20_000);
    const plan = `
      import { RealClock } from './src/simulator/clock.ts';
      new RealClock().after(3_600_000, () => undefined);
      process.stdout.write('planned');
    `;
    const args = ['--input-type=module', '--eval', plan];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
    expect(stdout).to.equal('planned');
  });
});
