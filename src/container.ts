import { createHash } from 'node:crypto';
import { Container } from 'inversify';
import { readSendRequest } from './adapters/api/outbound-request.ts';
import { RemoteHandler } from './adapters/api/remote-handler.ts';
import { JsonLog } from './adapters/log/json-log.ts';
import { type GaugeReading, PrometheusMetrics } from './adapters/log/prometheus-metrics.ts';
import { Redaction } from './adapters/log/redaction.ts';
import { MemoryMediaStore } from './adapters/memory/memory-media-store.ts';
import { decodeWebhook } from './adapters/meta/decode-webhook.ts';
import { GraphGateway } from './adapters/meta/graph-gateway.ts';
import { GraphMedia } from './adapters/meta/graph-media.ts';
import { HmacSignatureVerifier } from './adapters/meta/hmac-signature-verifier.ts';
import { type AnswerGraph, InProcessConnections } from './adapters/meta/in-process-connections.ts';
import { type NumberSettings, NumbersFile } from './adapters/meta/numbers-file.ts';
import { BotHandler } from './bot/bot-handler.ts';
import { loadBot } from './bot/load-bot.ts';
import type { Config } from './config.ts';
import { bindStore } from './container-stores.ts';
import { Closers, type ServedMetrics, type StoreLifecycle, TOKENS } from './container-tokens.ts';
import { AcceptSend, type SendRequest } from './core/accept-send.ts';
import { ApplyStatuses } from './core/delivery-status.ts';
import { HandleEvent } from './core/handle-event.ts';
import { Intake } from './core/intake.ts';
import { QUEUE_NAMES } from './core/lanes.ts';
import type {
  Clock,
  ConversationState,
  DeadLetters,
  DecodeWebhook,
  DedupStore,
  EventHandler,
  EventStore,
  Log,
  MediaStore,
  MessageQueue,
  Metrics,
  Quarantine,
  QueueName,
  SendingNumbers,
  SendRate,
  SentMessages,
  ServiceWindows,
  SignatureVerifier,
  Timers,
  WhatsAppGateway,
} from './core/ports.ts';
import { realTimers } from './core/real-timers.ts';
import { ReceiveWebhook } from './core/receive-webhook.ts';
import { ReplayQuarantine } from './core/replay-quarantine.ts';
import type { NumberLimits, SendLimits } from './core/send-limits.ts';
import { SendMessage } from './core/send-message.ts';
import type { WindowOpening } from './core/service-window.ts';
import { Worker } from './core/worker.ts';
import { TIME_LIMITS } from './time-limits.ts';

/** A commit of 500 rows takes some ms and bounds what one refused value costs; 50,000 waiting elements are some 100 MB. */
const INTAKE = { commitElements: 500, waitingElements: 50_000, waitMs: TIME_LIMITS.accept.waitMs } as const;

/** The parts of the service that the outside needs, of one configuration. Nothing is opened before it is asked for. */
export interface Composition {
  readonly log: Log;
  readonly metrics: ServedMetrics;
  store(): Promise<StoreLifecycle>;
  receiveWebhook(): Promise<ReceiveWebhook>;
  quarantine(): Promise<Quarantine>;
  replayQuarantine(): Promise<ReplayQuarantine>;
  /** Loads the bot. @throws WahookError `invalid_bot` */
  worker(): Promise<Worker>;
  deadLetters(): Promise<DeadLetters>;
  acceptSend(): Promise<AcceptSend>;
  readSendRequest(body: unknown): SendRequest | { readonly problem: string };
  messageQueue(): Promise<MessageQueue>;
  sentMessages(): Promise<SentMessages>;
  sendingNumbers(): Promise<SendingNumbers>;
  /** Reads the file NUMBERS anew, if there is one. */
  reloadNumbers(): Promise<void>;
  close(): Promise<void>;
}

/** What the test of a bot puts in place of the real thing; all the rest is the service as it runs. */
export interface Replacements {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly metrics: ServedMetrics;
  readonly eventHandler: EventHandler;
  /** Answers in place of the Graph API. */
  readonly graph: AnswerGraph;
  /** Stands in front of the queue in memory. */
  readonly messageQueue: (queue: MessageQueue & { readonly isAtRest: boolean }) => MessageQueue;
}

