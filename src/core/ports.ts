import type { MessageTemplate } from './message-template.ts';
import type {
  AccountEvent,
  Customer,
  EventKey,
  InboundMessage,
  Json,
  Media,
  OutboundMessage,
  SentMessage,
  StatusUpdate,
  WebhookEvent,
} from './model.ts';
import type { WindowOpening } from './service-window.ts';

/** Says whether a request body comes from Meta. */
export interface SignatureVerifier {
  /**
   * True if `header` (the value of `X-Hub-Signature-256`) is `sha256=` and the HMAC-SHA256 of exactly `rawBody` under one
   * of the configured secrets. Any other input is false: it never throws. Takes the same time for every wrong signature of
   * the right form.
   *
   * Known answer: secret `test_app_secret`, body `{"object":"whatsapp_business_account","entry":[]}` →
   * `sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756`.
   */
  verify(rawBody: Uint8Array, header: string | undefined): boolean;
}

/** One piece of a webhook: an event to handle, or a piece that cannot be one. */
export type WebhookElement =
  | { readonly kind: 'event'; readonly key: EventKey; readonly event: WebhookEvent; readonly origin: Origin }
  | { readonly kind: 'quarantined'; readonly piece: QuarantinedPiece };

/** The part of a webhook that an event was made from. */
export interface Origin {
  /** That part as a piece to keep, should the store refuse the event for good. */
  quarantined(reason: QuarantineReason): QuarantinedPiece;
}

/**
 * Turns the raw body of a verified webhook into its elements, in the order of the body: every message, status and other
 * field of every change of every entry. Never throws: what cannot be an event is a quarantined piece, alone.
 */
export type DecodeWebhook = (rawBody: Uint8Array) => readonly WebhookElement[];

/** An opaque unit of work: what joins it is stored together with the rest, or not at all. */
export interface Unit {
  readonly unit: unique symbol;
}

/** The answer of `DedupStore.once`, as ids of the given keys; each given key is in exactly one list. */
export interface DedupResult {
  /** Recorded now; `work` has run for them. */
  readonly fresh: readonly string[];
  /** Recorded by an earlier call whose work is done: nothing to do. */
  readonly duplicate: readonly string[];
  /** Another call works on them right now and may yet fail: ask again later, never say that they are done. */
  readonly busy: readonly string[];
}

/** Remembers which elements were accepted. Keys are kept for 15 days (Meta repeats for up to 7). */
export interface DedupStore {
  /**
   * Runs `work` once for those of `keys` that no earlier successful call recorded, in the given order, and records exactly
   * these if `work` resolves. If `work` rejects nothing is recorded, the rejection is passed on, and the keys are fresh
   * again. Without a fresh key `work` is not called. A key given twice in one call counts once. If a conflict undoes a run the
   * store may begin anew, with other fresh keys or none: only the result says what counts.
   *
   * Of concurrent callers with one key, exactly one gets it as fresh. The others get it as duplicate only after it is
   * recorded, otherwise as busy; or, when the winner failed, one of them becomes the next winner.
   *
   * `unit` is valid until `work` settles; a queue on the same database joins it, so that keys and jobs are stored together.
   *
   * @throws WahookError `storage_unavailable` if the store does not answer in time, is read-only or full. Whether the keys
   *   were recorded is then unknown; a repetition finds out.
   */
  once(keys: readonly EventKey[], work: (fresh: readonly string[], unit: Unit) => Promise<void>): Promise<DedupResult>;
}

/** An event with its key, as it comes out of a webhook. */
export interface KeyedEvent {
  readonly key: EventKey;
  readonly event: WebhookEvent;
}

/** Where events go in. */
export interface EventStore {
  /**
   * Records the keys of the events and queues those that no earlier call recorded, in the order given, all of it or nothing:
   * what `DedupStore.once` around `MessageQueue.publish` does, as one operation. An event given twice in one call counts once.
   * Concurrent calls are safe and give each key as fresh once; events of one lane keep the order of the calls if each call
   * waits for the one before. A repetition finds duplicates and changes nothing.
   *
   * @throws WahookError `storage_unavailable` (whether they were stored is then unknown; a repetition finds out), or
   *   `unstorable` if one of the events can never be stored: then none of them is
   */
  store(events: readonly KeyedEvent[]): Promise<DedupResult>;
}

