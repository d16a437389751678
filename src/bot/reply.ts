import { checkOutbound } from '../core/message-limits.ts';
import type { InboundMessage, OutboundMessage, Recipient } from '../core/model.ts';
import type { Fallback } from '../core/outbound-content.ts';
import { type FreeForm, Messages } from './messages.ts';
import type { SentReply } from './sent-reply.ts';

/** `quote`: true shows the customer's message above the answer, a text the message with that id. */
export type ReplyOptions = FreeForm<boolean | string>;

/** Answers one message, in its group if it came from one, else to the customer. */
export type Reply = Messages<boolean | string>;

/** Messages to others than the one who wrote, from the same number. */
export interface Send {
  /** @throws WahookError `invalid_message` at the call that says what, if it is no recipient */
  to(recipient: Recipient): Messages;
}

/** Queues a message under an id of its own. */
type Enqueue = (message: Omit<OutboundMessage, 'sendId'>) => SentReply;

export function replyTo(message: InboundMessage, enqueue: Enqueue): Reply {
  const to = recipientOf(message);
  return new Messages((content, { quote = false, fallback }) => {
    const quoted = quote === true ? message.id : quote || undefined;
    return queue({ phoneNumberId: message.phoneNumberId, to, content, replyTo: quoted, fallback }, enqueue);
  });
}

export function sendFrom(phoneNumberId: string, enqueue: Enqueue): Send {
  return {
    to: (recipient) =>
      new Messages((content, { quote, fallback }) =>
        queue({ phoneNumberId, to: recipient, content, replyTo: quote, fallback }, enqueue),
      ),
  };
}

interface Unsent extends Pick<OutboundMessage, 'phoneNumberId' | 'to' | 'content'> {
  readonly replyTo: string | undefined;
  readonly fallback: Fallback | undefined;
}

/** The one way of every message into the queue. Not `async`: an error must reach the handler even if nobody awaits it. */
function queue({ phoneNumberId, to, content, replyTo, fallback }: Unsent, enqueue: Enqueue): Promise<SentReply> {
  const message: Omit<OutboundMessage, 'sendId'> = {
    phoneNumberId,
    // Copies: what is sent is what was checked here, whatever the bot does with its objects afterwards.
    to: structuredClone(to),
    content: structuredClone(content),
    ...(replyTo !== undefined && { replyTo }),
    ...(fallback !== undefined && { fallback: structuredClone(fallback) }),
  };
  checkOutbound(message);
  return Promise.resolve(enqueue(message));
}

function recipientOf({ groupId, customer: { waId, userId } }: InboundMessage): Recipient {
  if (groupId !== undefined) return { groupId };
  return { ...(waId !== undefined && { waId }), ...(userId !== undefined && { userId }) };
}
