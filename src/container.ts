import { Container, type ServiceIdentifier } from 'inversify';
import { JsonLog } from './adapters/log/json-log.ts';
import { type GaugeReading, PrometheusMetrics } from './adapters/log/prometheus-metrics.ts';
import { MemoryDedupStore } from './adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from './adapters/memory/memory-message-queue.ts';
import { MemoryQuarantine } from './adapters/memory/memory-quarantine.ts';
import { MemoryRows } from './adapters/memory/memory-rows.ts';
import { MemorySentMessages } from './adapters/memory/memory-sent-messages.ts';
import { decodeWebhook } from './adapters/meta/decode-webhook.ts';
import { GraphGateway } from './adapters/meta/graph-gateway.ts';
import { HmacSignatureVerifier } from './adapters/meta/hmac-signature-verifier.ts';
import type { Database } from './adapters/postgres/database.ts';
import { maintainEventKeys } from './adapters/postgres/event-key-partitions.ts';
import { migrate } from './adapters/postgres/migrate.ts';
import { PgliteDatabase } from './adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from './adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from './adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from './adapters/postgres/postgres-message-queue.ts';
import { PostgresQuarantine } from './adapters/postgres/postgres-quarantine.ts';
import { PostgresSentMessages } from './adapters/postgres/postgres-sent-messages.ts';
import { installationId, probeStorage } from './adapters/postgres/storage-probe.ts';
import { openRedis, redisReady } from './adapters/redis/redis-client.ts';
import { RedisDedupCache } from './adapters/redis/redis-dedup-cache.ts';
import { RedisDedupStore } from './adapters/redis/redis-dedup-store.ts';
import { BotHandler } from './bot/bot-handler.ts';
import { loadBot } from './bot/load-bot.ts';
import type { Config, StoreConfig } from './config.ts';
import { ApplyStatuses } from './core/delivery-status.ts';
import { HandleEvent } from './core/handle-event.ts';
import { Intake } from './core/intake.ts';
import type {
  Clock,
  DecodeWebhook,
  DedupStore,
  EventHandler,
  Log,
  MessageQueue,
  Quarantine,
  QueueName,
  SentMessages,
  SignatureVerifier,
  WhatsAppGateway,
} from './core/ports.ts';
import { ReceiveWebhook } from './core/receive-webhook.ts';
import { SendMessage } from './core/send-message.ts';
import { Worker } from './core/worker.ts';

type Redis = ReturnType<typeof openRedis>;

/** 3.5 s: every delivery is answered within 4 s; the statement that may hold it up gives up after 3 s. */
const ACCEPT_DEADLINE_MS = 3_500;

/** A commit of 500 rows takes some ms and bounds what one refused value costs; 50,000 waiting elements are some 100 MB. */
const INTAKE = { commitElements: 500, waitingElements: 50_000 } as const;

/** Of the time for stopping, what handlers may use; the rest is for giving back what they did not finish. */
const HANDLERS_SHARE = 0.8;

/** A Redis that is there connects in some ms; readiness must not wait for one that is not. */
const REDIS_READY_MS = 500;

const QUEUES: readonly QueueName[] = ['messages', 'statuses', 'account', 'outbound'];

/** One word per thing looked at, `ok` if it is. */
export type Checks = Readonly<Record<string, string>>;

/** What the chosen store needs besides its ports. */
export interface StoreLifecycle {
  /** Migrations and queues. @throws WahookError `storage_unavailable` (try again) or `schema_too_new` (do not) */
  prepare(): Promise<void>;
  /** Housekeeping, for every hour. @throws WahookError `storage_unavailable` */
  maintain(): Promise<void>;
  /** Never rejects. `needed`: without it no webhook can be taken; `reported`: costs only speed. */
  probe(): Promise<{ readonly needed: Checks; readonly reported: Checks }>;
}

const token = <Type>(name: string): ServiceIdentifier<Type> => Symbol(name);