/** What each queue carries. */
export interface QueuePayloads {
  readonly messages: InboundMessage;
  readonly statuses: StatusUpdate;
  readonly account: AccountEvent;
  readonly outbound: OutboundMessage;
}

export type QueueName = keyof QueuePayloads;

export interface NewJob<Payload = unknown> {
  /** Publishing the same key again is a no-op. */
  readonly key: EventKey;
  /** Jobs of one lane are handled one after the other, in the order of publishing; lanes run side by side. */
  readonly lane: string;
  readonly payload: Payload;
}

/** Why a job was not done the last time. Holds no content: it is logged. */
export interface JobError {
  /** A short stable word, e.g. `handler_failed`, `ambiguous`, `graph_131047`. */
  readonly code: string;
  readonly message: string;
}

export interface Job<Payload = unknown> {
  /** Stable over all attempts. */
  readonly id: string;
  readonly key: EventKey;
  readonly lane: string;
  readonly payload: Payload;
  /** 1 plus the counted failures so far: what the handler's own limit is about. */
  readonly attempt: number;
  /** How often it was started, this time included; more than `attempt` if a process died over it. */
  readonly claims: number;
  /**
   * The claim before this one was never settled: its process died or lost the lane. What its handler did outside of the
   * store (a request that it sent) may or may not have happened.
   */
  readonly interrupted: boolean;
  /**
   * How many claims in a row ended without a word while its handler was at work: the process died or froze. 0 again after
   * any settlement; a handler that rejected lives, and so does one that stopped in order.
   */
  readonly interruptions: number;
  readonly acceptedAtMs: number;
  readonly lastError?: JobError;
}

/** What the handler wants to become of a job. */
export type Settlement =
  | { readonly outcome: 'done'; readonly messageId?: string }
  /** Again after `inMs`; later jobs of the lane wait. `counted`: it was the job's own failure and raises `attempt`. */
  | { readonly outcome: 'retry'; readonly inMs: number; readonly counted: boolean; readonly error: JobError }
  /** Never again: a dead letter; the lane goes on, unless the queue was told to hold it. */
  | { readonly outcome: 'dead'; readonly error: JobError }
  /**
   * Not done: it waits in another lane of the queue, at its old place in the order of publishing, so before whatever was
   * published there later and waits still. Due at once, or after `inMs`. Later jobs of this lane go on.
   */
  | { readonly outcome: 'moved'; readonly lane: string; readonly inMs?: number; readonly error?: JobError };

/** How far a call of the outside has come that must not be repeated; `result` is absent for one that gave nothing. */
export type OnceCall = { readonly state: 'begun' } | { readonly state: 'done'; readonly result?: Json };

/** A change of what a bot keeps: the document of a conversation, or a call made by a job. Null: forget it. */
export type StateWrite =
  | { readonly kind: 'conversation'; readonly conversation: string; readonly document: Json | null }
  | { readonly kind: 'call'; readonly job: string; readonly name: string; readonly call: OnceCall | null };

/** What a handler may do besides returning. What it sends and keeps takes effect only if its jobs settle. */
export interface JobContext {
  /** Queues a message to send, in the order of the calls. */
  send(message: OutboundMessage): void;
  /** Has these stored in the transaction that settles the jobs, after those before; of one thing the last counts. */
  keep(write: StateWrite): void;
  /**
   * Stores these now, all or none, in a transaction of their own in which the lane is ours; whatever becomes of the jobs.
   * A send with the id of one that is stored already changes nothing.
   *
   * @throws WahookError `fenced` if the claim is lost: then nothing is stored. `unstorable`, `storage_unavailable`
   */
  commit(effects: {
    readonly sends?: readonly OutboundMessage[];
    readonly writes?: readonly StateWrite[];
  }): Promise<void>;
  /**
   * Waits for `until`; if the process dies meanwhile, that is no interruption of its jobs, as they begin only now. Rejects with what `until` rejects
   * with. @throws WahookError `fenced` if the claim is lost, `storage_unavailable`
   */
  pause(until: Promise<void>): Promise<void>;
  /**
   * False if the lane may have been given away: the last proof that it is ours is older than the lease, by a monotonic clock,
   * as in a process that was frozen. Free of charge; ask right before what cannot be undone, since `signal` is aborted by
   * timers, which a process that goes on serves later. A lane that is still ours settles all the same.
   */
  isHeld(): boolean;
  /** Aborted when the claim on the lane is lost or the process stops for good: what is done after that does not count. */
  readonly signal: AbortSignal;
}

