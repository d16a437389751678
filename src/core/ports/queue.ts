import type { AccountEvent, EventKey, InboundMessage, OutboundMessage, StatusUpdate } from '../model.ts';
import type { StateWrite } from './bot.ts';
import type { Unit } from './receiving.ts';

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

/** What a handler may do besides returning. What it sends and keeps takes effect only if its jobs settle. */
export interface JobContext {
  /** Queues a message to send, in the order of the calls. */
  send(message: OutboundMessage): void;
  /** Has these stored in the transaction that settles the jobs, after those before; of one thing the last counts. */
  keep(write: StateWrite): void;
  /**
   * Stores these now, all or none, in a transaction of their own in which the lane is ours; whatever becomes of the jobs. One
   * after the other in the order of the calls, and before the jobs settle, whether the handler waits for them or not.
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
