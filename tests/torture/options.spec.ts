import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { mutantNamed } from '../../torture/mutant.ts';
import { FLAGS, readOptions, USAGE } from '../../torture/options.ts';
import { peerNames } from '../../torture/peer.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'torture/README.md', 'docs/reliability.md'];

/** The arguments of every `npm run torture` that stands in the documentation. */
const documented = PAGES.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/npm run torture( -- [^`\n]+)?/g)].map(([, args = '']) => ({
    page,
    args: args.split(/\s+/).filter((arg) => arg !== '' && arg !== '--' && !arg.startsWith('<')),
  })),
);

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

  it('are all in the help, and no others, with the numbers that hold without them', () => {
    const listed = [...USAGE.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
    expect(listed).to.have.members(Object.keys(FLAGS));
    const numbers = Object.fromEntries(
      [...USAGE.matchAll(/^ {2}--([a-z-]+) [A-Z] .*\((\d+)/gm)].map(([, name, number]) => [name, Number(number)]),
    );
    const { per, scenario: { messages, faults, settleWaitMs } = {} } = readOptions(['--redis']) ?? {};
    expect(numbers).to.deep.equal({
      ...{ messages, kills: faults?.kills, 'postgres-stops': faults?.postgresStops, freezes: faults?.freezes },
      ...{ 'network-faults': faults?.networkFaults, rolls: faults?.rolls, 'redis-faults': faults?.redisFaults },
      ...{ 'settle-wait': (settleWaitMs ?? 0) / 1_000, patience: 75, per },
    });
  });

  it('are understood wherever a command stands in the documentation', () => {
    expect(documented.length).to.be.above(15);
    for (const { page, args } of documented) {
      const options = readOptions(args);
      expect(options, `${page}: ${args.join(' ')}`).to.not.equal(undefined);
      for (const name of options?.mutants ?? []) mutantNamed(name);
      if (options?.peer !== undefined) expect(peerNames()).to.include(options.peer);
    }
  });

  it('named in the documentation all exist', () => {
    const text = readFileSync(join(ROOT, 'torture/README.md'), 'utf8');
    for (const [, name = ''] of text.matchAll(/`--([a-z-]+)/g)) expect(FLAGS).to.have.property(name);
  });

  it('are refused where they would be ignored', () => {
    for (const args of [
      ['--per', '3'],
      ['--failpoints', '--kills', '3'],
      ['--mutants', '--messages', '9'],
      ['--peers', '--per', '3'],
    ])
      expect(() => readOptions(args), args.join(' ')).to.throw('means nothing with');
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