/**
 * Gets one lane's waiting jobs in order, at most `burst` of them, and says what becomes of each (same length and order). A
 * job with interruptions comes alone and paused, so that the next one incriminates no other: call `pause` before it begins.
 * After the first `retry` in the list the rest of the burst stays as it is. A rejection, a lost claim or the death of the
 * process leaves all of them to the next claim, uncounted.
 */
export type JobHandler<Payload> = (
  jobs: readonly Job<Payload>[],
  context: JobContext,
) => Promise<readonly Settlement[]>;

export interface ConsumeOptions {
  /** Lanes handled at once by this process. */
  readonly concurrency: number;
  /** Jobs of one lane handed over together; may depend on the lane. */
  readonly burst: number | ((lane: string) => number);
}

export interface Consumption {
  /**
   * Takes no new job and resolves when the running ones are settled. A handler that rejects because it was told that the time
   * is up leaves its jobs as if they had not been begun. Repeating it is harmless.
   */
  stop(): Promise<void>;
}

/** Jobs of a queue by state, for metrics. */
export interface QueueDepth {
  /** Those behind a dead letter that holds them included. */
  readonly waiting: number;
  readonly dead: number;
  /** Lanes in which nothing runs until a dead letter is redriven or discarded. */
  readonly held: number;
  /** How long the oldest has waited of those that are not held. */
  readonly oldestMs: number;
}

/**
 * Jobs that survive the process, per lane in order, each settled once.
 *
 * Told to hold, the queue hands over nothing of the lane of a dead message that was published after it, until that one is
 * redriven or discarded. The other queues always go on: a status must not wait for a person, nor a reply for another one.
 */
export interface MessageQueue {
  /**
   * Stores the jobs, in order. With the `unit` of a `DedupStore` on the same database they are stored with it: then the
   * caller has made sure that the keys are fresh. Without one the queue sees to it that a key published before is left out.
   * Concurrent calls are safe; jobs of one lane keep the order of the calls if each call waits for the one before.
   *
   * @throws WahookError `storage_unavailable`, or `unstorable` if one of the payloads can never be stored.
   */
  publish<Name extends QueueName>(
    queue: Name,
    jobs: readonly NewJob<QueuePayloads[Name]>[],
    unit?: Unit,
  ): Promise<void>;

  /**
   * Hands waiting jobs to `handler` until stopped. Delivery is at least once, settlement is fenced: if the claim was lost
   * meanwhile (a frozen process, a lost connection), nothing of it counts and the jobs run again. Of any number of consumers
   * in any number of processes at most one has a lane.
   */
  consume<Name extends QueueName>(
    queue: Name,
    handler: JobHandler<QueuePayloads[Name]>,
    options: ConsumeOptions,
  ): Promise<Consumption>;

  depth(queue: QueueName): Promise<QueueDepth>;
}

/** A job that was given up. Holds no content and nobody's number: it may be shown. */
export interface DeadLetter {
  /** Queue and number, e.g. `messages-42`; the same for as long as the job is kept. */
  readonly id: string;
  readonly queue: QueueName;
  /** `error.code`, by which it can be looked for. */
  readonly reason: string;
  readonly error: JobError;
  /** The attempt that was its last, as in `Job`. */
  readonly attempts: number;
  readonly claims: number;
  /** 12 hex digits in place of the lane: the same for all letters of one conversation, others in another installation. */
  readonly conversation: string;
  readonly acceptedAtMs: number;
  readonly diedAtMs: number;
}