const TOKENS = {
  config: token<Config>('Config'),
  closers: token<Closers>('Closers'),
  log: token<Log>('Log'),
  clock: token<Clock>('Clock'),
  metrics: token<PrometheusMetrics>('PrometheusMetrics'),
  database: token<Database>('Database'),
  memoryRows: token<MemoryRows>('MemoryRows'),
  redis: token<Redis>('Redis'),
  /** The authority on what was accepted. */
  postgresDedupStore: token<PostgresDedupStore>('PostgresDedupStore'),
  dedupCache: token<RedisDedupCache>('RedisDedupCache'),
  postgresQueue: token<PostgresMessageQueue>('PostgresMessageQueue'),
  signatureVerifier: token<SignatureVerifier>('SignatureVerifier'),
  decodeWebhook: token<DecodeWebhook>('DecodeWebhook'),
  dedupStore: token<DedupStore>('DedupStore'),
  messageQueue: token<MessageQueue>('MessageQueue'),
  sentMessages: token<SentMessages>('SentMessages'),
  quarantine: token<Quarantine>('Quarantine'),
  gateway: token<WhatsAppGateway>('WhatsAppGateway'),
  eventHandler: token<EventHandler>('EventHandler'),
  store: token<StoreLifecycle>('StoreLifecycle'),
  intake: token<Intake>('Intake'),
  receiveWebhook: token<ReceiveWebhook>('ReceiveWebhook'),
  handleEvent: token<HandleEvent>('HandleEvent'),
  applyStatuses: token<ApplyStatuses>('ApplyStatuses'),
  sendMessage: token<SendMessage>('SendMessage'),
  worker: token<Worker>('Worker'),
} as const;

/** What was opened, closed in reverse order: inversify's own deactivation runs all at once. */
class Closers {
  readonly #closers: (() => void | Promise<void>)[] = [];

