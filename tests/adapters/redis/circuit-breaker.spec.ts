import { expect } from 'chai';
import sinon from 'sinon';
import { CircuitBreaker } from '../../../src/adapters/redis/circuit-breaker.ts';

describe('CircuitBreaker', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers();
  });
  afterEach(() => clock.restore());

  function open() {
    const changes: unknown[][] = [];
    let works = false;
    let probes = 0;
    const breaker = new CircuitBreaker({
      probe: async () => {
        probes += 1;
        if (!works) throw new Error('still down');
      },
      probeEveryMs: 1000,
      onChange: (...change) => changes.push(change),
    });
    return { breaker, changes, probes: () => probes, repair: () => (works = true) };
  }

  it('is closed at first and probes nothing', async () => {
    const { breaker, probes } = open();
    await clock.tickAsync(10_000);
    expect([breaker.closed, probes()]).to.deep.equal([true, 0]);
  });

  it('opens with the first failure and says so once', () => {
    const { breaker, changes } = open();
    const error = new Error('down');
    breaker.failed(error);
    breaker.failed(new Error('another'));
    expect(breaker.closed).to.equal(false);
    expect(changes).to.deep.equal([[false, error]]);
  });

  it('stays open until a probe succeeds, then closes and probes no more', async () => {
    const { breaker, changes, probes, repair } = open();
    breaker.failed(new Error('down'));
    await clock.tickAsync(3500);
    expect([breaker.closed, probes()]).to.deep.equal([false, 3]);
    repair();
    await clock.tickAsync(500);
    expect([breaker.closed, probes(), changes.length]).to.deep.equal([true, 4, 2]);
    expect(changes[1]).to.deep.equal([true]);
    await clock.tickAsync(10_000);
    expect(probes()).to.equal(4);
  });

  it('opens again after it has closed', async () => {
    const { breaker, changes, repair } = open();
    repair();
    breaker.failed(new Error('down'));
    await clock.tickAsync(1000);
    breaker.failed(new Error('down again'));
    expect([breaker.closed, changes.length]).to.deep.equal([false, 3]);
  });

  it('does nothing more once stopped, not even for a probe that is under way', async () => {
    const answer = Promise.withResolvers<void>();
    const changes: unknown[][] = [];
    const breaker = new CircuitBreaker({
      probe: () => answer.promise,
      probeEveryMs: 1000,
      onChange: (...change) => changes.push(change),
    });
    breaker.failed(new Error('down'));
    await clock.tickAsync(1000);
    breaker.stop();
    answer.resolve();
    await clock.tickAsync(5000);
    breaker.failed(new Error('down'));
    expect([breaker.closed, changes.length]).to.deep.equal([false, 1]);
    expect(clock.countTimers()).to.equal(0);
  });

  it('schedules no probe when a probe fails after the stop', async () => {
    const answer = Promise.withResolvers<void>();
    const breaker = new CircuitBreaker({ probe: () => answer.promise, probeEveryMs: 1000, onChange: () => {} });
    breaker.failed(new Error('down'));
    await clock.tickAsync(1000);
    breaker.stop();
    answer.reject(new Error('still down'));
    await clock.tickAsync(0);
    expect(clock.countTimers()).to.equal(0);
  });
});