/** The composition root: the one place that knows which adapter stands behind which port. */
export function compose(config: Config, version: string, replace: Partial<Replacements> = {}): Composition {
  const container = new Container({ defaultScope: 'Singleton' });
  const closers = new Closers();
  container.bind(TOKENS.config).toConstantValue(config);
  container.bind(TOKENS.closers).toConstantValue(closers);
  container.bind(TOKENS.clock).toConstantValue(replace.clock ?? Date);
  container.bind(TOKENS.timers).toConstantValue(replace.timers ?? realTimers);
  bindObservation(container, config, version, replace);
  bindStore(container, config);
  bindMeta(container, replace.graph);
  bindMedia(container, replace.graph);
  bindEventHandler(container, replace.eventHandler);
  bindUseCases(container);
  bindHandling(container);
  bindStatuses(container);
  bindQuarantine(container);
  bindSending(container);
  if (replace.messageQueue) {
    container.rebind(TOKENS.messageQueue).toResolvedValue(replace.messageQueue, [TOKENS.memoryQueue]);
  }
  return {
    log: container.get(TOKENS.log),
    metrics: container.get(TOKENS.metrics),
    store: () => container.getAsync(TOKENS.store),
    receiveWebhook: () => container.getAsync(TOKENS.receiveWebhook),
    quarantine: () => container.getAsync(TOKENS.quarantine),
    replayQuarantine: () => container.getAsync(TOKENS.replayQuarantine),
    worker: () => container.getAsync(TOKENS.worker),
    deadLetters: () => container.getAsync(TOKENS.deadLetters),
    acceptSend: () => container.getAsync(TOKENS.acceptSend),
    readSendRequest: (body) => readSendRequest(body, config.whatsapp.phoneNumberId),
    messageQueue: () => container.getAsync(TOKENS.messageQueue),
    sentMessages: () => container.getAsync(TOKENS.sentMessages),
    sendingNumbers: () => container.getAsync(TOKENS.sendingNumbers),
    reloadNumbers: async () => void (await container.getAsync(TOKENS.numbersFile))?.reload(),
    close: () => closers.closeAll(),
  };
}

function bindObservation(container: Container, config: Config, version: string, replace: Partial<Replacements>): void {
  const { whatsapp, log, remoteHandler, apiToken = [] } = config;
  const ours = [whatsapp.accessToken, whatsapp.verifyToken, ...whatsapp.webhookSecrets];
  const secrets = ours.concat(remoteHandler?.secrets ?? [], apiToken);
  const redaction = new Redaction(secrets);
  container.bind(TOKENS.redaction).toConstantValue(redaction);
  container.bind(TOKENS.log).toConstantValue(replace.log ?? new JsonLog({ ...log, redaction }));
  const queueGauges = async (): Promise<readonly GaugeReading[]> => {
    const queue = await container.getAsync(TOKENS.messageQueue);
    return (await Promise.all(QUEUE_NAMES.map((name) => readQueue(queue, name)))).flat();
  };
  const numberGauges = async (): Promise<readonly GaugeReading[]> => {
    const numbers = await (await container.getAsync(TOKENS.sendingNumbers)).list();
    return numbers.flatMap(({ phoneNumberId, stopped }) => {
      if (stopped === undefined) return [];
      const labels = { number: phoneNumberId.slice(-4), reason: stopped.error.code };
      return [{ name: 'number_stopped' as const, labels, value: 1 }];
    });
  };
  const cacheGauges = async (): Promise<readonly GaugeReading[]> => {
    if (!container.isBound(TOKENS.dedupCache)) return [];
    const { up } = await container.getAsync(TOKENS.dedupCache);
    return [{ name: 'dedup_cache_up', labels: {}, value: up ? 1 : 0 }];
  };
  container.bind(TOKENS.metrics).toConstantValue(
    replace.metrics ??
      new PrometheusMetrics({
        version,
        gauges: [queueGauges, numberGauges, cacheGauges],
        limits: TIME_LIMITS.metrics,
      }),
  );
}

async function readQueue(queue: MessageQueue, name: QueueName): Promise<readonly GaugeReading[]> {
  const { waiting, dead, held, oldestMs } = await queue.depth(name);
  return [
    { name: 'queue_depth', labels: { queue: name, state: 'waiting' }, value: waiting },
    { name: 'queue_depth', labels: { queue: name, state: 'dead' }, value: dead },
    { name: 'queue_oldest_age_seconds', labels: { queue: name }, value: oldestMs / 1000 },
    ...(name === 'messages' ? [{ name: 'held_conversations' as const, labels: {}, value: held }] : []),
  ];
}

