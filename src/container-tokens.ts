import type { ServiceIdentifier } from 'inversify';
import type { Redaction } from './adapters/log/redaction.ts';
import type { MemoryConversationState } from './adapters/memory/memory-conversation-state.ts';
import type { MemoryMessageQueue } from './adapters/memory/memory-message-queue.ts';
import type { MemoryRows } from './adapters/memory/memory-rows.ts';
import type { MemorySendRate } from './adapters/memory/memory-send-rate.ts';
import type { NumbersFile } from './adapters/meta/numbers-file.ts';
import type { Database } from './adapters/postgres/database.ts';
import type { PostgresDedupStore } from './adapters/postgres/postgres-dedup-store.ts';
import type { PostgresMessageQueue } from './adapters/postgres/postgres-message-queue.ts';
import type { openRedis } from './adapters/redis/redis-client.ts';
import type { RedisDedupCache } from './adapters/redis/redis-dedup-cache.ts';
import type { Config } from './config.ts';
import type { AcceptSend } from './core/accept-send.ts';
import type { ApplyStatuses } from './core/delivery-status.ts';
import type { HandleEvent } from './core/handle-event.ts';
import type { Intake } from './core/intake.ts';
import type { ConversationState, EventHandler } from './core/ports/bot.ts';
import type { MediaStore } from './core/ports/channel.ts';
import type { Clock, Log, Metrics, Timers } from './core/ports/observation.ts';
import type { DeadLetters, MessageQueue } from './core/ports/queue.ts';
import type { DecodeWebhook, DedupStore, EventStore, Quarantine, SignatureVerifier } from './core/ports/receiving.ts';
import type { SendingNumbers, SendRate, SentMessages, ServiceWindows, WhatsAppGateway } from './core/ports/sending.ts';
import type { ReceiveWebhook } from './core/receive-webhook.ts';
import type { ReplayQuarantine } from './core/replay-quarantine.ts';
import type { SendLimits } from './core/send-limits.ts';
import type { SendMessage } from './core/send-message.ts';
import type { TemplateCatalog } from './core/template-catalog.ts';
import type { TemplateCheck } from './core/template-check.ts';
import type { Worker } from './core/worker.ts';

/** One word per thing looked at, `ok` if it is. */
export type Checks = Readonly<Record<string, string>>;

/** What the chosen store needs besides its ports. */
export interface StoreLifecycle {
  /** Migrations and queues. @throws WahookError `storage_unavailable` (try again) or `schema_too_new` (do not) */
  prepare(): Promise<void>;
  /** Housekeeping, for every hour. @throws WahookError `storage_unavailable` */
  maintain(): Promise<void>;
  /** Settings by which a server may lose what it has confirmed; none, or not known, is good. @throws WahookError `storage_unavailable` */
  unsafeSettings(): Promise<readonly string[]>;
  /** Never rejects. `needed`: without it no webhook can be taken; `reported`: costs only speed. */
  probe(): Promise<{ readonly needed: Checks; readonly reported: Checks }>;
}

/** Metrics with the page for a scrape. */
export interface ServedMetrics extends Metrics {
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export type Redis = ReturnType<typeof openRedis>;

const token = <Type>(name: string): ServiceIdentifier<Type> => Symbol(name);

export const TOKENS = {
  config: token<Config>('Config'),
  closers: token<Closers>('Closers'),
  /** What no line of the log may hold. */
  redaction: token<Redaction>('Redaction'),
  log: token<Log>('Log'),
  clock: token<Clock>('Clock'),
  timers: token<Timers>('Timers'),
  metrics: token<ServedMetrics>('Metrics'),
  database: token<Database>('Database'),
  memoryRows: token<MemoryRows>('MemoryRows'),
  memoryState: token<MemoryConversationState>('MemoryConversationState'),
  memoryQueue: token<MemoryMessageQueue>('MemoryMessageQueue'),
  redis: token<Redis>('Redis'),
  /** The authority on what was accepted. */
  postgresDedupStore: token<PostgresDedupStore>('PostgresDedupStore'),
  dedupCache: token<RedisDedupCache>('RedisDedupCache'),
  postgresQueue: token<PostgresMessageQueue>('PostgresMessageQueue'),
  signatureVerifier: token<SignatureVerifier>('SignatureVerifier'),
  decodeWebhook: token<DecodeWebhook>('DecodeWebhook'),
  dedupStore: token<DedupStore>('DedupStore'),
  postgresEventStore: token<EventStore>('PostgresEventStore'),
  eventStore: token<EventStore>('EventStore'),
  messageQueue: token<MessageQueue>('MessageQueue'),
  sentMessages: token<SentMessages>('SentMessages'),
  conversationState: token<ConversationState>('ConversationState'),
  deadLetters: token<DeadLetters>('DeadLetters'),
  quarantine: token<Quarantine>('Quarantine'),
  /** Undefined without a file. */
  numbersFile: token<NumbersFile | undefined>('NumbersFile'),
  sendLimits: token<SendLimits>('SendLimits'),
  sendRate: token<SendRate>('SendRate'),
  sendingNumbers: token<SendingNumbers>('SendingNumbers'),
  serviceWindows: token<ServiceWindows>('ServiceWindows'),
  memorySendRate: token<MemorySendRate>('MemorySendRate'),
  gateway: token<WhatsAppGateway>('WhatsAppGateway'),
  media: token<MediaStore>('MediaStore'),
  templates: token<TemplateCatalog>('TemplateCatalog'),
  templateCheck: token<TemplateCheck>('TemplateCheck'),
  eventHandler: token<EventHandler>('EventHandler'),
  store: token<StoreLifecycle>('StoreLifecycle'),
  intake: token<Intake>('Intake'),
  receiveWebhook: token<ReceiveWebhook>('ReceiveWebhook'),
  replayQuarantine: token<ReplayQuarantine>('ReplayQuarantine'),
  handleEvent: token<HandleEvent>('HandleEvent'),
  applyStatuses: token<ApplyStatuses>('ApplyStatuses'),
  sendMessage: token<SendMessage>('SendMessage'),
  acceptSend: token<AcceptSend>('AcceptSend'),
  worker: token<Worker>('Worker'),
} as const;

/** What was opened, closed in reverse order: inversify's own deactivation runs all at once. */
export class Closers {
  readonly #closers: (() => void | Promise<void>)[] = [];

  add(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /** Closes everything, whatever fails on the way. */
  async closeAll(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await Promise.resolve(close()).catch(() => {});
  }
}
