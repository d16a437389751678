import type { InboundMessage, Json, OutboundMessage, SentMessage, WebhookEvent } from '../model.ts';
import type { Channel } from './channel.ts';
import type { Log } from './observation.ts';
import type { ServiceWindows } from './sending.ts';

/** How far a call of the outside has come that must not be repeated; `result` is absent for one that gave nothing. */
export type OnceCall = { readonly state: 'begun' } | { readonly state: 'done'; readonly result?: Json };

/** A change of what a bot keeps: the document of a conversation, or a call made by a job. Null: forget it. */
export type StateWrite =
  | { readonly kind: 'conversation'; readonly conversation: string; readonly document: Json | null }
  | { readonly kind: 'call'; readonly job: string; readonly name: string; readonly call: OnceCall | null };

/**
 * What bots keep. It is written through `JobContext`, so that the writer of a conversation is the owner of its lane, one at a
 * time, and a run that does not count changes nothing.
 */
export interface ConversationState {
  /** The document that was kept last for a conversation. @throws WahookError `storage_unavailable` */
  load(conversation: string): Promise<Json | undefined>;

  /**
   * The calls that runs of a job have recorded, by name. They are kept for as long as the job can run again, dead letters
   * included, and may be gone afterwards. @throws WahookError `storage_unavailable`
   */
  calls(job: string): Promise<ReadonlyMap<string, OnceCall>>;
}

/** One run of the bot over one event. A plain object, whose functions need no `this`. */
export interface HandlerRun {
  /** The key of the event, the same in every run; of several messages handed over together that of the first. Never log it. */
  readonly eventKey: string;
  /** The messages that are handed over together, in order, if there is more than the one. */
  readonly burst?: readonly InboundMessage[];
  readonly attempt: number;
  /** Aborted when the time limit is over or the claim is lost. */
  readonly signal: AbortSignal;
  /** With the job and the attempt in every line. */
  readonly log: Log;
  now(): number;
  readonly channel: Channel;
  /** Queues a message; it is sent only if this run succeeds. @throws WahookError `invalid_message` */
  send(message: OutboundMessage): void;
  /** Stores what is queued so far, whatever becomes of this run. Without anything new it does nothing. @throws as `JobContext.commit` */
  flush(): Promise<void>;
  /** What became of a message that is stored. @throws WahookError `storage_unavailable` */
  find(sendId: string): Promise<SentMessage | undefined>;
  /** When the service window with a person closes, or closed, if that is known. @throws WahookError `storage_unavailable` */
  windowClosesAtMs: ServiceWindows['closesAtMs'];
  /** The document of a conversation, as the last run that counts has kept it. @throws WahookError `storage_unavailable` */
  load(conversation: string): Promise<Json | undefined>;
  /** Replaces that document if this run succeeds; null: none any more. */
  keep(conversation: string, document: Json | null): void;
  /** What earlier runs over this event have recorded. @throws WahookError `storage_unavailable` */
  calls(): Promise<ReadonlyMap<string, OnceCall>>;
  /** Records a call now, or forgets it (null), whatever becomes of this run. @throws as `JobContext.commit` */
  record(name: string, call: OnceCall | null): Promise<void>;
  /** Has the event come again after so long, uncounted; nothing that this run has queued or kept counts. */
  defer(inMs: number): void;
  /** Forgets what this run has queued, kept and deferred so far, but for what is stored already. */
  discard(): void;
}

/** How long a customer's messages wait for each other, to be handled in one run. */
export interface BurstTurn {
  /** So long after the last one the customer is thought to have finished. */
  readonly quietMs: number;
  /** No message waits longer for later ones. */
  readonly maxMs: number;
  /** At most so many come together; where so many are there nobody waits for more. */
  readonly maxMessages: number;
}

/** The bot. */
export interface EventHandler {
  /** False if `handle` would do nothing with this event. */
  listensTo(event: WebhookEvent): boolean;

  /** Absent: every message is handled by itself. */
  readonly turn?: BurstTurn | undefined;
  /**
   * `event`: of several messages handed over together the one that decides which handler runs. A rejection means: try again
   * later; with a `PermanentError`: never again.
   */
  handle(event: WebhookEvent, run: HandlerRun): Promise<void>;
}