function bindMeta(container: Container, graph: AnswerGraph | undefined): void {
  container
    .bind(TOKENS.signatureVerifier)
    .toResolvedValue(
      (config: Config, file: NumbersFile | undefined) =>
        new HmacSignatureVerifier(file === undefined ? config.whatsapp.webhookSecrets : () => file.secrets),
      [TOKENS.config, TOKENS.numbersFile],
    );
  container
    .bind(TOKENS.numbersFile)
    .toResolvedValue(
      (config: Config, log: Log, redaction: Redaction, closers: Closers) =>
        openNumbersFile(container, config, log, redaction, closers),
      [TOKENS.config, TOKENS.log, TOKENS.redaction, TOKENS.closers],
    );
  container.bind(TOKENS.decodeWebhook).toConstantValue(decodeWebhook);
  container.bind(TOKENS.gateway).toResolvedValue(
    (
      { whatsapp: { apiUrl, accessToken } }: Config,
      metrics: Metrics,
      closers: Closers,
      file: NumbersFile | undefined,
    ) => {
      const gateway = new GraphGateway({
        ...{ apiUrl, accessToken, metrics, limits: TIME_LIMITS.graph },
        ...(graph && { connections: new InProcessConnections(graph) }),
        ...(file && { accessOf: (id) => file.of(id) }),
      });
      closers.add(() => gateway.close());
      return gateway;
    },
    [TOKENS.config, TOKENS.metrics, TOKENS.closers, TOKENS.numbersFile],
  );
}

/** Where Meta is in the same process there are no files behind its addresses. */
function bindMedia(container: Container, graph: AnswerGraph | undefined): void {
  container.bind(TOKENS.media).toResolvedValue(
    ({ whatsapp: { apiUrl, accessToken } }: Config, log: Log, closers: Closers, file: NumbersFile | undefined) => {
      if (graph !== undefined) return new MemoryMediaStore();
      const { graph: limits, media: transferLimits } = TIME_LIMITS;
      const media = new GraphMedia({
        ...{ apiUrl, accessToken, log, limits, transferLimits },
        ...(file && { accessOf: (id) => file.of(id) }),
      });
      closers.add(() => media.close());
      return media;
    },
    [TOKENS.config, TOKENS.log, TOKENS.closers, TOKENS.numbersFile],
  );
}

function openNumbersFile(
  container: Container,
  config: Config,
  log: Log,
  redaction: Redaction,
  closers: Closers,
): NumbersFile | undefined {
  const { whatsapp, sending, numbersFile: path } = config;
  if (path === undefined) return undefined;
  const { apiUrl, accessToken, phoneNumberId, webhookSecrets: secrets } = whatsapp;
  const own = { apiUrl, accessToken, phoneNumberId, secrets, perSecond: sending.perSecond };
  // What was stopped because of an old token is tried with the new one.
  const onChange = () =>
    void container
      .getAsync(TOKENS.sendingNumbers)
      .then((numbers) => numbers.resumeRenewed())
      .catch(() => log.warn('Numbers with a new token are resumed at their next probe', {}));
  const onSecrets = (values: readonly string[]) => redaction.add(values);
  const file = new NumbersFile({ path, own, log, onSecrets, onChange });
  closers.add(() => file.close());
  return file;
}

/** Who handles events: the bot, unless a program at a URL does, or whom the caller names. */
function bindEventHandler(container: Container, eventHandler: EventHandler | undefined): void {
  container.bind(TOKENS.eventHandler).toResolvedValue(
    async (config: Config, clock: Clock) => {
      const { remoteHandler } = config;
      if (eventHandler !== undefined) return eventHandler;
      if (remoteHandler !== undefined) return new RemoteHandler({ ...remoteHandler, clock });
      return new BotHandler(await loadBot(config.bot));
    },
    [TOKENS.config, TOKENS.clock],
  );
}

function bindUseCases(container: Container): void {
  container.bind(TOKENS.intake).toResolvedValue(
    (events: EventStore, quarantine: Quarantine, metrics: Metrics, clock: Clock, rate: SendRate) => {
      const received = (phoneNumberId: string) => rate.received(phoneNumberId, 1);
      return new Intake(events, quarantine, metrics, clock, { ...INTAKE, received });
    },
    [TOKENS.eventStore, TOKENS.quarantine, TOKENS.metrics, TOKENS.clock, TOKENS.sendRate],
  );
  container
    .bind(TOKENS.receiveWebhook)
    .toResolvedValue(
      (verifier: SignatureVerifier, decode: DecodeWebhook, intake: Intake, clock: Clock, log: Log) =>
        new ReceiveWebhook(verifier, decode, intake, clock, log, TIME_LIMITS.accept.deadlineMs),
      [TOKENS.signatureVerifier, TOKENS.decodeWebhook, TOKENS.intake, TOKENS.clock, TOKENS.log],
    );
}