/** All that is given must be so; without anything: every dead letter. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[];
  readonly queue?: QueueName;
  readonly reason?: string;
  readonly conversation?: string;
}

export interface DeadLetterCount {
  readonly letters: number;
  /** Lanes that they are from. */
  readonly conversations: number;
}

/** The jobs that were given up, for a person to decide about. */
export interface DeadLetters {
  /** Those that died last first, at most `limit`. @throws WahookError `storage_unavailable` */
  list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]>;

  /**
   * Lets them wait again as if they had never been tried, each at its old place in its lane: before everything that was
   * published after it and waits still. With `perSecond` one after the other becomes due, at that pace and in order; the
   * times are stored, so the pace outlives the caller, and what waits behind one in its lane waits for it. `dryRun`: changes
   * nothing, resolves to what it would have done.
   *
   * Each letter rises once, whoever else calls at the same time; one that is not dead (any more) is left as it is and not
   * counted. A call that fails midway has done the first of them, in order: repeating it does the rest.
   *
   * @throws WahookError `storage_unavailable`
   */
  redrive(
    filter: DeadLetterFilter,
    options?: { readonly perSecond?: number; readonly dryRun?: boolean },
  ): Promise<DeadLetterCount>;

  /** Gives them up for good: kept for the record, never handled nor listed. Under concurrency as `redrive`. */
  discard(filter: DeadLetterFilter, options?: { readonly dryRun?: boolean }): Promise<DeadLetterCount>;
}

/** What became of the messages that we sent. */
export interface SentMessages {
  /**
   * Raises the delivery state of the messages meant, found by `sendId`, else by wamid; never lowers it, so that late,
   * repeated and unordered updates change nothing (`failed` stands until a real delivery). A status with a `sendId` also
   * settles a send whose answer was lost: it becomes `sent` and is not repeated.
   * Resolves to those updates whose message is not known (yet).
   *
   * A `failed` one whose `failure` says so lets its message wait again, at its old place in its lane, to be sent once more; what else
   * comes about the id that failed says nothing any more.
   */
  apply(updates: readonly StatusUpdate[]): Promise<readonly StatusUpdate[]>;

  /**
   * The wamid that a status with this message's send id gives it, be it applied already or accepted and waiting: Meta has the
   * message, whatever became of the answer. Finds what was committed before the call.
   */
  proofOf(message: OutboundMessage): Promise<string | undefined>;

  /** The message with this id of ours, once it is committed. */
  find(sendId: string): Promise<SentMessage | undefined>;
}

export type QuarantineReason =
  | 'not_json'
  | 'not_whatsapp'
  | 'wrong_shape'
  | 'nul_character'
  | 'lone_surrogate'
  | 'too_deep'
  | 'too_many'
  | 'unstorable';

/** A piece of a signed webhook that cannot be handled. */
export interface QuarantinedPiece {
  readonly reason: QuarantineReason;
  /** Where it stood, e.g. `entry[0].changes[0].value.messages[3]`; empty for the whole body. */
  readonly path: string;
  /** The body of a webhook that holds this piece alone, to be decoded again; a whole body as it came. */
  readonly raw: Uint8Array;
}

/** A piece in quarantine, without what it says. */
export interface KeptPiece {
  readonly id: string;
  readonly reason: QuarantineReason;
  readonly path: string;
  /** Length of `raw`. */
  readonly bytes: number;
  readonly keptAtMs: number;
}

export interface QuarantinePage {
  readonly limit: number;
  readonly reason?: QuarantineReason;
  /** Only pieces kept before the one with this id, which need not be there any more. */
  readonly before?: string;
}

/** Keeps what could not be handled, for a person to look at and to replay. All throw WahookError `storage_unavailable`. */
export interface Quarantine {
  /**
   * Stores the pieces. The same reason, path and bytes again are a no-op while the first are there. Ids grow in the order of
   * the pieces, and from call to call if each waits for the one before.
   */
  keep(pieces: readonly QuarantinedPiece[]): Promise<void>;

