/**
 * What the service talks about. All of it is JSON-safe (no Date, no class), because it is stored and read back; adapters
 * hand out copies. Keys are ours (camelCase); values that a reader would look up in Meta's documentation, such as
 * `button_reply` or `user_changed_number`, keep Meta's spelling.
 */

import type { Json } from './json.ts';
import type { Fallback, OutboundContent } from './outbound-content.ts';

export type { Json } from './json.ts';

/** Identifies one element (message, status, account event) however often and in whatever batch Meta repeats it. */
export interface EventKey {
  /** Unique text, e.g. `m|106540352242922|wamid.HBg…`. Contains ids of people: never log it. */
  readonly id: string;
  /** Day of the element's own timestamp, in days since 1970-01-01 UTC; the same in every redelivery. 0: it has none. */
  readonly day: number;
}

/** A person as Meta shows them. Since 2026 a person may come without a phone number: then `userId` is all there is. */
export interface Customer {
  /** WhatsApp id: digits of the phone number, without `+`. */
  readonly waId?: string;
  /** Business-scoped user id (BSUID), e.g. `US.1349…`: opaque, unique per person and business portfolio. */
  readonly userId?: string;
  readonly parentUserId?: string;
  readonly name?: string;
  readonly username?: string;
}

/** An error as Meta reports it inside a webhook. */
export interface ReportedError {
  readonly code: number;
  readonly title?: string;
  readonly details?: string;
}

interface EventBase {
  /** Id of the WhatsApp Business Account (`entry[].id`). */
  readonly businessAccountId: string;
}

/** A file that Meta holds for us. `url` needs the access token and lives 5 minutes. */
export interface Media {
  readonly id: string;
  readonly mimeType?: string;
  /** SHA-256 of the file as Meta gives it: base64, in history webhooks hex. */
  readonly sha256?: string;
  readonly url?: string;
}

export interface SharedContact {
  readonly formattedName?: string;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly phones: readonly { readonly phone?: string; readonly waId?: string; readonly type?: string }[];
  /** The whole card as Meta sent it: emails, addresses, organisation, birthday, vcard. */
  readonly card: Json;
}

export type InteractiveReply =
  | { readonly kind: 'button_reply'; readonly id: string; readonly title: string }
  | { readonly kind: 'list_reply'; readonly id: string; readonly title: string; readonly description?: string }
  | {
      readonly kind: 'nfm_reply';
      /** `flow` or `address_message`. */
      readonly name?: string;
      readonly body?: string;
      /** Meta's JSON text, as it came. */
      readonly responseJson: string;
      /** The same, parsed; absent when it is not JSON. */
      readonly response?: Json;
    }
  | {
      readonly kind: 'call_permission_reply';
      readonly response: string;
      readonly expiresAtMs?: number;
      readonly isPermanent?: boolean;
      readonly responseSource?: string;
    }
  | { readonly kind: 'product'; readonly value: Json }
  /** A reply kind that this version does not know, or none at all. `reported` is Meta's word for it. */
  | { readonly kind: 'unknown'; readonly reported?: string; readonly value: Json };

interface OrderItem {
  readonly productRetailerId: string;
  readonly quantity: number;
  readonly itemPrice: number;
  readonly currency: string;
}

/** What a message says, told apart by `type`. */
export type MessageContent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly media: Media; readonly caption?: string }
  | { readonly type: 'video'; readonly media: Media; readonly caption?: string }
  /** `voice`: recorded in WhatsApp (a voice note), not an attached file. */
  | { readonly type: 'audio'; readonly media: Media; readonly voice: boolean }
  /** `filename` is chosen by the customer: never use it as a path. */
  | { readonly type: 'document'; readonly media: Media; readonly caption?: string; readonly filename?: string }
  | { readonly type: 'sticker'; readonly media: Media; readonly animated: boolean }
  | {
      readonly type: 'location';
      readonly latitude: number;
      readonly longitude: number;
      readonly name?: string;
      readonly address?: string;
      readonly url?: string;
    }
  | { readonly type: 'contacts'; readonly contacts: readonly SharedContact[]; readonly origin?: string }
  /** `emoji` absent: the customer took the reaction back. */
  | { readonly type: 'reaction'; readonly messageId: string; readonly emoji?: string }
  | { readonly type: 'interactive'; readonly reply: InteractiveReply }
  /** A tap on a quick reply of a template. */
  | { readonly type: 'button'; readonly payload?: string; readonly text: string }
  | {
      readonly type: 'order';
      readonly catalogId: string;
      readonly text?: string;
      readonly items: readonly OrderItem[];
    }
  /** `change`: Meta's word, e.g. `user_changed_number`, `user_changed_user_id`, `customer_changed_number`. */
  | {
      readonly type: 'system';
      readonly change: string;
      readonly body?: string;
      readonly newWaId?: string;
      readonly previousUserId?: string;
      readonly value: Json;
    }
  | { readonly type: 'edit'; readonly originalMessageId: string; readonly edited: Json }
  | { readonly type: 'revoke'; readonly originalMessageId: string }
  /** Meta itself says that the API cannot show this message; `reported` names what it was, where Meta says it. */
  | { readonly type: 'unsupported'; readonly reported?: string }
  /** A type that this version does not know; `raw` is the whole message as Meta sent it. */
  | { readonly type: 'unknown'; readonly reported?: string; readonly raw: Json };

export type MessageType = MessageContent['type'];

