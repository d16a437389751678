import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.ts';
import { isLong, report, rounds } from '../support/extent.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { freePort } from '../support/server-process.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { latencies, percentile, SteadySender } from './steady-sender.ts';
import { brokenPromises, KEPT } from './stored.ts';

const GROWTH_LIMIT_MS = 25;
const SENDING = { perSecond: 100, repeatEvery: 4 };

/** Brings Redis into the state; returns what is to be ended afterwards. */
type State = (redis: RedisServer, admin: Redis) => Promise<(() => void) | undefined>;

async function fill(admin: Redis, bytes: number): Promise<void> {
  for (let key = 0; key < bytes / 10_000; key += 1) await admin.set(`junk:${key}`, 'x'.repeat(10_000));
}

const STATES: Readonly<Record<string, State>> = {
  'works as it should': async () => undefined,
  'is killed': async (redis) => {
    redis.process.signal('SIGKILL');
    return undefined;
  },
  'is frozen': async (redis) => {
    redis.process.signal('SIGSTOP');
    return undefined;
  },
  'is flushed every 100 ms': async (_, admin) => {
    const timer = setInterval(() => admin.flushall().catch(() => {}), 100);
    return () => clearInterval(timer);
  },
  'is full and evicts nothing': async (_, admin) => {
    await fill(admin, 1_000_000);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'maxmemory', '1mb');
    return undefined;
  },
  'is full and evicts': async (_, admin) => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await admin.config('SET', 'maxmemory', '3mb');
    await fill(admin, 3_000_000);
    return undefined;
  },
  'has become a read-only replica of nobody': async (_, admin) => {
    await admin.replicaof('127.0.0.1', await freePort());
    return undefined;
  },
  'has another password': async (_, admin) => {
    await admin.config('SET', 'requirepass', 'another-one');
    await admin.auth('another-one');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    return undefined;
  },
};

/** The adapter's own tests go through all of them; these are seen through the whole service each time. */
const SHORT = ['is killed', 'is frozen', 'is full and evicts nothing'];

describe('A Redis that', function () {
  this.timeout(240_000);

  let databases: readonly [TestDatabase, TestDatabase];
  let redis: RedisServer;
  let admin: Redis;
  let started: ServiceProcess[];
  let end: (() => void) | undefined;
  before(startPostgres);
  beforeEach(async () => {
    databases = [await testDatabase(), await testDatabase()];
    redis = await startRedisServer();
    admin = new Redis(redis.url, { retryStrategy: () => null });
    admin.on('error', () => {});
    started = [];
  });
  afterEach(async () => {
    end?.();
    end = undefined;
    admin.disconnect();
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await redis.stop();
    await Promise.all(databases.map((database) => database.drop()));
  });

  const start = async ({ url }: TestDatabase, env: Readonly<Record<string, string>>) => {
    const running = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL: url, ROLE: 'web', ...env });
    started.push(running.service);
    return running.url;
  };

  const states = Object.entries(STATES).filter(([state]) => isLong || SHORT.includes(state));
  for (const [state, enter] of states)
    it(`${state} costs no webhook and no certainty${isLong ? ', and little time' : ''}`, async () => {
      const [without, behind] = [
        isLong ? await start(databases[0], {}) : undefined,
        await start(databases[1], { REDIS_URL: redis.url }),
      ];
      const warm = await SteadySender.during(behind, 0.5, SENDING);
      if (without !== undefined) await SteadySender.during(without, 0.5, SENDING);
      await eventually(async () => (await admin.dbsize()) > 10);
      // The outage itself is part of what is measured.
      const p99Ms: { plain: number[]; cached: number[] } = { plain: [], cached: [] };
      const acked = [...warm.acked];
      for (let round = 1; round <= rounds(1, 5); round += 1) {
        const seconds = rounds(1, 2);
        const plain = without === undefined ? undefined : await SteadySender.during(without, seconds, SENDING);
        const sender = new SteadySender(behind, SENDING);
        if (round === 1) {
          await pause(200);
          end = await enter(redis, admin);
        }
        await pause(seconds * 1_000);
        await sender.stop();
        p99Ms.plain.push(percentile(latencies(plain?.deliveries ?? []), 0.99));
        p99Ms.cached.push(percentile(latencies(sender.deliveries), 0.99));
        expect(sender.statuses, JSON.stringify(sender.statuses)).to.have.all.keys('200');
        acked.push(...sender.acked);
      }
      expect(await brokenPromises(databases[1].url, acked)).to.deep.equal(KEPT);
      const [plain, cached] = [percentile(p99Ms.plain, 0.5), percentile(p99Ms.cached, 0.5)];
      report(
        state,
        `p99 ${cached.toFixed(1)} ms, without Redis ${plain.toFixed(1)} ms (medians of ${p99Ms.plain.length} rounds)`,
      );
      if (isLong) expect(cached - plain).to.be.lessThan(GROWTH_LIMIT_MS);
    });
});
