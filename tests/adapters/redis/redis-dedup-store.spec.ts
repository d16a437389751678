import { inspect } from 'node:util';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openRedis, redisReady } from '../../../src/adapters/redis/redis-client.ts';
import { RedisDedupStore } from '../../../src/adapters/redis/redis-dedup-store.ts';
import { redisKey } from '../../../src/adapters/redis/redis-key.ts';
import { WahookError } from '../../../src/core/errors.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { RecordingLog, silentLog } from '../../support/recording.ts';
import { type RedisServer, startRedisServer } from '../../support/redis.ts';

const KEY = { id: 'm|106540352242922|wamid.HBgL491701234567', day: 20_000 };
const AT = redisKey('wahook:dedup:', KEY.id);
const FIFTEEN_DAYS_S = 1_296_000;

async function nothing(): Promise<void> {}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it resolved'),
    (error: unknown) => error,
  );
}

describe('redisKey', () => {
  it('gives the known answer', () => {
    expect(redisKey('p:', 'abc')).to.equal('p:ungWv48Bz-pBQUDeXa4iI7');
  });
});

describe('RedisDedupStore', () => {
  let server: RedisServer;
  let redis: Redis;
  let log: RecordingLog;
  let store: RedisDedupStore;
  beforeEach(async () => {
    server = await startRedisServer();
    redis = openRedis(server.url, { log: silentLog, limits: TIME_LIMITS.redis });
    await redisReady(redis, 5000);
    log = new RecordingLog();
    store = new RedisDedupStore(redis, { log });
  });
  afterEach(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('leases a key during the work and records it for 15 days after it, under a name that tells nothing', async () => {
    await store.once([KEY], async () => {
      expect(await redis.keys('*')).to.deep.equal([AT]);
      expect(await redis.get(AT)).to.match(/^p:[0-9a-f-]{36}$/);
      expect(await redis.pttl(AT)).to.be.within(20_000, 30_000);
    });
    expect(await redis.get(AT)).to.equal('d');
    expect(await redis.ttl(AT)).to.be.within(FIFTEEN_DAYS_S - 5, FIFTEEN_DAYS_S);
    expect(AT).not.to.contain('4917');
  });

  it('frees the keys of a process that died when their lease is over', async () => {
    const short = new RedisDedupStore(redis, { log, leaseMs: 60 });
    const died = short.once([KEY], () => new Promise(() => {}));
    void died;
    let result = await store.once([KEY], nothing);
    expect(result.busy).to.deep.equal([KEY.id]);
    const deadline = Date.now() + 2000;
    while (result.busy.length > 0 && Date.now() < deadline) result = await store.once([KEY], nothing);
    expect(result.fresh).to.deep.equal([KEY.id]);
  });

  it('records a key whose lease ran out during the work, and says so', async () => {
    const result = await store.once([KEY], async () => void (await redis.del(AT)));
    expect(result.fresh).to.deep.equal([KEY.id]);
    expect(await redis.get(AT)).to.equal('d');
    expect(log.lines).to.deep.equal([
      { level: 'warn', message: 'work took longer than its dedup lease; it may be done twice', fields: { keys: 1 } },
    ]);
  });

  it('records a key that another call has leased meanwhile, and the failure of that call changes nothing', async () => {
    await store.once([KEY], async () => {
      await redis.set(AT, 'p:another');
    });
    expect(await redis.get(AT)).to.equal('d');
    const failure = new Error('boom');
    const late = store.once([{ ...KEY, id: 'other' }], async () => {
      await redis.set(redisKey('wahook:dedup:', 'other'), 'd');
      throw failure;
    });
    expect(await rejection(late)).to.equal(failure);
    expect(await redis.get(redisKey('wahook:dedup:', 'other'))).to.equal('d');
  });

  it('releases only its own lease when work fails', async () => {
    const failure = new Error('boom');
    const both = [KEY, { ...KEY, id: 'mine' }];
    const failing = store.once(both, async () => {
      await redis.set(AT, 'p:another');
      throw failure;
    });
    expect(await rejection(failing)).to.equal(failure);
    expect(await redis.keys('*')).to.deep.equal([AT]);
    expect(await redis.get(AT)).to.equal('p:another');
  });

  it('takes two commands, however many keys there are', async () => {
    const keys = Array.from({ length: 1000 }, (_, i) => ({ id: `k${i}`, day: 1 }));
    const result = await store.once(keys, nothing);
    expect(result.fresh).to.deep.equal(keys.map((key) => key.id));
    const evals = /cmdstat_eval:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1];
    expect(evals).to.equal('2');
  });

  it('keeps prefixes apart', async () => {
    await store.once([KEY], nothing);
    const other = new RedisDedupStore(redis, { log, prefix: 'other:' });
    expect((await other.once([KEY], nothing)).fresh).to.deep.equal([KEY.id]);
  });

  it('does not start to work when Redis is frozen, and what was given up blocks nothing later', async () => {
    server.process.signal('SIGSTOP');
    let worked = false;
    const startMs = performance.now();
    const error = await rejection(
      store.once([KEY], async () => {
        worked = true;
      }),
    );
    expect(performance.now() - startMs).to.be.below(300);
    expect(error).to.be.instanceOf(WahookError).and.to.include({ code: 'storage_unavailable' });
    expect(worked).to.equal(false);
    server.process.signal('SIGCONT');
    // The lease that was given up is taken now, and released by the script behind it: on this connection both come first.
    const result = await store.once([KEY], nothing);
    expect(result.fresh).to.deep.equal([KEY.id]);
  });

  it('says storage_unavailable when Redis dies before the work is recorded', async () => {
    const dying = store.once([KEY], async () => {
      server.process.signal('SIGKILL');
      await server.process.exited();
    });
    const error = await rejection(dying);
    expect(error).to.be.instanceOf(WahookError).and.to.include({ code: 'storage_unavailable' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.to.match(/wamid|4917|wahook:dedup/);
  });

  it('records after a connection that broke during the work', async () => {
    const admin = openRedis(server.url, { log: silentLog, limits: TIME_LIMITS.redis });
    await redisReady(admin, 5000);
    await store.once([KEY], async () => {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    });
    expect(await admin.get(AT)).to.equal('d');
    admin.disconnect();
  });

  it('passes on the failure of the work, not that of the release', async () => {
    const failure = new Error('boom');
    const failing = store.once([KEY], async () => {
      server.process.signal('SIGSTOP');
      throw failure;
    });
    expect(await rejection(failing)).to.equal(failure);
  });

  it('takes neither a full Redis nor a key of a wrong type for an answer', async () => {
    await redis.lpush(AT, 'x');
    expect(await rejection(store.once([KEY], nothing))).to.include({ code: 'storage_unavailable' });
    await redis.del(AT);
    await redis.config('SET', 'maxmemory', '1');
    const error = await rejection(store.once([KEY], nothing));
    expect(error).to.include({ code: 'storage_unavailable' }).and.to.have.property('message').that.contains('OOM');
    expect(inspect(error, { depth: 9, showHidden: true }), 'arguments of the command').not.to.contain(AT);
  });
});