/** What an inbound message answers or forwards. */
export interface MessageContext {
  readonly messageId?: string;
  readonly from?: string;
  /** Forwarded: up to five times `once`, more often `frequently`. */
  readonly forwarded?: 'once' | 'frequently';
  readonly product?: { readonly catalogId: string; readonly productRetailerId: string };
}

/** The ad or post that brought the customer here. */
export interface Referral {
  readonly sourceType?: string;
  readonly sourceId?: string;
  readonly sourceUrl?: string;
  readonly headline?: string;
  readonly body?: string;
  readonly clickId?: string;
  /** The whole referral as Meta sent it. */
  readonly value: Json;
}

/** A customer's message to one of our numbers. */
export type InboundMessage = MessageContent &
  EventBase & {
    readonly kind: 'message';
    /** wamid: opaque, may hold the customer's number. */
    readonly id: string;
    readonly phoneNumberId: string;
    readonly displayPhoneNumber?: string;
    readonly customer: Customer;
    readonly groupId?: string;
    /** Meta's timestamp of the message, in ms since 1970; a late redelivery keeps it. */
    readonly sentAtMs: number;
    readonly context?: MessageContext;
    readonly referral?: Referral;
    readonly errors?: readonly ReportedError[];
  };

/** sent < delivered < read < played; `failed` stands beside them; `unknown`: a word this version does not know. */
export type DeliveryStatus = 'sent' | 'delivered' | 'read' | 'played' | 'failed' | 'unknown';

/**
 * What Meta's error code says about a message that was certainly not delivered.
 *
 * - `transient` worth another try, soon
 * - `later` worth another try in minutes to days, or once a person has done something
 * - `another_way` not as it is: as a template, to the phone number, through another call
 * - `stop` no message would go: the token, the number or the account must be mended
 * - `never` this message will be refused again; so is every code that this version does not know
 */
export type FailureClass = 'transient' | 'later' | 'another_way' | 'stop' | 'never';

/** What a `failed` status means. */
export interface DeliveryFailure {
  readonly kind: FailureClass;
  /**
   * It is sent again as it is, at most so often and after so long: Meta says that it was not delivered and that it may go later.
   * `only`: if its file is given by a link.
   */
  readonly resend?: { readonly afterMs: number; readonly limit: number; readonly only?: 'link' };
}

/** What became of a message that we sent. */
export interface StatusUpdate extends EventBase {
  readonly kind: 'status';
  readonly status: DeliveryStatus;
  /** Meta's own word, e.g. `deleted`, `captured`. */
  readonly reported: string;
  /** wamid of the message that we sent. */
  readonly messageId: string;
  readonly phoneNumberId: string;
  readonly recipient: Customer;
  readonly groupId?: string;
  /** In groups: whose status this is. */
  readonly participantId?: string;
  readonly occurredAtMs: number;
  /** Our own id of the send, as it came back in `biz_opaque_callback_data`. */
  readonly sendId?: string;
  readonly errors?: readonly ReportedError[];
  /** With `failed`, by the code of the first error. */
  readonly failure?: DeliveryFailure;
  readonly pricing?: Json;
  readonly payment?: Json;
}

/** Every other webhook field: account, template, call, group, echo, history … `value` is Meta's, untouched. */
export interface AccountEvent extends EventBase {
  readonly kind: 'account';
  /** Meta's field name, e.g. `message_template_status_update`. */
  readonly field: string;
  readonly phoneNumberId?: string;
  readonly occurredAtMs?: number;
  /** A call that a customer began. */
  readonly call?: { readonly customer: Customer; readonly openedAtMs: number };
  readonly value: Json;
}

export type WebhookEvent = InboundMessage | StatusUpdate | AccountEvent;

/** Whom to write to: `waId` goes before `userId`; a group alone by its id. */
export interface Recipient {
  readonly waId?: string;
  readonly userId?: string;
  readonly groupId?: string;
}

/** A message that we want to send. */
export interface OutboundMessage {
  /** Our id of this send (a UUID): travels in `biz_opaque_callback_data` and comes back in its statuses. */
  readonly sendId: string;
  readonly phoneNumberId: string;
  readonly to: Recipient;
  readonly content: OutboundContent;
  /** wamid of the message that this one quotes. */
  readonly replyTo?: string;
  /** When the event was accepted that this message answers, in ms since 1970. */
  readonly causedAtMs?: number;
  /** When the customer wrote the message that this one answers, by Meta's timestamp: its window is open 24 hours from then. */
  readonly openedAtMs?: number;
  /** What goes out instead if the customer service window is closed; absent: then it is given up. */
  readonly fallback?: Fallback;
}

/** How far a message that we sent has come. */
export interface SentMessage {
  readonly sendId: string;
  /** `waiting` to be sent (again), `unsettled`: Meta may have it, `sent`: Meta accepted it, `dead`: given up. */
  readonly state: 'waiting' | 'unsettled' | 'sent' | 'dead';
  readonly messageId?: string;
  /** Highest status so far; absent until the first one. */
  readonly delivery?: Exclude<DeliveryStatus, 'unknown'>;
  /** Meta's reason in a `failed` status. */
  readonly error?: ReportedError;
  /** Why it was given up, if it is dead: a code as in `JobError`, e.g. `graph_131047`, and a sentence without content. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/**
 * The conversation that a message belongs to: our number plus the group, else the person. BSUID before wa_id, because
 * the number of a person may be hidden or change.
 */
export function conversationOf(phoneNumberId: string, groupId: string | undefined, person: Customer): string {
  return `${phoneNumberId}|${groupId ?? person.userId ?? person.waId ?? ''}`;
}