  /** Newest first. */
  list(page: QuarantinePage): Promise<readonly KeptPiece[]>;

  /** The piece with its bytes; undefined for an id that is not there, or is none. */
  find(id: string): Promise<(KeptPiece & { readonly raw: Uint8Array }) | undefined>;

  /**
   * Removes pieces, and resolves to the ids that were there: of callers with the same id exactly one is told it. With the
   * `unit` of a `DedupStore` beside it (the same database, or both in memory) they are gone if the unit commits and stay if
   * it does not; another caller with such an id waits for that, or is told that it is not there. A unit of another store
   * cannot be joined: then they are gone at once.
   */
  remove(ids: readonly string[], unit?: Unit): Promise<readonly string[]>;
}

/** Meta took the message: accepted, not yet delivered. */
export interface Sent {
  readonly kind: 'sent';
  /** wamid */
  readonly messageId: string;
}

/**
 * Meta did not, or may not, have taken the message. `code` is the Graph error code where there was one, `reason` a sentence
 * for the operator without content.
 *
 * - `retry` certainly not taken; worth trying again after `afterMs`, at most `limit` times if given
 * - `ambiguous` nobody knows: the answer was lost. Resend only after waiting for a status with our send id
 * - `window_closed` the customer service window is over: only a template would do
 * - `rejected` Meta refuses this message for good
 * - `unauthorized` the token, the number or the account is stopped: every message would fail, so none should be burnt
 */
export interface SendFailure {
  readonly kind: 'retry' | 'ambiguous' | 'window_closed' | 'rejected' | 'unauthorized';
  readonly reason: string;
  readonly code?: number;
  readonly afterMs?: number;
  readonly limit?: number;
  /** The wait grows by this factor with each attempt; 2 if absent. */
  readonly growth?: number;
  /** The limit that was exceeded; but for the recipient's it is no failure of the message. */
  readonly exceeded?: SendLimit;
}

/** Whose limit: of messages to one person, of a number of ours, of a business account (WABA), of the app. */
export type SendLimit = 'recipient' | 'number' | 'account' | 'app';

/**
 * Whether a message may go out now.
 *
 * - `go` send it at once: its place is used up. `probe`: the number is stopped, and this one message finds out whether still
 * - `later` nothing was used up; ask again after `inMs`. `because`: the limit that it must wait for
 * - `stopped` the number is stopped; ask again after `inMs`
 */
export type SendPermit =
  | { readonly kind: 'go'; readonly probe: boolean }
  | { readonly kind: 'later'; readonly inMs: number; readonly because: SendLimit }
  | { readonly kind: 'stopped'; readonly inMs: number };

/** Whom a message is from and to: what the limits are about. */
export type Route = Pick<OutboundMessage, 'phoneNumberId' | 'to'>;

/** Meta's limits on sending, kept over all processes that share the store, by its clock. All throw WahookError `storage_unavailable`. */
export interface SendRate {
  /**
   * Asks for a place for one message, in the number's throughput and in what its recipient may get. Waits itself if the place
   * is less than a second away; sooner, with `later`, if `signal` is aborted. A place that is not used is lost. Of any number of
   * concurrent callers, in whatever process, each gets a place of its own.
   */
  reserve(route: Route, signal?: AbortSignal): Promise<SendPermit>;

  /**
   * Meta refused a message with this route because of `limit`: the recipient waits, the number goes at half its pace and
   * recovers within a minute, the account or the app pauses for minutes, longer each time. Several refusals of one moment
   * count once.
   */
  exceeded(route: Route, limit: SendLimit): Promise<void>;

  /** Counts messages of customers to this number, which use up its throughput too. Costs nothing now; told to the others within a second or so. */
  received(phoneNumberId: string, messages: number): void;
}

/** A number of ours that was sent from, or written to. */
export interface SendingNumber {
  readonly phoneNumberId: string;
  /** The share of its pace that it goes at, 1 unless Meta complained of late. */
  readonly pace: number;
  readonly stopped?: {
    readonly error: JobError;
    readonly sinceMs: number;
    /** When one message will be tried; absent: only a person resumes it. */
    readonly probeAtMs?: number;
  };
}

