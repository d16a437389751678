import type { Container } from 'inversify';
import { MemoryConversationState } from './adapters/memory/memory-conversation-state.ts';
import { MemoryDeadLetters } from './adapters/memory/memory-dead-letters.ts';
import { MemoryDedupStore } from './adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from './adapters/memory/memory-message-queue.ts';
import { MemoryQuarantine } from './adapters/memory/memory-quarantine.ts';
import { MemoryRows } from './adapters/memory/memory-rows.ts';
import { MemorySendRate } from './adapters/memory/memory-send-rate.ts';
import { MemorySentMessages } from './adapters/memory/memory-sent-messages.ts';
import { MemoryServiceWindows } from './adapters/memory/memory-service-windows.ts';
import type { Database } from './adapters/postgres/database.ts';
import { maintainEventKeys } from './adapters/postgres/event-key-partitions.ts';
import { migrate } from './adapters/postgres/migrate.ts';
import { removeOldCalls } from './adapters/postgres/once-call-cleanup.ts';
import { forgetPairs } from './adapters/postgres/pair-rate.ts';
import { PgliteDatabase } from './adapters/postgres/pglite-database.ts';
import { PostgresConversationState } from './adapters/postgres/postgres-conversation-state.ts';
import { PostgresDatabase } from './adapters/postgres/postgres-database.ts';
import { PostgresDeadLetters } from './adapters/postgres/postgres-dead-letters.ts';
import { PostgresDedupStore } from './adapters/postgres/postgres-dedup-store.ts';
import { PostgresEventStore } from './adapters/postgres/postgres-event-store.ts';
import { PostgresMessageQueue } from './adapters/postgres/postgres-message-queue.ts';
import { PostgresQuarantine } from './adapters/postgres/postgres-quarantine.ts';
import { PostgresSendRate } from './adapters/postgres/postgres-send-rate.ts';
import { PostgresSendingNumbers } from './adapters/postgres/postgres-sending-numbers.ts';
import { PostgresSentMessages } from './adapters/postgres/postgres-sent-messages.ts';
import { forgetWindows, PostgresServiceWindows } from './adapters/postgres/postgres-service-windows.ts';
import { installationId, probeStorage, unsafeSettings } from './adapters/postgres/storage-probe.ts';
import { forgetUnmatched, joinUnmatched } from './adapters/postgres/unmatched-statuses.ts';
import { openRedis, redisReady } from './adapters/redis/redis-client.ts';
import { RedisDedupCache } from './adapters/redis/redis-dedup-cache.ts';
import { RedisDedupStore } from './adapters/redis/redis-dedup-store.ts';
import type { Config, StoreConfig } from './config.ts';
import { type Checks, type Closers, type Redis, type StoreLifecycle, TOKENS } from './container-tokens.ts';
import type { Clock, Log, Metrics, Timers } from './core/ports/observation.ts';
import type { MessageQueue } from './core/ports/queue.ts';
import type { DedupStore, EventStore } from './core/ports/receiving.ts';
import type { SendLimits } from './core/send-limits.ts';
import { StoreEvents } from './core/store-events.ts';
import { REDIS_READY_MS, stopTimes, TIME_LIMITS } from './time-limits.ts';

/** Binds what the configured store needs: its ports and its lifecycle. */
export function bindStore(container: Container, config: Config): void {
  if (config.store.kind === 'memory') bindMemory(container, config);
  else bindPostgres(container, config, config.store);
}

