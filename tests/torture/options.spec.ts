import { expect } from 'chai';
import { readOptions } from '../../torture/options.ts';

describe('The options of the torture', () => {
  it('has something of everything without any, and of Redis with Redis', () => {
    const faults = readOptions([])?.scenario.faults;
    expect({ ...faults, redisFaults: 1 }).to.satisfy((all: object) => Object.values(all).every((count) => count > 0));
    expect(faults?.redisFaults).to.equal(0);
    expect(readOptions(['--redis'])?.scenario.faults.redisFaults).to.be.greaterThan(0);
  });

  it('takes what it is given', () => {
    const args = '--messages 100000 --kills 500 --postgres-stops 50 --redis --redis-faults 51 --freezes 20 --seed 7';
    const scenario = readOptions([...args.split(' '), '--settle-wait', '20', '--rate', '40'])?.scenario;
    expect(scenario).to.deep.include({ messages: 100_000, seed: 7, settleWaitMs: 20_000, rate: 40, redis: true });
    expect(scenario?.faults).to.include({ kills: 500, postgresStops: 50, redisFaults: 51, freezes: 20 });
  });

  it('gives a peer a Redis, with faults of its own', () => {
    for (const args of [['--peer', 'redis-nx'], ['--peers']]) {
      const options = readOptions([...args, '--redis-faults', '3']);
      expect(options?.scenario.redis, args.join(' ')).to.equal(true);
      expect(options?.scenario.faults.redisFaults).to.equal(3);
    }
    expect(readOptions(['--peers'])?.mode).to.equal('peers');
    expect(readOptions(['--peer', 'redis-nx'])).to.include({ mode: 'random', peer: 'redis-nx' });
  });

  it('does one thing at a time', () => {
    for (const args of [
      ['--peers', '--mutants'],
      ['--failpoints', '--mutants'],
      ['--peer', 'redis-nx', '--failpoints'],
    ])
      expect(() => readOptions(args), args.join(' ')).to.throw('exclude each other');
  });

  it('refuses what it does not understand', () => {
    for (const args of [['--kills', 'many'], ['--kill', '3'], ['--redis-faults', '3'], ['--messages', '-1'], ['x']])
      expect(() => readOptions(args), args.join(' ')).to.throw();
  });
});
