import { Container } from 'inversify';
import { readSendRequest } from './adapters/api/outbound-request.ts';
import { RemoteHandler } from './adapters/api/remote-handler.ts';
import type { AnswerGraph } from './adapters/meta/in-process-connections.ts';
import type { NumbersFile } from './adapters/meta/numbers-file.ts';
import { BotHandler } from './bot/bot-handler.ts';
import { loadBot } from './bot/load-bot.ts';
import type { Config } from './config.ts';
import { bindMeta } from './container-meta.ts';
import { bindObservation } from './container-observation.ts';
import { bindStore } from './container-stores.ts';
import { bindTemplates } from './container-templates.ts';
import { Closers, type ServedMetrics, type StoreLifecycle, TOKENS } from './container-tokens.ts';
import { AcceptSend, type SendRequest } from './core/accept-send.ts';
import { ApplyStatuses } from './core/delivery-status.ts';
import { HandleEvent } from './core/handle-event.ts';
import { Intake } from './core/intake.ts';
import type { AccountEvent, WebhookEvent } from './core/model.ts';
import type { ConversationState, EventHandler } from './core/ports/bot.ts';
import type { MediaStore } from './core/ports/channel.ts';
import type { Clock, Log, Metrics, Timers } from './core/ports/observation.ts';
import type { DeadLetters, MessageQueue } from './core/ports/queue.ts';
import type { DecodeWebhook, DedupStore, EventStore, Quarantine, SignatureVerifier } from './core/ports/receiving.ts';
import type { SendingNumbers, SendRate, SentMessages, ServiceWindows, WhatsAppGateway } from './core/ports/sending.ts';
import { realTimers } from './core/real-timers.ts';
import { ReceiveWebhook } from './core/receive-webhook.ts';
import { ReplayQuarantine } from './core/replay-quarantine.ts';
import { SendMessage } from './core/send-message.ts';
import { type WindowOpening, windowOpenedBy } from './core/service-window.ts';
import type { TemplateCatalog } from './core/template-catalog.ts';
import type { TemplateCheck } from './core/template-check.ts';
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
  /** The files behind that. */
  readonly media: MediaStore;
  /** Stands in front of the queue in memory. */
  readonly messageQueue: (queue: MessageQueue & { readonly isAtRest: boolean }) => MessageQueue;
  /** Stands in front of the limits in memory. */
  readonly sendRate: (rate: SendRate) => SendRate;
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
  bindMeta(container, replace);
  bindTemplates(container, replace.graph);
  bindEventHandler(container, replace.eventHandler);
  bindUseCases(container);
  bindHandling(container);
  bindStatuses(container);
  bindQuarantine(container);
  bindSending(container);
  if (replace.messageQueue) {
    container.rebind(TOKENS.messageQueue).toResolvedValue(replace.messageQueue, [TOKENS.memoryQueue]);
  }
  if (replace.sendRate) container.rebind(TOKENS.sendRate).toResolvedValue(replace.sendRate, [TOKENS.memorySendRate]);
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

/** Who handles events: the bot, unless a program at a URL does, or whom the caller names. */
function bindEventHandler(container: Container, eventHandler: EventHandler | undefined): void {
  container.bind(TOKENS.eventHandler).toResolvedValue(
    async (config: Config, clock: Clock, templates: TemplateCheck) => {
      const { remoteHandler } = config;
      if (eventHandler !== undefined) return eventHandler;
      if (remoteHandler !== undefined) return new RemoteHandler({ ...remoteHandler, clock, templates });
      return new BotHandler(await loadBot(config.bot));
    },
    [TOKENS.config, TOKENS.clock, TOKENS.templateCheck],
  );
}

function bindUseCases(container: Container): void {
  container.bind(TOKENS.intake).toResolvedValue(
    (
      events: EventStore,
      quarantine: Quarantine,
      metrics: Metrics,
      clock: Clock,
      rate: SendRate,
      windows: ServiceWindows,
    ) => {
      const accepted = (event: WebhookEvent) => {
        if (event.kind === 'message') rate.received(event.phoneNumberId, 1);
        // Here and not only when it is handled: it may wait for long behind one that fails.
        const opening = windowOpenedBy(event);
        if (opening !== undefined) windows.opened(opening);
      };
      return new Intake(events, quarantine, metrics, clock, { ...INTAKE, accepted });
    },
    [TOKENS.eventStore, TOKENS.quarantine, TOKENS.metrics, TOKENS.clock, TOKENS.sendRate, TOKENS.serviceWindows],
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
      templates: TemplateCatalog,
      windows: ServiceWindows,
      timers: Timers,
    ) => {
      const windowOpened = (opening: WindowOpening) => windows.opened(opening);
      const stores = { sentMessages, state, windows, channel: { gateway, media, templates } };
      const accountChanged = (event: AccountEvent) => templates.heard(event);
      const options = { attempts, timeoutMs, windowOpened, accountChanged, timers };
      return new HandleEvent(handler, log, metrics, clock, options, stores);
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
      TOKENS.templates,
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
  container.bind(TOKENS.acceptSend).toResolvedValue(
    (
      dedup: DedupStore,
      queue: MessageQueue,
      sentMessages: SentMessages,
      windows: ServiceWindows,
      clock: Clock,
      { outsideWindow }: Config,
      file: NumbersFile | undefined,
      templates: TemplateCheck,
    ) => {
      const isOurs = (phoneNumberId: string) => file === undefined || file.has(phoneNumberId);
      return new AcceptSend(dedup, queue, sentMessages, windows, clock, { outsideWindow, isOurs, templates });
    },
    [
      TOKENS.dedupStore,
      TOKENS.messageQueue,
      TOKENS.sentMessages,
      TOKENS.serviceWindows,
      TOKENS.clock,
      TOKENS.config,
      TOKENS.numbersFile,
      TOKENS.templateCheck,
    ],
  );
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
