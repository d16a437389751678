import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import { openRedis, redisReady } from '../../src/adapters/redis/redis-client.ts';
import { RedisDedupCache } from '../../src/adapters/redis/redis-dedup-cache.ts';
import { RedisDedupStore } from '../../src/adapters/redis/redis-dedup-store.ts';
import type { DedupStore } from '../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { freshPglite, startPostgres, testDatabase } from '../support/postgres.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';
import { startRedis, testRedis } from '../support/redis.ts';
import { dedupStoreContract, type OpenDedupStore } from './dedup-store.contract.ts';

/** A client of its own, patient enough for a busy machine. */
async function openTestRedis() {
  const { url, prefix } = await testRedis();
  const redis = openRedis(url, { log: silentLog, limits: { ...TIME_LIMITS.redis, commandMs: 5_000 } });
  await redisReady(redis, 5_000);
  return { redis, prefix };
}

async function openCacheOf(inner: DedupStore, closeInner = async () => {}): Promise<OpenDedupStore> {
  const { redis, prefix } = await openTestRedis();
  const cache = new RedisDedupCache(inner, redis, {
    log: silentLog,
    metrics: new RecordingMetrics(),
    namespace: async () => 'db',
    limits: TIME_LIMITS.dedupCache,
    prefix,
  });
  return {
    store: cache,
    close: async () => {
      cache.close();
      redis.disconnect();
      await closeInner();
    },
  };
}

async function openPostgres() {
  const { url, drop } = await testDatabase();
  const database = new PostgresDatabase({
    url,
    poolSize: 10,
    applicationName: 'dedup-store.spec',
    limits: TIME_LIMITS.postgres,
  });
  return {
    store: new PostgresDedupStore(database),
    close: async () => {
      await database.close();
      await drop();
    },
  };
}

describe('DedupStore contract', () => {
  describe('MemoryDedupStore', () => {
    dedupStoreContract(async () => ({ store: new MemoryDedupStore(Date), close: async () => {} }));
  });

  describe('PostgresDedupStore', () => {
    before(startPostgres);

    dedupStoreContract(openPostgres);
  });

  describe('PostgresDedupStore on the embedded Postgres', () => {
    let database: PgliteDatabase;

    before(async function () {
      this.timeout(60_000);
      database = await freshPglite();
    });
    after(() => database.close());

    dedupStoreContract(async () => ({
      store: new PostgresDedupStore(database),
      close: async () => void (await database.query({ text: 'TRUNCATE wahook.event_key' })),
    }));
  });

  describe('RedisDedupStore', () => {
    before(startRedis);

    dedupStoreContract(async () => {
      const { redis, prefix } = await openTestRedis();
      return {
        store: new RedisDedupStore(redis, { log: silentLog, prefix }),
        close: async () => redis.disconnect(),
      };
    });
  });

  describe('RedisDedupCache in front of MemoryDedupStore', () => {
    before(startRedis);

    dedupStoreContract(() => openCacheOf(new MemoryDedupStore(Date)));
  });

  describe('RedisDedupCache in front of PostgresDedupStore', () => {
    before(async function () {
      await startPostgres.call(this);
      await startRedis.call(this);
    });

    dedupStoreContract(async () => {
      const { store, close } = await openPostgres();
      return openCacheOf(store, close);
    });
  });
});