  add(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes everything, whatever fails on the way. */
  async closeAll(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await Promise.resolve(close()).catch(() => {});
  }
}

/** The parts of the service that the outside needs, of one configuration. Nothing is opened before it is asked for. */
export interface Composition {
  readonly log: Log;
  readonly metrics: PrometheusMetrics;
  store(): Promise<StoreLifecycle>;
  receiveWebhook(): Promise<ReceiveWebhook>;
  /** Loads the bot. @throws WahookError `invalid_bot` */
  worker(): Promise<Worker>;
  close(): Promise<void>;
}

/** The composition root: the one place that knows which adapter stands behind which port. */
export function compose(config: Config, version: string): Composition {
  const container = new Container({ defaultScope: 'Singleton' });
  const closers = new Closers();
  container.bind(TOKENS.config).toConstantValue(config);
  container.bind(TOKENS.closers).toConstantValue(closers);
  container.bind(TOKENS.clock).toConstantValue(Date);
  bindObservation(container, config, version);
  if (config.store.kind === 'memory') bindMemory(container, config);
  else bindPostgres(container, config, config.store);
  bindMeta(container);
  bindUseCases(container);
  return {
    log: container.get(TOKENS.log),
    metrics: container.get(TOKENS.metrics),
    store: () => container.getAsync(TOKENS.store),
    receiveWebhook: () => container.getAsync(TOKENS.receiveWebhook),
    worker: () => container.getAsync(TOKENS.worker),
    close: () => closers.closeAll(),
  };
}

function bindObservation(container: Container, config: Config, version: string): void {
  const { whatsapp, log } = config;
  const secrets = [whatsapp.accessToken, whatsapp.verifyToken, ...whatsapp.webhookSecrets];
  container.bind(TOKENS.log).toConstantValue(new JsonLog({ ...log, secrets }));
  const queueGauges = async (): Promise<readonly GaugeReading[]> => {
    const queue = await container.getAsync(TOKENS.messageQueue);
    return (await Promise.all(QUEUES.map((name) => readQueue(queue, name)))).flat();
  };
  const cacheGauges = async (): Promise<readonly GaugeReading[]> => {
    if (!container.isBound(TOKENS.dedupCache)) return [];
    const { up } = await container.getAsync(TOKENS.dedupCache);
    return [{ name: 'dedup_cache_up', labels: {}, value: up ? 1 : 0 }];
  };
  container
    .bind(TOKENS.metrics)
    .toConstantValue(new PrometheusMetrics({ version, gauges: [queueGauges, cacheGauges] }));
}

async function readQueue(queue: MessageQueue, name: QueueName): Promise<readonly GaugeReading[]> {
  const { waiting, dead, oldestMs } = await queue.depth(name);
  return [
    { name: 'queue_depth', labels: { queue: name, state: 'waiting' }, value: waiting },
    { name: 'queue_depth', labels: { queue: name, state: 'dead' }, value: dead },
    { name: 'queue_oldest_age_seconds', labels: { queue: name }, value: oldestMs / 1000 },
  ];
}

function bindRedis(container: Container, url: string): void {
  container.bind(TOKENS.redis).toResolvedValue(
    (log: Log, closers: Closers) => {
      const redis = openRedis(url, { log });
      closers.add(() => redis.disconnect());
      return redis;
    },
    [TOKENS.log, TOKENS.closers],
  );
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

/** Everything in this process, gone with it; with Redis the memory of what was accepted survives. */
function bindMemory(container: Container, config: Config): void {
  container.bind(TOKENS.memoryRows).toResolvedValue(() => new MemoryRows(), []);
  container
    .bind(TOKENS.messageQueue)
    .toResolvedValue(
      (rows: MemoryRows) => new MemoryMessageQueue(rows, { stopDeadlineMs: stopDeadlineMs(config) }),
      [TOKENS.memoryRows],
    );
  container
    .bind(TOKENS.sentMessages)
    .toResolvedValue((rows: MemoryRows) => new MemorySentMessages(rows), [TOKENS.memoryRows]);
  container.bind(TOKENS.quarantine).toResolvedValue((clock: Clock) => new MemoryQuarantine(clock), [TOKENS.clock]);
  container.bind(TOKENS.store).toConstantValue({
    prepare: async () => {},
    maintain: async () => {},
    probe: async () => ({ needed: { storage: 'ok', ...(await checkRedis(container)) }, reported: {} }),
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
    (database: Database, dedup: PostgresDedupStore, log: Log, metrics: PrometheusMetrics, closers: Closers) => {
      const queue = new PostgresMessageQueue({
        ...{ database, dedup, log, metrics },
        stopDeadlineMs: stopDeadlineMs(config),
      });
      closers.add(() => queue.close());
      return queue;
    },
    [TOKENS.database, TOKENS.postgresDedupStore, TOKENS.log, TOKENS.metrics, TOKENS.closers],
  );
  container.bind(TOKENS.messageQueue).toService(TOKENS.postgresQueue);
  container
    .bind(TOKENS.sentMessages)
    .toResolvedValue((database: Database) => new PostgresSentMessages(database), [TOKENS.database]);
  container
    .bind(TOKENS.quarantine)
    .toResolvedValue((database: Database) => new PostgresQuarantine(database), [TOKENS.database]);
  container
    .bind(TOKENS.store)
    .toResolvedValue(
      (database: Database, queue: PostgresMessageQueue) => postgresLifecycle(container, database, queue),
      [TOKENS.database, TOKENS.postgresQueue],
    );
  if (config.redisUrl === undefined) container.bind(TOKENS.dedupStore).toService(TOKENS.postgresDedupStore);
  else bindDedupCache(container, config.redisUrl);
}

function bindDedupCache(container: Container, redisUrl: string): void {
  bindRedis(container, redisUrl);
  container.bind(TOKENS.dedupCache).toResolvedValue(
    (
      inner: PostgresDedupStore,
      database: Database,
      redis: Redis,
      log: Log,
      metrics: PrometheusMetrics,
      closers: Closers,
    ) => {
      const cache = new RedisDedupCache(inner, redis, { log, metrics, namespace: () => installationId(database) });
      closers.add(() => cache.close());
      return cache;
    },
    [TOKENS.postgresDedupStore, TOKENS.database, TOKENS.redis, TOKENS.log, TOKENS.metrics, TOKENS.closers],
  );
  container.bind(TOKENS.dedupStore).toService(TOKENS.dedupCache);
}

function stopDeadlineMs({ shutdownTimeoutMs }: Config): number {
  return shutdownTimeoutMs * HANDLERS_SHARE;
}

async function openDatabase(store: Exclude<StoreConfig, { kind: 'memory' }>, log: Log): Promise<Database> {
  if (store.kind === 'pglite') return await PgliteDatabase.open({ folder: store.directory });
  return new PostgresDatabase({ url: store.url, poolSize: store.poolSize, applicationName: 'wahook', log });
}

function postgresLifecycle(container: Container, database: Database, queue: PostgresMessageQueue): StoreLifecycle {
  return {
    prepare: async () => {
      await migrate(database);
      await maintainEventKeys(database);
      await queue.start();
    },
    maintain: async () => void (await maintainEventKeys(database)),
    probe: async () => ({ needed: { ...(await probeStorage(database)) }, reported: await checkRedis(container) }),
  };
}

function bindMeta(container: Container): void {
  container
    .bind(TOKENS.signatureVerifier)
    .toResolvedValue((config: Config) => new HmacSignatureVerifier(config.whatsapp.webhookSecrets), [TOKENS.config]);
  container.bind(TOKENS.decodeWebhook).toConstantValue(decodeWebhook);
  container.bind(TOKENS.gateway).toResolvedValue(
    ({ whatsapp: { apiUrl, accessToken } }: Config, metrics: PrometheusMetrics, closers: Closers) => {
      const gateway = new GraphGateway({ apiUrl, accessToken, metrics });
      closers.add(() => gateway.close());
      return gateway;
    },
    [TOKENS.config, TOKENS.metrics, TOKENS.closers],
  );
}

function bindUseCases(container: Container): void {
  container
    .bind(TOKENS.intake)
    .toResolvedValue(
      (dedup: DedupStore, queue: MessageQueue, quarantine: Quarantine, metrics: PrometheusMetrics, clock: Clock) =>
        new Intake(dedup, queue, quarantine, metrics, clock, INTAKE),
      [TOKENS.dedupStore, TOKENS.messageQueue, TOKENS.quarantine, TOKENS.metrics, TOKENS.clock],
    );
  container
    .bind(TOKENS.receiveWebhook)
    .toResolvedValue(
      (verifier: SignatureVerifier, decode: DecodeWebhook, intake: Intake, clock: Clock, log: Log) =>
        new ReceiveWebhook(verifier, decode, intake, clock, log, ACCEPT_DEADLINE_MS),
      [TOKENS.signatureVerifier, TOKENS.decodeWebhook, TOKENS.intake, TOKENS.clock, TOKENS.log],
    );
  container
    .bind(TOKENS.eventHandler)
    .toResolvedValue(async (config: Config) => new BotHandler(await loadBot(config.bot)), [TOKENS.config]);
  container
    .bind(TOKENS.handleEvent)
    .toResolvedValue(
      (handler: EventHandler, log: Log, metrics: PrometheusMetrics, clock: Clock, { handler: options }: Config) =>
        new HandleEvent(handler, log, metrics, clock, { attempts: options.attempts, timeoutMs: options.timeoutMs }),
      [TOKENS.eventHandler, TOKENS.log, TOKENS.metrics, TOKENS.clock, TOKENS.config],
    );
  container
    .bind(TOKENS.applyStatuses)
    .toResolvedValue(
      (sentMessages: SentMessages, handleEvent: HandleEvent, metrics: PrometheusMetrics, clock: Clock) =>
        new ApplyStatuses(sentMessages, (jobs, context) => handleEvent.run(jobs, context), metrics, clock),
      [TOKENS.sentMessages, TOKENS.handleEvent, TOKENS.metrics, TOKENS.clock],
    );
  container
    .bind(TOKENS.sendMessage)
    .toResolvedValue(
      (gateway: WhatsAppGateway, log: Log, metrics: PrometheusMetrics, clock: Clock, { settle }: Config) =>
        new SendMessage(gateway, log, metrics, clock, { settleWaitMs: settle.waitMs, onUnsettled: settle.policy }),
      [TOKENS.gateway, TOKENS.log, TOKENS.metrics, TOKENS.clock, TOKENS.config],
    );
  container
    .bind(TOKENS.worker)
    .toResolvedValue(
      (
        queue: MessageQueue,
        handleEvent: HandleEvent,
        applyStatuses: ApplyStatuses,
        sendMessage: SendMessage,
        metrics: PrometheusMetrics,
        config: Config,
      ) => new Worker(queue, handleEvent, applyStatuses, sendMessage, metrics, config.workerConcurrency),
      [
        TOKENS.messageQueue,
        TOKENS.handleEvent,
        TOKENS.applyStatuses,
        TOKENS.sendMessage,
        TOKENS.metrics,
        TOKENS.config,
      ],
    );
}
