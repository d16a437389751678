import { expect } from 'chai';
import type { Member } from '../../torture/cluster.ts';
import { type FaultKind, type FaultPlan, planFaults } from '../../torture/fault-plan.ts';
import { Faults, type FaultTargets } from '../../torture/faults.ts';
import { Random } from '../../torture/random.ts';
import { redisCommand } from '../../torture/redis-command.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';

const NONE = { kills: 0, postgresStops: 0, freezes: 0, redisFaults: 0, networkFaults: 0, rolls: 0 };

/** All of them due at once. */
function planOf(kind: FaultKind, count: number): FaultPlan {
  const { moments } = planFaults(NONE, 1, undefined, new Random(1));
  return { loadMs: 1_000, moments: { ...moments, [kind]: Array.from({ length: count }, () => 0) } };
}

describe('The faults of the torture', function () {
  this.timeout(60_000);

  describe('that hit processes', () => {
    let signals: string[];
    let ended: Awaited<ReturnType<Member['exit']>>;
    let targets: FaultTargets;
    beforeEach(() => {
      signals = [];
      ended = { exitCode: null, signal: 'SIGKILL' };
      const member = { role: 'web', isBusy: false, isAlive: true, isReady: true, exit: async () => ended };
      const cluster = { members: [{ ...member, signal: (name: string) => void signals.push(name) }] };
      targets = { cluster, servers: {}, proxies: new Map() } as unknown as FaultTargets;
    });

    it('wait for the sender if it is slower than planned, and are counted when they have happened', async () => {
      const faults = new Faults(targets, 1);
      let progress = 0;
      const moments = { ...planOf('kills', 0).moments, kills: [10, 20, 90] };
      faults.run({ loadMs: 100, moments }, () => progress);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(faults.counts).to.deep.equal({});
      progress = 0.5;
      await eventually(() => faults.counts['kill -9 of a web'] === 2);
      expect(faults.areDone).to.equal(false);
      expect(faults.missed).to.deep.equal(['2 of 3 kills happened']);
      progress = 1.2;
      await eventually(() => faults.areDone);
      expect(faults.missed).to.deep.equal([]);
      expect(signals).to.deep.equal(['SIGKILL', 'SIGKILL', 'SIGKILL']);
      await faults.stop();
    });

    it('end with the run though there is nothing that they could hit', async () => {
      const { members } = targets.cluster;
      Object.assign(members[0] as object, { isAlive: false });
      const faults = new Faults(targets, 1);
      faults.run(planOf('kills', 1), () => 1);
      await faults.stop();
      expect(faults.counts).to.deep.equal({});
      expect(faults.missed).to.deep.equal(['0 of 1 kills happened']);
    });

    for (const [kind, missed] of [
      ['kills', '0 of 2 kills happened'],
      ['redisFaults', '0 of 2 redis-faults happened'],
    ] as const)
      it(`are missed if they hit nothing (${kind})`, async () => {
        ended = { exitCode: 1, signal: null };
        const faults = new Faults(targets, 1);
        faults.run(planOf(kind, 2), () => 1);
        await eventually(() => faults.areDone);
        await faults.stop();
        expect(faults.counts).to.deep.equal({});
        expect(faults.missed).to.deep.equal([missed]);
      });

    it('are missed if the run ends while a process is frozen for less than its lease', async () => {
      const faults = new Faults(targets, 1);
      faults.run(planOf('freezes', 1), () => 1);
      await eventually(() => signals.length === 1);
      await faults.stop();
      expect(signals).to.deep.equal(['SIGSTOP', 'SIGCONT']);
      expect(faults.missed).to.deep.equal(['0 of 1 freezes happened']);
    });
  });

  describe('of Redis', () => {
    let redis: RedisServer;
    afterEach(() => redis.stop());

    const breakRedis = async (count: number, keepsRedis: boolean) => {
      const targets = { cluster: {}, servers: { redis, keepsRedis }, proxies: new Map() } as unknown as FaultTargets;
      const faults = new Faults(targets, 4);
      faults.run(planOf('redisFaults', count), () => 1);
      await eventually(() => faults.areDone, 50_000);
      await faults.stop();
      return faults.counts;
    };

    it('leave a Redis that must keep what it holds all of it', async () => {
      redis = await startRedisServer(undefined, { durable: true });
      await redisCommand(redis.port, 'SET', 'kept', 'yes');
      const counts = await breakRedis(5, true);
      expect(Object.keys(counts)).to.have.members(['Redis kill -9', 'Redis SIGSTOP']);
      expect(await redisCommand(redis.port, 'GET', 'kept')).to.equal('$3\r\nyes\r\n');
      expect(await redisCommand(redis.port, 'CONFIG', 'GET', 'maxmemory-policy')).to.contain('noeviction');
    });

    it('are all there for a cache, and an eviction evicts', async () => {
      redis = await startRedisServer();
      const script = `for n = 1, 5000 do redis.call('SET', 'key' .. n, 'x') end return 'OK'`;
      const fill = () => redisCommand(redis.port, 'EVAL', script, '0');
      // One after the other: those that pile up while Redis is frozen would keep it from answering afterwards.
      let isFilling = true;
      const filling = (async () => {
        while (isFilling) await fill().then(() => new Promise((resolve) => setTimeout(resolve, 20)));
      })();
      const counts = await breakRedis(12, false).finally(() => {
        isFilling = false;
      });
      await filling;
      expect(counts).to.include.keys('Redis kill -9', 'Redis FLUSHALL', 'Redis SIGSTOP', 'Redis eviction');
    });
  });
});
