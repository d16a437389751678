import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openRedis, redisReady } from '../../../src/adapters/redis/redis-client.ts';
import { RedisDedupCache, type RedisDedupCacheOptions } from '../../../src/adapters/redis/redis-dedup-cache.ts';
import { redisKey } from '../../../src/adapters/redis/redis-key.ts';
import { isWahookError, WahookError } from '../../../src/core/errors.ts';
import type { EventKey } from '../../../src/core/model.ts';
import type { DedupResult, DedupStore, Unit } from '../../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { RecordingLog, RecordingMetrics, silentLog } from '../../support/recording.ts';
import { type RedisServer, startRedisServer } from '../../support/redis.ts';

/** The store behind, which never fails but where told, and tells what it was asked. */
class InnerStore implements DedupStore {
  readonly asked: string[][] = [];
  readonly recorded = new Set<string>();
  readonly busy = new Set<string>();
  failure: Error | undefined;

  async once(
    keys: readonly EventKey[],
    work: (fresh: readonly string[], unit: Unit) => Promise<void>,
  ): Promise<DedupResult> {
    const ids = [...new Set(keys.map((key) => key.id))];
    this.asked.push(ids);
    const busy = ids.filter((id) => this.busy.has(id));
    const duplicate = ids.filter((id) => this.recorded.has(id));
    const fresh = ids.filter((id) => !busy.includes(id) && !duplicate.includes(id));
    if (fresh.length > 0) await work(fresh, {} as Unit);
    if (this.failure !== undefined) throw this.failure;
    for (const id of fresh) this.recorded.add(id);
    return { fresh, duplicate, busy };
  }
}

const keys = (...ids: string[]): EventKey[] => ids.map((id) => ({ id, day: 20_000 }));
const at = (id: string) => redisKey('wahook:seen:db:', id);

async function nothing(): Promise<void> {}