/** Everything in this process, gone with it; with Redis the memory of what was accepted survives. */
function bindMemory(container: Container, config: Config): void {
  container.bind(TOKENS.memoryRows).toResolvedValue(() => new MemoryRows(config), []);
  container.bind(TOKENS.memoryState).toResolvedValue(() => new MemoryConversationState(), []);
  container.bind(TOKENS.conversationState).toService(TOKENS.memoryState);
  container
    .bind(TOKENS.memoryQueue)
    .toResolvedValue(
      (rows: MemoryRows, state: MemoryConversationState, clock: Clock, timers: Timers) =>
        new MemoryMessageQueue(rows, { clock, timers, stopDeadlineMs: stopDeadlineMs(config), state }),
      [TOKENS.memoryRows, TOKENS.memoryState, TOKENS.clock, TOKENS.timers],
    );
  container.bind(TOKENS.messageQueue).toService(TOKENS.memoryQueue);
  container
    .bind(TOKENS.deadLetters)
    .toResolvedValue(
      (rows: MemoryRows, queue: MemoryMessageQueue, clock: Clock) => new MemoryDeadLetters(rows, queue, clock),
      [TOKENS.memoryRows, TOKENS.memoryQueue, TOKENS.clock],
    );
  container
    .bind(TOKENS.sentMessages)
    .toResolvedValue(
      (rows: MemoryRows, queue: MemoryMessageQueue, clock: Clock) => new MemorySentMessages(rows, queue, clock),
      [TOKENS.memoryRows, TOKENS.memoryQueue, TOKENS.clock],
    );
  container.bind(TOKENS.quarantine).toResolvedValue((clock: Clock) => new MemoryQuarantine(clock), [TOKENS.clock]);
  container
    .bind(TOKENS.memorySendRate)
    .toResolvedValue(
      (limits: SendLimits, rows: MemoryRows, queue: MemoryMessageQueue, clock: Clock, timers: Timers) =>
        new MemorySendRate(limits, rows, queue, clock, timers),
      [TOKENS.sendLimits, TOKENS.memoryRows, TOKENS.memoryQueue, TOKENS.clock, TOKENS.timers],
    );
  container
    .bind(TOKENS.serviceWindows)
    .toResolvedValue((clock: Clock) => new MemoryServiceWindows(clock), [TOKENS.clock]);
  container.bind(TOKENS.sendRate).toService(TOKENS.memorySendRate);
  container.bind(TOKENS.sendingNumbers).toService(TOKENS.memorySendRate);
  container
    .bind(TOKENS.eventStore)
    .toResolvedValue(
      (dedup: DedupStore, queue: MessageQueue) => new StoreEvents(dedup, queue),
      [TOKENS.dedupStore, TOKENS.messageQueue],
    );
  container.bind(TOKENS.store).toConstantValue({
    prepare: async () => {},
    maintain: async () => {},
    unsafeSettings: async () => [],
    probe: async () => ({
      needed: { storage: 'ok', ...(await checkRedis(container)) },
      reported: await checkNumbers(container),
    }),
  });
  if (config.redisUrl === undefined) {
    container.bind(TOKENS.dedupStore).toResolvedValue((clock: Clock) => new MemoryDedupStore(clock), [TOKENS.clock]);
    return;
  }
  bindRedis(container, config.redisUrl);
  container
    .bind(TOKENS.dedupStore)
    .toResolvedValue((redis: Redis, log: Log) => new RedisDedupStore(redis, { log }), [TOKENS.redis, TOKENS.log]);
}

/** Keys, rows and quarantine in one database, server or embedded; with Redis a cache in front of the keys. */
function bindPostgres(
  container: Container,
  config: Config,
  store: Exclude<StoreConfig, { readonly kind: 'memory' }>,
): void {
  container.bind(TOKENS.database).toResolvedValue(
    async (log: Log, closers: Closers) => {
      const database = await openDatabase(store, log);
      closers.add(() => database.close());
      return database;
    },
    [TOKENS.log, TOKENS.closers],
  );
  container
    .bind(TOKENS.postgresDedupStore)
    .toResolvedValue((database: Database) => new PostgresDedupStore(database), [TOKENS.database]);
  container.bind(TOKENS.postgresQueue).toResolvedValue(
    (database: Database, dedup: PostgresDedupStore, log: Log, metrics: Metrics, closers: Closers) => {
      const queue = new PostgresMessageQueue({
        ...{ database, dedup, log, metrics },
        stopDeadlineMs: stopDeadlineMs(config),
        onDeadLetter: config.onDeadLetter,
      });
      closers.add(() => queue.close());
      return queue;
    },
    [TOKENS.database, TOKENS.postgresDedupStore, TOKENS.log, TOKENS.metrics, TOKENS.closers],
  );
  container.bind(TOKENS.messageQueue).toService(TOKENS.postgresQueue);
  container
    .bind(TOKENS.sentMessages)
    .toResolvedValue(
      (database: Database, queue: PostgresMessageQueue) => new PostgresSentMessages(database, queue.lanes),
      [TOKENS.database, TOKENS.postgresQueue],
    );
  container
    .bind(TOKENS.deadLetters)
    .toResolvedValue(
      (database: Database, queue: PostgresMessageQueue) => new PostgresDeadLetters(database, queue.lanes),
      [TOKENS.database, TOKENS.postgresQueue],
    );
  container
    .bind(TOKENS.conversationState)
    .toResolvedValue((database: Database) => new PostgresConversationState(database), [TOKENS.database]);
  container
    .bind(TOKENS.quarantine)
    .toResolvedValue((database: Database) => new PostgresQuarantine(database), [TOKENS.database]);
  bindPostgresLimits(container);
  container
    .bind(TOKENS.store)
    .toResolvedValue(
      (database: Database, queue: PostgresMessageQueue) => postgresLifecycle(container, database, queue),
      [TOKENS.database, TOKENS.postgresQueue],
    );
  container
    .bind(TOKENS.postgresEventStore)
    .toResolvedValue(
      (database: Database, queue: PostgresMessageQueue) => new PostgresEventStore(database, queue.lanes),
      [TOKENS.database, TOKENS.postgresQueue],
    );
  if (config.redisUrl === undefined) {
    container.bind(TOKENS.dedupStore).toService(TOKENS.postgresDedupStore);
    container.bind(TOKENS.eventStore).toService(TOKENS.postgresEventStore);
  } else bindDedupCache(container, config.redisUrl);
}