/** Which of our numbers send, over all processes and restarts. All throw WahookError `storage_unavailable`. */
export interface SendingNumbers {
  list(): Promise<readonly SendingNumber[]>;

  /**
   * Nothing is sent from this number any more, but one message now and then to find out, from one process: after 1 minute, then
   * after twice as long each time, up to 15. `byHand`: not even that. True if it was not stopped before; stopping it again
   * keeps the time, so that a probe that fails changes nothing.
   */
  stop(phoneNumberId: string, error: JobError, options?: { readonly byHand?: boolean }): Promise<boolean>;

  /** Lets it send again, at once what waited for it. True if it was stopped. */
  resume(phoneNumberId: string): Promise<boolean>;

  /** Resumes those that were stopped because of an access token which is not the one that they have now. Resolves to their ids. */
  resumeRenewed(): Promise<readonly string[]>;
}

/** Meta's customer service windows: until when a person may be sent what is not a template, by the person's own messages and calls. */
export interface ServiceWindows {
  /**
   * Somebody wrote or called. The window never moves back: what comes late, or again, changes nothing. Costs nothing now; kept
   * within a second or so, so that a process that dies then has told nobody else.
   */
  opened(opening: WindowOpening): void;

  /** When the window with this person closes, or closed; undefined: nothing is known. @throws WahookError `storage_unavailable` */
  closesAtMs(phoneNumberId: string, person: Pick<Customer, 'waId' | 'userId'>): Promise<number | undefined>;
}

/** Sends through Meta's Graph API. */
export interface WhatsAppGateway {
  /**
   * Sends one message, once: a failure in which Meta certainly did not get the request may be repeated inside. Never
   * rejects for anything that Meta or the network does; that is a `SendFailure`. The message has been checked before.
   */
  send(message: OutboundMessage, signal?: AbortSignal): Promise<Sent | SendFailure>;

  /**
   * Tells a customer that their message, and all before it, was read. The same call twice changes nothing, so it is repeated
   * inside if need be. Never rejects for anything that Meta or the network does.
   */
  markRead(receipt: Receipt, signal?: AbortSignal): Promise<Marked | SendFailure>;
}

export interface Receipt {
  readonly phoneNumberId: string;
  /** wamid of a message of the last 30 days. */
  readonly messageId: string;
  /** Shows that an answer is being written, until it comes or for 25 s. */
  readonly typing: boolean;
}

export interface Marked {
  readonly kind: 'marked';
}

/** A file to give to Meta. */
export interface MediaUpload {
  readonly phoneNumberId: string;
  /** With parameters or without, e.g. `audio/ogg; codecs=opus`. */
  readonly mimeType: string;
  readonly filename?: string;
  /** Length of `content`. */
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** What Meta says about a file that it holds. */
export interface MediaInfo {
  readonly id: string;
  readonly mimeType: string;
  readonly bytes: number;
  /** As Meta gives it: base64 or hex. */
  readonly sha256?: string;
}

/** A file that was received in whole. */
export interface DownloadedMedia {
  readonly mimeType: string;
  readonly bytes: number;
  /** Of what was received, in hex. */
  readonly sha256: string;
  /** Whether that is the checksum that Meta gave; absent: it gave none. Meta's is not always right, so this is no error. */
  readonly intact?: boolean;
}

/** A file that Meta holds, and the number of ours that it came to or was uploaded for: whose access token is used. */
export interface HeldMedia {
  readonly phoneNumberId: string;
  readonly id: string;
}

/**
 * The files that Meta holds for us. Each throws WahookError: `invalid_media` where trying again does not help (the file is
 * too large or of a type that Meta does not take, Meta has it no more, its address is not one of Meta's), `media_unavailable`
 * where it may, as when the number is not in the settings: nothing is asked with the token of another one.
 */
export interface MediaStore {
  /**
   * Resolves to the id of the file, which lives 30 days. Type and length are checked before a byte is sent. Called twice it
   * stores two files, of which an unused one costs nothing.
   */
  upload(upload: MediaUpload, signal?: AbortSignal): Promise<string>;

