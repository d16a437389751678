import {
  type AccountEvent,
  type Customer,
  conversationOf,
  type InboundMessage,
  type StatusUpdate,
  type WebhookEvent,
} from '../core/model.ts';
import type { HandlerRun, Log } from '../core/ports.ts';
import { type Reply, replyTo, type Send, sendFrom } from './reply.ts';

interface RunContext {
  /** Writes into the service's log. Never log a phone number, a wamid or what a customer wrote. */
  readonly log: Log;
  /** Aborted when the time limit is over or the work was taken away. Pass it to `fetch` and the like. */
  readonly signal: AbortSignal;
  /** 1 for the first run over this event, 2 after the first failure, … */
  readonly attempt: number;
}

/** What a handler gets for a message of a customer. */
export interface MessageHandlerContext<Message extends InboundMessage = InboundMessage> extends RunContext {
  readonly message: Message;
  readonly customer: Customer;
  /** The same for every message of this conversation, with or without a phone number: the key to keep state under. */
  readonly conversation: string;
  /** The text of a text message. */
  readonly text: TextOf<Message>;
  readonly reply: Reply;
  /** To others than the one who wrote, from the same number. */
  readonly send: Send;
  /** Puts one emoji on the message, as a message of its own. As every reply it is sent only if the handler succeeds. */
  react(emoji: string): Promise<void>;
  /** Takes that back. */
  unreact(): Promise<void>;
}

type TextOf<Message> = Message extends { readonly type: 'text' } ? string : undefined;

/** What a handler gets for a delivery status of a message that we sent. */
export interface StatusHandlerContext<Status extends StatusUpdate = StatusUpdate> extends RunContext {
  readonly status: Status;
}

/** What a handler gets for any other webhook field. */
export interface AccountHandlerContext<Account extends AccountEvent = AccountEvent> extends RunContext {
  readonly account: Account;
}

/** Added where the pattern is a regular expression. */
export interface Matched {
  readonly match: RegExpExecArray;
}

/** The context that fits an event. In brackets, so that a union of messages gives one context and not a union of them. */
export type ContextFor<Event> = [Event] extends [InboundMessage]
  ? MessageHandlerContext<Event>
  : [Event] extends [StatusUpdate]
    ? StatusHandlerContext<Event>
    : [Event] extends [AccountEvent]
      ? AccountHandlerContext<Event>
      : never;

export function contextFor<Event extends WebhookEvent>(event: Event, run: HandlerRun): ContextFor<Event> {
  // The compiler cannot follow a conditional type into the branches of `anyContext`; the event's own `kind` decides both.
  return anyContext(event, run) as ContextFor<Event>;
}

function anyContext(
  event: WebhookEvent,
  run: HandlerRun,
): MessageHandlerContext | StatusHandlerContext | AccountHandlerContext {
  const common: RunContext = { log: run.log, signal: run.signal, attempt: run.attempt };
  switch (event.kind) {
    case 'message': {
      const reply = replyTo(event, (message) => run.send(message));
      return {
        ...common,
        message: event,
        customer: event.customer,
        conversation: conversationOf(event.phoneNumberId, event.groupId, event.customer),
        text: event.type === 'text' ? event.text : undefined,
        reply,
        send: sendFrom(event.phoneNumberId, (message) => run.send(message)),
        react: (emoji) => reply.reaction(event.id, emoji),
        unreact: () => reply.noReaction(event.id),
      };
    }
    case 'status':
      return { ...common, status: event };
    case 'account':
      return { ...common, account: event };
  }
}
