import { boundLog } from './bound-log.ts';
import { WahookError } from './errors.ts';
import type { InboundMessage, Json, OutboundMessage, WebhookEvent } from './model.ts';
import type { ConversationState, HandlerRun } from './ports/bot.ts';
import type { Channel } from './ports/channel.ts';
import type { Clock, Log } from './ports/observation.ts';
import type { Job, JobContext } from './ports/queue.ts';
import type { SentMessages, ServiceWindows } from './ports/sending.ts';
import { openedFor, openingsOf } from './service-window.ts';

/** What a run reaches besides its jobs: what bots have stored, and Meta. */
export interface BotStores {
  readonly state: ConversationState;
  readonly sentMessages: Pick<SentMessages, 'find'>;
  readonly windows: Pick<ServiceWindows, 'closesAtMs'>;
  readonly channel: Channel;
}

/** Documents that runs of this hand-over have kept, which are not stored yet. */
export type KeptDocuments = Map<string, Json | null>;

export interface OpenRun {
  readonly run: HandlerRun;
  /** Undefined: it was not deferred. */
  deferredMs(): number | undefined;
  /** The run counts: what it sends and keeps goes with its jobs. */
  take(): void;
}

interface RunParts {
  /** Of the events handed over together: of messages alone, if there is more than one. */
  readonly jobs: readonly Job<WebhookEvent>[];
  /** The one of them that stands for all. */
  readonly first: Job<WebhookEvent>;
  readonly context: JobContext;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
  readonly stores: BotStores;
  readonly kept: KeptDocuments;
}

/** One run of the bot, which collects what the bot wants until it is known whether the run counts. */
export function openRun({ jobs, first, context, signal, log, clock, stores, kept }: RunParts): OpenRun {
  const { attempt, id, key, acceptedAtMs } = first;
  const sends: OutboundMessage[] = [];
  const openings = openingsOf(jobs);
  const flushed = new Set<string>();
  const documents: KeptDocuments = new Map();
  let deferredMs: number | undefined;
  const unsent = () => sends.filter(({ sendId }) => !flushed.has(sendId));
  const commit: JobContext['commit'] = async (effects) => {
    // The claim may live on after the time of this run is over: nothing of it counts any more all the same.
    if (signal.aborted) throw new WahookError('fenced', 'the run is over', { cause: signal.reason });
    await context.commit(effects);
  };
  const run: HandlerRun = {
    ...{ eventKey: key.id, attempt, signal },
    ...(jobs.length > 1 && { burst: jobs.map(({ payload }) => payload as InboundMessage) }),
    log: boundLog(log, { job: id, attempt }),
    now: () => clock.now(),
    channel: stores.channel,
    send: (message) => void sends.push({ ...message, causedAtMs: acceptedAtMs, ...openedFor(message, openings) }),
    flush: async () => {
      const now = unsent();
      if (now.length > 0) await commit({ sends: now });
      for (const { sendId } of now) flushed.add(sendId);
    },
    find: (sendId) => stores.sentMessages.find(sendId),
    windowClosesAtMs: (phoneNumberId, person) => stores.windows.closesAtMs(phoneNumberId, person),
    load: async (conversation) => {
      const document = documents.get(conversation);
      const latest = document === undefined ? kept.get(conversation) : document;
      if (latest === undefined) return await stores.state.load(conversation);
      return latest === null ? undefined : structuredClone(latest);
    },
    keep: (conversation, document) => void documents.set(conversation, structuredClone(document)),
    calls: () => stores.state.calls(id),
    record: (name, call) => commit({ writes: [{ kind: 'call', job: id, name, call }] }),
    defer: (inMs) => {
      deferredMs = inMs;
    },
    discard: () => {
      sends.length = 0;
      documents.clear();
      deferredMs = undefined;
    },
  };
  return {
    run,
    deferredMs: () => deferredMs,
    take: () => {
      for (const message of unsent()) context.send(message);
      for (const [conversation, document] of documents) {
        kept.set(conversation, document);
        context.keep({ kind: 'conversation', conversation, document });
      }
    },
  };
}
