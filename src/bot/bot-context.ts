import type {
  AccountEvent,
  Customer,
  InboundMessage,
  InteractiveReply,
  Json,
  Media,
  StatusUpdate,
  WebhookEvent,
} from '../core/model.ts';
import type { Fallback } from '../core/outbound-content.ts';
import type { Log } from '../core/ports/observation.ts';
import type { Session } from './conversation.ts';
import type { Duration } from './duration.ts';
import type { MessageTemplates } from './message-templates.ts';
import type { OnceOptions } from './once-calls.ts';
import type { ReceivedMedia } from './received-media.ts';
import type { Reply, Send } from './reply.ts';
import type { SentReply } from './sent-reply.ts';
import type { MediaFile } from './upload-media.ts';

interface RunContext {
  /** Writes into the service's log, with the job and the attempt. Never log a phone number, a wamid or what a customer wrote. */
  readonly log: Log;
  /** Aborted when the time limit is over or the work was taken away. Pass it to `fetch` and the like. */
  readonly signal: AbortSignal;
  /** 1 for the first run over this event, 2 after the first failure, … */
  readonly attempt: number;
  /** 32 hex digits, the same in every run over this event and of no other: for what knows a repetition by such a key. */
  readonly idempotencyKey: string;
  /** What Meta sent, where the event has it as it came: an `unknown` message, the `value` of an account event. */
  readonly raw: Json | undefined;
  /** Our number that this is about; an account event may be about none. */
  readonly number: { readonly phoneNumberId?: string; readonly displayPhoneNumber?: string };

  /**
   * A call of the outside that is not repeated when the event is handled again: what `make` resolves to is stored at once,
   * as JSON (at most 64 kB), and given back by the next runs. If it rejects nothing is stored. A run that ends between the call
   * and the storing leaves no trace of the call: see `ifInterrupted`.
   *
   * @param key tells the calls of one handler apart, 1 to 200 characters
   * @throws what `make` throws; `InterruptedCall`; `PermanentError` if the result cannot be stored
   */
  once<Result>(key: string, make: () => Result | Promise<Result>, options?: OnceOptions): Promise<Result>;

  /**
   * Has the event come again after so long, without counting a failure; later ones of its conversation wait. Replies and
   * changes of the session in this run do not count, before and after this call. The last call counts.
   */
  defer(time: Duration): void;

  /** Hands on to the next handler that fits, at last to `onUnhandled`; nothing happens if there is none. Once a handler. */
  next(): Promise<void>;
}

export interface AskOptions {
  /** An answer that the customer sends later than this is an ordinary message. */
  readonly timeout?: Duration;
  /** Goes out in place of the question if the window is closed by then, as with a reply. */
  readonly fallback?: Fallback;
}

/** Meta takes everything from us until `closesAt`, then only templates. */
export interface ServiceWindow {
  readonly open: boolean;
  readonly closesAt: Date;
}

/** The window that this message opened; a later message or call prolongs it. */
export interface MessageWindow extends ServiceWindow {
  /**
   * With what the service knows of later ones: asks the store, so call it only where `open` is not enough. In a group it tells
   * the same as the message. @throws WahookError `storage_unavailable`
   */
  latest(): Promise<ServiceWindow>;
}

/** What a handler gets for a message of a customer. */
export interface MessageHandlerContext<Message extends InboundMessage = InboundMessage, State = unknown>
  extends RunContext {
  readonly kind: 'message';
  readonly message: Message;
  /** All that this run is about, in order: more than one if the bot wants bursts. */
  readonly messages: readonly InboundMessage[];
  readonly customer: Customer;
  readonly number: { readonly phoneNumberId: string; readonly displayPhoneNumber?: string };
  /** The same for every message of this conversation, with or without a phone number: the key to keep state under. */
  readonly conversation: string;
  /** The text of a text message; of a burst all its texts, one a line. */
  readonly text: TextOf<Message>;
  readonly window: MessageWindow;
  readonly reply: Reply;
  /** To others than the one who wrote, from the same number. */
  readonly send: Send;
  /** Puts one emoji on the message, as a message of its own. As every reply it is sent only if the handler succeeds. */
  react(emoji: string): Promise<SentReply>;
  /** Takes that back. */
  unreact(): Promise<SentReply>;
  /** Shows the customer at once that the message, and all before it, was read. Never fails the handler: a failure is logged. */
  markRead(): Promise<void>;
  /** The same, and that an answer is being written: until it comes, or for 25 s. */
  typing(): Promise<void>;
  /** The file of the message, where its type has one. */
  readonly media: MediaOf<Message>;
  /**
   * Gives Meta a file, at once, and resolves to its id, to be sent as `{ id }` within 30 days. Called again by a handler that
   * runs again it makes one more, which costs nothing. @throws WahookError `invalid_media`, `media_unavailable`
   */
  uploadMedia(file: MediaFile): Promise<string>;

  /** The templates of the account that the message came to: what there is, what it needs, and a reply that was checked against it. */
  readonly templates: MessageTemplates;

  readonly session: Session<State>;

  /**
   * Has the next message of this conversation go to `bot.onAnswer(name, …)`, before all other handlers, and asks `question` if
   * one is given. One question waits at a time: the last. Kept if the run succeeds.
   *
   * @throws WahookError `invalid_bot` if there is no `onAnswer` of that name
   */
  ask(name: string, question?: string, options?: AskOptions): Promise<SentReply | undefined>;
  /** No question waits any more. */
  cancelAsk(): void;
}

type MediaOf<Message> = Message extends { readonly media: Media } ? ReceivedMedia : undefined;

type TextOf<Message> = Message extends { readonly type: 'text' } ? string : undefined;

/** What a handler gets for a delivery status of a message that we sent. */
export interface StatusHandlerContext<Status extends StatusUpdate = StatusUpdate> extends RunContext {
  readonly kind: 'status';
  readonly status: Status;
  readonly number: { readonly phoneNumberId: string };
}

/** What a handler gets for any other webhook field. */
export interface AccountHandlerContext<Account extends AccountEvent = AccountEvent> extends RunContext {
  readonly kind: 'account';
  readonly account: Account;
}

/** Told apart by `kind`. */
export type AnyContext<State = unknown> =
  | MessageHandlerContext<InboundMessage, State>
  | StatusHandlerContext
  | AccountHandlerContext;

/** Added where the pattern is a regular expression. */
export interface Matched {
  readonly match: RegExpExecArray;
}

/** Added where a flow's answer was checked. */
export interface Checked<Data> {
  readonly data: Data;
}

export type FlowReply = Extract<InteractiveReply, { readonly kind: 'nfm_reply' }>;

/** The context that fits an event: of several messages one context with their union, of several kinds a union of contexts. */
export type ContextFor<Event, State = unknown> =
  | (Extract<Event, InboundMessage> extends infer Message
      ? [Message] extends [never]
        ? never
        : [Message] extends [InboundMessage]
          ? MessageHandlerContext<Message, State>
          : never
      : never)
  | ([Extract<Event, StatusUpdate>] extends [never] ? never : StatusHandlerContext<Extract<Event, StatusUpdate>>)
  | ([Extract<Event, AccountEvent>] extends [never] ? never : AccountHandlerContext<Extract<Event, AccountEvent>>);

/** What Meta sent, where the model keeps it. */
export function rawOf(event: WebhookEvent): Json | undefined {
  if (event.kind === 'account') return event.value;
  return event.kind === 'message' && event.type === 'unknown' ? event.raw : undefined;
}
