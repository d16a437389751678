import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { PostgresEventStore } from '../../src/adapters/postgres/postgres-event-store.ts';
import { openRedis, redisReady } from '../../src/adapters/redis/redis-client.ts';
import { RedisDedupCache } from '../../src/adapters/redis/redis-dedup-cache.ts';
import { StoreEvents } from '../../src/core/store-events.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';
import { startRedis, testRedis } from '../support/redis.ts';
import { eventStoreContract, type OpenEventStore } from './event-store.contract.ts';

async function openPostgres(openQueues: typeof openPostgresQueues): Promise<OpenEventStore> {
  const { database, queue, close } = await openQueues();
  return { store: new PostgresEventStore(database, queue.lanes), queue, close };
}

async function openBehindCache(): Promise<OpenEventStore> {
  const { database, dedup, queue, close } = await openPostgresQueues();
  const { url, prefix } = await testRedis();
  const redis = openRedis(url, { log: silentLog, limits: { ...TIME_LIMITS.redis, commandMs: 5_000 } });
  await redisReady(redis, 5_000);
  const cache = new RedisDedupCache(dedup, redis, {
    ...{ log: silentLog, metrics: new RecordingMetrics(), namespace: async () => 'db', prefix },
    limits: TIME_LIMITS.dedupCache,
  });
  return {
    store: cache.inFrontOf(new PostgresEventStore(database, queue.lanes)),
    queue,
    close: async () => {
      cache.close();
      redis.disconnect();
      await close();
    },
  };
}

describe('EventStore contract', () => {
  describe('StoreEvents in memory', () =>
    eventStoreContract(async () => {
      const queue = new MemoryMessageQueue(new MemoryRows());
      return { store: new StoreEvents(new MemoryDedupStore(Date), queue), queue, close: async () => queue.close() };
    }));

  describe('StoreEvents on Postgres', () => {
    before(startPostgres);
    eventStoreContract(async () => {
      const { dedup, queue, close } = await openPostgresQueues();
      return { store: new StoreEvents(dedup, queue), queue, close };
    });
  });

  describe('PostgresEventStore', () => {
    before(startPostgres);
    eventStoreContract(() => openPostgres(openPostgresQueues));
  });

  describe('PostgresEventStore on the embedded Postgres', () => {
    before(startPglite);
    eventStoreContract(() => openPostgres(openPgliteQueues));
  });

  describe('RedisDedupCache in front of PostgresEventStore', () => {
    before(async function () {
      await startPostgres.call(this);
      await startRedis.call(this);
    });
    eventStoreContract(openBehindCache);
  });
});