  describe(media: HeldMedia, signal?: AbortSignal): Promise<MediaInfo>;

  /**
   * Hands the file piece by piece to `sink`, waiting for each, and fails once it has more than `maxBytes`. An address of five
   * minutes ago is renewed. If it rejects, what `sink` got is not the file; what `sink` throws is passed on.
   */
  download(
    media: HeldMedia & Pick<Media, 'url' | 'sha256'>,
    sink: (piece: Uint8Array) => void | Promise<void>,
    options: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<DownloadedMedia>;

  /** Repeating it is harmless: a file that is not there any more is `invalid_media`. */
  remove(media: HeldMedia, signal?: AbortSignal): Promise<void>;
}

/** `phoneNumberId`: the number whose access token is used. */
export interface TemplateAccount {
  readonly businessAccountId: string;
  readonly phoneNumberId: string;
}

/** The message templates of our accounts, as Meta has them. */
export interface TemplateSource {
  /** All of an account, whatever their status, in Meta's order. Changes nothing. @throws WahookError `templates_unavailable` */
  list(account: TemplateAccount): Promise<readonly MessageTemplate[]>;
}

/** What a run may ask of Meta right away, past the queue. It happens once per run, whatever becomes of the run. */
export interface Channel {
  readonly gateway: Pick<WhatsAppGateway, 'markRead'>;
  readonly media: MediaStore;
  readonly templates: TemplateSource;
}

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

/** Milliseconds since 1970 by this process. Decisions about leases and retries use the store's clock instead. */
export interface Clock {
  now(): number;
}

/** Fields hold no secret, phone number, wamid or message text. */
export type LogFields = Readonly<Record<string, Json | undefined>>;

/** Calls back later. The service uses `realTimers`; the tests of a bot move time by hand, the clock and these together. */
export interface Timers {
  /** Calls `run` once after `delayMs`, never before it returns; what it returns takes that back, also more than once. */
  after(delayMs: number, run: () => void): () => void;
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Every metric of the service with its labels; `_total` are counters, `_seconds` and `_bytes` histograms. */
export interface MetricLabels {
  readonly webhook_requests_total: {
    readonly outcome: 'accepted' | 'bad_signature' | 'too_large' | 'unsupported_encoding' | 'unavailable' | 'error';
  };
  readonly webhook_accept_duration_seconds: Record<never, never>;
  readonly webhook_body_bytes: Record<never, never>;
  /** `type`: the message's type, the status or `account`; all of them closed sets. */
  readonly webhook_elements_total: { readonly kind: WebhookEvent['kind']; readonly type: string };
  readonly webhook_duplicates_total: { readonly kind: WebhookEvent['kind'] };
  readonly webhook_quarantined_total: { readonly reason: QuarantineReason };
  readonly webhook_delivery_lag_seconds: Record<never, never>;
  readonly dedup_cache_errors_total: Record<never, never>;
  readonly handler_duration_seconds: { readonly outcome: 'ok' | 'failed' | 'timeout' };
  readonly handler_attempts_total: { readonly outcome: 'ok' | 'failed' | 'timeout' };
  readonly dead_letters_total: { readonly queue: QueueName; readonly reason: string };
  readonly fence_rejections_total: { readonly queue: QueueName };
  readonly job_interruptions_total: { readonly queue: QueueName };
  readonly end_to_end_seconds: Record<never, never>;
  readonly graph_requests_total: { readonly outcome: Sent['kind'] | SendFailure['kind']; readonly error_code: string };
  readonly graph_request_duration_seconds: Record<never, never>;
  readonly message_status_total: { readonly status: StatusUpdate['status']; readonly error_code: string };
}

export interface Metrics {
  /** Adds 1 (or `by`) to a counter. */
  count<Name extends keyof MetricLabels & `${string}_total`>(name: Name, labels: MetricLabels[Name], by?: number): void;
  /** Records one value of a histogram, in the unit that its name ends with. */
  observe<Name extends Exclude<keyof MetricLabels, `${string}_total`>>(
    name: Name,
    value: number,
    labels: MetricLabels[Name],
  ): void;
}
