import type { Customer, OutboundMessage, SentMessage, StatusUpdate } from '../model.ts';
import type { WindowOpening } from '../service-window.ts';
import type { JobError } from './queue.ts';

/** What became of the messages that we sent. */
export interface SentMessages {
  /**
   * Raises the delivery state of the messages meant, found by `sendId`, else by wamid; never lowers it, so that late,
   * repeated and unordered updates change nothing (`failed` stands until a real delivery). A status with a `sendId` also
   * settles a send whose answer was lost: it becomes `sent` and is not repeated.
   * Resolves to those updates whose message is not known (yet). What they say is kept for `UNMATCHED_DAYS` and joined when a message gets
   * that wamid, because its send is settled or because a status with its send id proves it: with the same result as if it had been
   * known from the first; at once, or within the hour if the status is stored in the very moment in which the message gets its wamid.
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

  /** The same as it was queued, for as long as it is kept. */
  queued(sendId: string): Promise<OutboundMessage | undefined>;
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
 * - `go` send it at once: its place is used up. `probe`: the number is stopped, and this one message finds out whether still; if so,
 *   it is time for the next probe after `nextInMs`
 * - `later` nothing was used up; ask again after `inMs`. `because`: the limit that it must wait for
 * - `stopped` the number is stopped; ask again after `inMs`
 */
export type SendPermit =
  | { readonly kind: 'go'; readonly probe: false }
  | { readonly kind: 'go'; readonly probe: true; readonly nextInMs: number }
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
   * rejects for anything that Meta or the network does; that is a `SendFailure`. The message has been
   * checked before; one that cannot be written all the same is `rejected`.
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