describe('RedisDedupCache', () => {
  let server: RedisServer;
  let redis: Redis;
  /** With more patience than the service has. */
  let operator: Redis;
  let inner: InnerStore;
  let log: RecordingLog;
  let metrics: RecordingMetrics;
  let cache: RedisDedupCache;

  function open(options: Partial<RedisDedupCacheOptions> = {}): RedisDedupCache {
    return new RedisDedupCache(inner, redis, {
      log,
      metrics,
      namespace: async () => 'db',
      limits: { ...TIME_LIMITS.dedupCache, probeEveryMs: 50 },
      ...options,
    });
  }

  beforeEach(async () => {
    server = await startRedisServer();
    redis = openRedis(server.url, { log: silentLog, limits: TIME_LIMITS.redis });
    operator = openRedis(server.url, { log: silentLog, limits: { ...TIME_LIMITS.redis, commandMs: 10_000 } });
    await Promise.all([redisReady(redis, 5000), redisReady(operator, 5000)]);
    inner = new InnerStore();
    log = new RecordingLog();
    metrics = new RecordingMetrics();
    cache = open();
  });
  afterEach(async () => {
    cache.close();
    redis.disconnect();
    operator.disconnect();
    await server.stop();
  });

  const marked = (id: string) => eventually(async () => (await operator.get(at(id))) === 'd');

  it('does not ask the store behind for what it has seen recorded', async () => {
    await cache.once(keys('a', 'b'), nothing);
    await marked('b');
    const worked: string[][] = [];
    const result = await cache.once(keys('c', 'a', 'd', 'b', 'c'), async (fresh) => void worked.push([...fresh]));
    expect(result).to.deep.equal({ fresh: ['c', 'd'], duplicate: ['a', 'b'], busy: [] });
    expect(worked).to.deep.equal([['c', 'd']]);
    expect(inner.asked).to.deep.equal([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    await marked('d');
    inner.recorded.add('0');
    expect((await cache.once(keys('d', '0', 'a'), nothing)).duplicate).to.deep.equal(['d', '0', 'a']);
    inner.asked.length = 0;
    expect(await cache.once(keys('d', 'd', 'a'), nothing)).to.deep.equal({
      fresh: [],
      duplicate: ['d', 'a'],
      busy: [],
    });
    expect(inner.asked).to.deep.equal([]);
  });

  it('marks for 15 days, under a name that tells nothing', async () => {
    await cache.once(keys('m|1065|wamid.491701234567'), nothing);
    await marked('m|1065|wamid.491701234567');
    const [name] = await operator.keys('*');
    expect(name).to.match(/^wahook:seen:db:[\w-]{22}$/);
    expect(await operator.ttl(name as string)).to.be.within(1_295_990, 1_296_000);
  });

  it('knows nothing of what another database has recorded, be it staging or the one before this was made anew', async () => {
    await cache.once(keys('a'), nothing);
    await marked('a');
    inner = new InnerStore();
    const other = open({ namespace: async () => 'another' });
    expect((await other.once(keys('a'), nothing)).fresh).to.deep.equal(['a']);
    other.close();
  });

  it('is no cache until the database says which one it is', async () => {
    let asked = 0;
    const namespace = async () => {
      asked += 1;
      if (asked === 1) throw new WahookError('storage_unavailable', 'gone');
      return 'db';
    };
    const early = open({ namespace });
    await early.once(keys('a'), nothing);
    expect(await operator.dbsize()).to.equal(0);
    await early.once(keys('a', 'b'), nothing);
    await marked('b');
    await early.once(keys('a', 'b'), nothing);
    expect(inner.asked).to.deep.equal([['a'], ['a', 'b']]);
    expect(asked).to.equal(2);
    early.close();
  });

  it('marks nothing before the store behind has recorded it', async () => {
    await cache.once(keys('a'), async () => {
      expect(await operator.dbsize()).to.equal(0);
    });
    await marked('a');
  });

  it('marks nothing when the work or the store behind fails, and passes the failure on', async () => {
    const failure = new Error('boom');
    const broken = cache.once(keys('a'), () => Promise.reject(failure));
    expect(await broken.catch((error: unknown) => error)).to.equal(failure);
    inner.failure = new WahookError('storage_unavailable', 'down');
    const down = cache.once(keys('a'), nothing);
    expect(isWahookError(await down.catch((error: unknown) => error), 'storage_unavailable')).to.equal(true);
    inner.failure = undefined;
    await cache.once(keys('b'), nothing);
    await marked('b');
    expect(await operator.dbsize()).to.equal(1);
  });

  it('marks what the store behind calls a duplicate, and never what is busy', async () => {
    inner.recorded.add('old');
    inner.busy.add('busy');
    const result = await cache.once(keys('busy', 'old'), nothing);
    expect(result).to.deep.equal({ fresh: [], duplicate: ['old'], busy: ['busy'] });
    await marked('old');
    expect(await operator.dbsize()).to.equal(1);
  });

  it('takes only its own mark for a yes', async () => {
    await operator.set(at('a'), 'p:lease');
    await operator.set(at('b'), '');
    await operator.lpush(at('c'), 'd');
    expect((await cache.once(keys('a', 'b', 'c'), nothing)).fresh).to.deep.equal(['a', 'b', 'c']);
    await marked('c');
    expect(metrics.recorded).to.deep.equal([]);
  });

  it('asks nobody for nothing', async () => {
    expect(await cache.once([], nothing)).to.deep.equal({ fresh: [], duplicate: [], busy: [] });
    expect(metrics.recorded).to.deep.equal([]);
  });

  describe('gives the answers of the store behind', () => {
    const faults: Record<string, () => Promise<void>> = {
      'when Redis is killed': async () => {
        server.process.signal('SIGKILL');
        await server.process.exited();
      },
      'when Redis is frozen': async () => server.process.signal('SIGSTOP'),
      'when Redis is flushed': async () => void (await operator.flushall()),
      'when Redis is full': async () => void (await operator.config('SET', 'maxmemory', '1')),
      'when Redis evicts': async () => {
        await operator.config('SET', 'maxmemory-policy', 'allkeys-random');
        await operator.config('SET', 'maxmemory', '1');
      },
      'when Redis refuses to be read': async () => void (await operator.call('ACL', 'SETUSER', 'default', '-mget')),
      'when Redis has become a read-only replica': async () => void (await operator.replicaof('127.0.0.1', '1')),
      'when the client is closed': async () => redis.disconnect(),
    };
    for (const [when, happens] of Object.entries(faults)) {
      it(when, async () => {
        await cache.once(keys('a', 'b'), nothing);
        await marked('b');
        await happens();
        const worked: string[] = [];
        const work = async (fresh: readonly string[]) => void worked.push(...fresh);
        for (const [given, expected] of [
          [keys('a', 'c'), { fresh: ['c'], duplicate: ['a'], busy: [] }],
          [keys('c', 'b', 'a'), { fresh: [], duplicate: ['a', 'b', 'c'], busy: [] }],
          [keys('e', 'd'), { fresh: ['e', 'd'], duplicate: [], busy: [] }],
          [keys('d'), { fresh: [], duplicate: ['d'], busy: [] }],
        ] as const) {
          const { fresh, duplicate, busy } = await cache.once(given, work);
          expect({ fresh, duplicate: [...duplicate].sort(), busy }).to.deep.equal(expected);
        }
        expect(worked).to.deep.equal(['c', 'e', 'd']);
      });
    }
  });

  it('waits for a frozen Redis once, not at all from then on, and uses it again when it thaws', async () => {
    expect(cache.up).to.equal(true);
    server.process.signal('SIGSTOP');
    const durationsMs: number[] = [];
    for (let i = 0; i < 200; i++) {
      const startMs = performance.now();
      await cache.once(keys(`k${i}`), nothing);
      durationsMs.push(performance.now() - startMs);
    }
    const [first, ...others] = durationsMs;
    expect(first).to.be.within(45, 120);
    expect(others.sort((a, b) => a - b)[Math.floor(others.length * 0.99)]).to.be.below(25);
    expect(cache.up).to.equal(false);
    expect(metrics.total('dedup_cache_errors_total')).to.equal(1);
    server.process.signal('SIGCONT');
    await eventually(() => cache.up);
    await cache.once(keys('after'), nothing);
    await marked('after');
    inner.asked.length = 0;
    expect((await cache.once(keys('after'), nothing)).duplicate).to.deep.equal(['after']);
    expect(inner.asked).to.deep.equal([]);
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields])).to.deep.equal([
      ['warn', 'the dedup cache does not work; going on without it', { error: 'timeout' }],
      ['info', 'the dedup cache works again', {}],
    ]);
  });

  it('lets every one of many requests that meet a frozen Redis go on within the budget, however patient the client is', async () => {
    const patient = openRedis(server.url, { log: silentLog, limits: { ...TIME_LIMITS.redis, commandMs: 1000 } });
    await redisReady(patient, 5000);
    cache.close();
    cache = new RedisDedupCache(inner, patient, {
      log,
      metrics,
      namespace: async () => 'db',
      limits: TIME_LIMITS.dedupCache,
    });
    server.process.signal('SIGSTOP');
    const startMs = performance.now();
    const results = await Promise.all(Array.from({ length: 100 }, (_, i) => cache.once(keys(`k${i}`), nothing)));
    expect(performance.now() - startMs).to.be.within(45, 200);
    expect(results.flatMap((result) => result.fresh)).to.have.length(100);
    expect(log.lines).to.have.length(1);
    patient.disconnect();
  });

  it('uses a Redis that was killed and started again', async () => {
    server.process.signal('SIGKILL');
    await server.stop();
    expect((await cache.once(keys('a'), nothing)).fresh).to.deep.equal(['a']);
    expect(cache.up).to.equal(false);
    server = await startRedisServer(server.port);
    await eventually(() => cache.up);
    expect((await cache.once(keys('a'), nothing)).duplicate).to.deep.equal(['a']);
    await marked('a');
  });

  it('leaves a full Redis aside until it takes writes again', async () => {
    await operator.config('SET', 'maxmemory', '1');
    await cache.once(keys('a'), nothing);
    await eventually(() => !cache.up);
    expect(log.text()).to.contain('OOM');
    await operator.config('SET', 'maxmemory', '0');
    await eventually(() => cache.up);
    expect(log.lines).to.have.length(2);
  });

  it('leaves a Redis aside that can be written but not read, in place of trying it with every probe', async () => {
    await operator.call('ACL', 'SETUSER', 'default', '-mget');
    await cache.once(keys('a'), nothing);
    // Several probes were made.
    await eventually(async () => {
      const { rejected } =
        /cmdstat_mget:.*rejected_calls=(?<rejected>\d+)/.exec(await operator.info('commandstats'))?.groups ?? {};
      return Number(rejected) > 3;
    });
    expect([cache.up, log.messages()]).to.deep.equal([false, ['the dedup cache does not work; going on without it']]);
  });

  it('does no harm with a mark that was given up and is written later', async () => {
    await cache.once(keys('a'), async () => server.process.signal('SIGSTOP'));
    await eventually(() => !cache.up);
    expect(metrics.total('dedup_cache_errors_total')).to.equal(1);
    server.process.signal('SIGCONT');
    await marked('a');
    expect(inner.recorded.has('a')).to.equal(true);
  });

  it('probes no more once closed', async () => {
    server.process.signal('SIGSTOP');
    await cache.once(keys('a'), nothing);
    cache.close();
    server.process.signal('SIGCONT');
    await eventually(async () => (await operator.ping().catch(() => '')) === 'PONG');
    const before = await operator.dbsize();
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect([await operator.dbsize(), cache.up]).to.deep.equal([before, false]);
  });
});