function bindHandling(container: Container): void {
  container.bind(TOKENS.handleEvent).toResolvedValue(
    (
      handler: EventHandler,
      log: Log,
      metrics: Metrics,
      clock: Clock,
      { handler: { attempts, timeoutMs } }: Config,
      sentMessages: SentMessages,
      state: ConversationState,
      gateway: WhatsAppGateway,
      media: MediaStore,
      windows: ServiceWindows,
      timers: Timers,
    ) => {
      const windowOpened = (opening: WindowOpening) => windows.opened(opening);
      const stores = { sentMessages, state, windows, channel: { gateway, media } };
      return new HandleEvent(handler, log, metrics, clock, { attempts, timeoutMs, windowOpened, timers }, stores);
    },
    [
      TOKENS.eventHandler,
      TOKENS.log,
      TOKENS.metrics,
      TOKENS.clock,
      TOKENS.config,
      TOKENS.sentMessages,
      TOKENS.conversationState,
      TOKENS.gateway,
      TOKENS.media,
      TOKENS.serviceWindows,
      TOKENS.timers,
    ],
  );
  container
    .bind(TOKENS.worker)
    .toResolvedValue(
      (
        queue: MessageQueue,
        handleEvent: HandleEvent,
        applyStatuses: ApplyStatuses,
        sendMessage: SendMessage,
        metrics: Metrics,
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

function bindStatuses(container: Container): void {
  container.bind(TOKENS.applyStatuses).toResolvedValue(
    (sentMessages: SentMessages, handleEvent: HandleEvent, handler: EventHandler, metrics: Metrics, clock: Clock) =>
      new ApplyStatuses(
        sentMessages,
        (jobs, context) => handleEvent.run(jobs, context),
        (update) => handler.listensTo(update),
        metrics,
        clock,
      ),
    [TOKENS.sentMessages, TOKENS.handleEvent, TOKENS.eventHandler, TOKENS.metrics, TOKENS.clock],
  );
}

function bindQuarantine(container: Container): void {
  container
    .bind(TOKENS.replayQuarantine)
    .toResolvedValue(
      (quarantine: Quarantine, decode: DecodeWebhook, dedup: DedupStore, queue: MessageQueue) =>
        new ReplayQuarantine(quarantine, decode, dedup, queue),
      [TOKENS.quarantine, TOKENS.decodeWebhook, TOKENS.dedupStore, TOKENS.messageQueue],
    );
}

function bindSending(container: Container): void {
  container
    .bind(TOKENS.acceptSend)
    .toResolvedValue(
      (dedup: DedupStore, queue: MessageQueue, windows: ServiceWindows, clock: Clock, { outsideWindow }: Config) =>
        new AcceptSend(dedup, queue, windows, clock, outsideWindow),
      [TOKENS.dedupStore, TOKENS.messageQueue, TOKENS.serviceWindows, TOKENS.clock, TOKENS.config],
    );
  container.bind(TOKENS.sendLimits).toResolvedValue(sendLimits, [TOKENS.config, TOKENS.numbersFile]);
  container.bind(TOKENS.sendMessage).toResolvedValue(
    (
      gateway: WhatsAppGateway,
      sent: SentMessages,
      rate: SendRate,
      numbers: SendingNumbers,
      windows: ServiceWindows,
      log: Log,
      metrics: Metrics,
      clock: Clock,
      { settle, outsideWindow }: Config,
    ) =>
      new SendMessage(gateway, sent, { rate, numbers, windows }, log, metrics, clock, {
        outsideWindow,
        settleWaitMs: settle.waitMs,
        onUnsettled: settle.policy,
      }),
    [
      TOKENS.gateway,
      TOKENS.sentMessages,
      TOKENS.sendRate,
      TOKENS.sendingNumbers,
      TOKENS.serviceWindows,
      TOKENS.log,
      TOKENS.metrics,
      TOKENS.clock,
      TOKENS.config,
    ],
  );
}

function sendLimits({ sending, whatsapp: { accessToken } }: Config, file: NumbersFile | undefined): SendLimits {
  const own = { perSecond: sending.perSecond, accessToken };
  const limitsOf = (phoneNumberId: string): NumberLimits => {
    const { perSecond, accessToken: token, account } = settingsOf(phoneNumberId, file, own);
    return { perSecond, credential: fingerprintOf(token), ...(account !== undefined && { account }) };
  };
  return { pair: sending.pair, limitsOf };
}

/** A number that is not ours sends nothing, but what it receives is counted. */
function settingsOf(
  phoneNumberId: string,
  file: NumbersFile | undefined,
  own: Pick<NumberSettings, 'perSecond' | 'accessToken'>,
): Pick<NumberSettings, 'perSecond' | 'accessToken' | 'account'> {
  return file === undefined ? own : (file.of(phoneNumberId) ?? { perSecond: own.perSecond, accessToken: '' });
}

/** Tells one token from another without telling it. */
function fingerprintOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12);
}
