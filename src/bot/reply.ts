import { checkOutbound } from '../core/message-limits.ts';
import type { InboundMessage, Json, OutboundContent, OutboundMessage, Recipient, ReplyButton } from '../core/model.ts';

export interface ReplyOptions {
  /** Shows the customer's message above the answer. Meta shows none above a template. */
  readonly quote?: boolean;
}

/**
 * Answers one message, in its group if it came from one, else to the customer.
 *
 * Every method checks Meta's limits and queues the answer before it returns: a forgotten `await` loses nothing, and a wrong
 * message throws right at its line. Answers are sent in the order of the calls, and only if the handler succeeds; the
 * promise resolves when the answer is queued, not when it is sent.
 *
 * Every method throws `WahookError`: `invalid_message` for a message that breaks a limit of Meta's, `fenced` when the
 * handler is over already or was aborted.
 */
export class Reply {
  readonly #message: InboundMessage;
  readonly #send: (message: OutboundMessage) => void;

  constructor(message: InboundMessage, send: (message: OutboundMessage) => void) {
    this.#message = message;
    this.#send = send;
  }

  /** `previewUrl`: WhatsApp shows a preview of the first link in the text. */
  text(text: string, options: ReplyOptions & { readonly previewUrl?: boolean } = {}): Promise<void> {
    const { quote, ...content } = options;
    return this.#queue({ ...content, type: 'text', text }, quote);
  }

  /** `link`: a public https address, from which Meta fetches the image. */
  image(link: string, options: ReplyOptions & { readonly caption?: string } = {}): Promise<void> {
    const { quote, ...content } = options;
    return this.#queue({ ...content, type: 'image', link }, quote);
  }

  /**
   * The one answer that Meta takes when the customer's last message is more than 24 hours old. `components` is Meta's array
   * of that name, passed on as it is.
   */
  template(name: string, language: string, components?: readonly Json[], options: ReplyOptions = {}): Promise<void> {
    return this.#queue({ type: 'template', name, language, ...(components && { components }) }, options.quote);
  }

  /** Up to three buttons under a text. A tap comes back to `bot.onButton(id, …)`. */
  buttons(
    text: string,
    buttons: readonly ReplyButton[],
    options: ReplyOptions & { readonly header?: string; readonly footer?: string } = {},
  ): Promise<void> {
    const { quote, ...content } = options;
    return this.#queue({ ...content, type: 'buttons', text, buttons }, quote);
  }

  /** Not `async`: an error must reach the handler even if nobody awaits the promise. */
  #queue(content: OutboundContent, quote = false): Promise<void> {
    const message: OutboundMessage = {
      sendId: crypto.randomUUID(),
      phoneNumberId: this.#message.phoneNumberId,
      to: recipientOf(this.#message),
      // A copy: what is sent is what was checked here, whatever the bot does with its objects afterwards.
      content: structuredClone(content),
      ...(quote && { replyTo: this.#message.id }),
    };
    checkOutbound(message);
    this.#send(message);
    return Promise.resolve();
  }
}

function recipientOf({ groupId, customer: { waId, userId } }: InboundMessage): Recipient {
  if (groupId !== undefined) return { groupId };
  return { ...(waId !== undefined && { waId }), ...(userId !== undefined && { userId }) };
}