function bindPostgresLimits(container: Container): void {
  container.bind(TOKENS.sendRate).toResolvedValue(
    (database: Database, limits: SendLimits, log: Log, closers: Closers) => {
      const rate = new PostgresSendRate(database, limits, log);
      closers.add(() => rate.close());
      return rate;
    },
    [TOKENS.database, TOKENS.sendLimits, TOKENS.log, TOKENS.closers],
  );
  container.bind(TOKENS.serviceWindows).toResolvedValue(
    (database: Database, log: Log, closers: Closers) => {
      const windows = new PostgresServiceWindows(database, log);
      closers.add(() => windows.close());
      return windows;
    },
    [TOKENS.database, TOKENS.log, TOKENS.closers],
  );
  container
    .bind(TOKENS.sendingNumbers)
    .toResolvedValue(
      (database: Database, limits: SendLimits) => new PostgresSendingNumbers(database, limits),
      [TOKENS.database, TOKENS.sendLimits],
    );
}

function bindDedupCache(container: Container, redisUrl: string): void {
  bindRedis(container, redisUrl);
  container.bind(TOKENS.dedupCache).toResolvedValue(
    (inner: PostgresDedupStore, database: Database, redis: Redis, log: Log, metrics: Metrics, closers: Closers) => {
      const cache = new RedisDedupCache(inner, redis, {
        ...{ log, metrics, namespace: () => installationId(database) },
        limits: TIME_LIMITS.dedupCache,
      });
      closers.add(() => cache.close());
      return cache;
    },
    [TOKENS.postgresDedupStore, TOKENS.database, TOKENS.redis, TOKENS.log, TOKENS.metrics, TOKENS.closers],
  );
  container.bind(TOKENS.dedupStore).toService(TOKENS.dedupCache);
  container
    .bind(TOKENS.eventStore)
    .toResolvedValue(
      (cache: RedisDedupCache, events: EventStore) => cache.inFrontOf(events),
      [TOKENS.dedupCache, TOKENS.postgresEventStore],
    );
}

function stopDeadlineMs(config: Config): number {
  return stopTimes(config.shutdownTimeoutMs, config).handlersMs;
}

async function openDatabase(store: Exclude<StoreConfig, { kind: 'memory' }>, log: Log): Promise<Database> {
  if (store.kind === 'pglite') return await PgliteDatabase.open({ folder: store.directory });
  return new PostgresDatabase({
    ...{ url: store.url, poolSize: store.poolSize, applicationName: 'wahook', log },
    limits: TIME_LIMITS.postgres,
  });
}

function postgresLifecycle(container: Container, database: Database, queue: PostgresMessageQueue): StoreLifecycle {
  return {
    prepare: async () => {
      await migrate(database);
      await maintainEventKeys(database);
      await queue.start();
    },
    maintain: async () => {
      await maintainEventKeys(database);
      await removeOldCalls(database);
      await forgetPairs(database);
      await forgetWindows(database);
      await joinUnmatched(database);
      await forgetUnmatched(database);
    },
    // The embedded one is for development, and says so.
    unsafeSettings: async () => (database instanceof PostgresDatabase ? await unsafeSettings(database) : []),
    probe: async () => ({
      needed: { ...(await probeStorage(database)) },
      reported: { ...(await checkRedis(container)), ...(await checkNumbers(container)) },
    }),
  };
}

function bindRedis(container: Container, url: string): void {
  container.bind(TOKENS.redis).toResolvedValue(
    (log: Log, closers: Closers) => {
      const redis = openRedis(url, { log, limits: TIME_LIMITS.redis });
      closers.add(() => redis.disconnect());
      return redis;
    },
    [TOKENS.log, TOKENS.closers],
  );
}

/** Whether one of our numbers is stopped; empty if the store cannot say. */
async function checkNumbers(container: Container): Promise<Checks> {
  const numbers = await container.getAsync(TOKENS.sendingNumbers);
  const listed = await numbers.list().catch(() => undefined);
  if (listed === undefined) return {};
  return { numbers: listed.some(({ stopped }) => stopped !== undefined) ? 'stopped' : 'ok' };
}

/** Empty without Redis. */
async function checkRedis(container: Container): Promise<Checks> {
  if (!container.isBound(TOKENS.redis)) return {};
  const redis = await container.getAsync(TOKENS.redis);
  const answered =
    (await redisReady(redis, REDIS_READY_MS)) &&
    (await redis.ping().then(
      () => true,
      () => false,
    ));
  return { redis: answered ? 'ok' : 'unreachable' };
}
