import { type Customer, wamidDigits } from './customers.ts';
import type { JsonObject } from './json.ts';
import { replyButtonsOf } from './screen.ts';
import { SimulatorError } from './simulator-error.ts';
import { messageWebhook } from './webhook-body.ts';
import type { WebhookSender } from './webhook-sender.ts';
import { wireJson } from './wire-json.ts';
import type { InboundRecord, WebhookRecord, World } from './world.ts';

/** A file that a customer sends. */
interface FileContent {
  /** Default: the usual one of the type. */
  readonly mimeType?: string;
  /** The file in base64. Default: a small one. */
  readonly data?: string;
}

const MIME_TYPES = {
  image: 'image/jpeg',
  video: 'video/mp4',
  audio: 'audio/ogg; codecs=opus',
  document: 'application/pdf',
  sticker: 'image/webp',
} as const;

/** What a customer can do in a chat. */
export type CustomerContent =
  | {
      readonly type: 'text';
      readonly text: string;
      /** wamid of the message of the business that is quoted. */
      readonly replyTo?: string;
    }
  | (FileContent & { readonly type: 'image' | 'video'; readonly caption?: string })
  | (FileContent & { readonly type: 'audio'; readonly voice?: boolean })
  | (FileContent & { readonly type: 'document'; readonly caption?: string; readonly filename?: string })
  | (FileContent & { readonly type: 'sticker'; readonly animated?: boolean })
  | {
      readonly type: 'location';
      readonly latitude: number;
      readonly longitude: number;
      readonly name?: string;
      readonly address?: string;
    }
  /** Taps a button of the last interactive message, by its id or its title. */
  | { readonly type: 'tap'; readonly id?: string; readonly title?: string }
  /** An element of `messages[]` as it is; only what it lacks of from, from_user_id, id and timestamp is added. */
  | { readonly type: 'raw'; readonly message: JsonObject };

/** Turns what customers do into signed webhooks. */
export class CustomerMessages {
  readonly #world: World;
  readonly #sender: WebhookSender;

  constructor(world: World, sender: WebhookSender) {
    this.#world = world;
    this.#sender = sender;
  }

  /** @throws SimulatorError `unknown_customer`, `nothing_to_tap` or `no_webhook_url` */
  send(
    customerId: string,
    content: CustomerContent,
  ): { readonly record: InboundRecord; readonly webhook: WebhookRecord } {
    const customer = this.#world.customers.get(customerId);
    this.#sender.requireUrl();
    const message: JsonObject = {
      ...this.#contextOf(customer, content),
      ...(customer.waId === undefined ? {} : { from: customer.waId }),
      from_user_id: customer.userId,
      id: this.#world.ids.inboundWamid(wamidDigits(customer)),
      timestamp: String(Math.floor(this.#world.clock.now() / 1000)),
      ...this.#body(customer, content),
    };
    const type = String(message['type']);
    const record = this.#world.addInbound(customer, type, message, String(message['id']));
    const body = wireJson(messageWebhook(this.#world.business, customer, message));
    const webhook = this.#sender.send(body, { kind: 'message', customer: customer.id, type });
    return { record, webhook };
  }

  /** `type` and the object of that name. */
  #body(customer: Customer, content: CustomerContent): JsonObject {
    switch (content.type) {
      case 'text':
        return { type: 'text', text: { body: content.text } };
      case 'image':
      case 'video':
      case 'audio':
      case 'document':
      case 'sticker':
        return { type: content.type, [content.type]: this.#file(content) };
      case 'location': {
        const { type, ...place } = content;
        return { type, location: place };
      }
      case 'tap': {
        const { reply } = this.#tapped(customer, content);
        return { type: 'interactive', interactive: { type: 'button_reply', button_reply: reply } };
      }
      case 'raw':
        return content.message;
    }
  }

  /** With an address, as Meta has sent since November 2025; behind it, and behind the id, is the file. */
  #file(content: Extract<CustomerContent, FileContent & { readonly type: keyof typeof MIME_TYPES }>): JsonObject {
    const { type, data, mimeType = MIME_TYPES[type], ...rest } = content;
    const bytes = data === undefined ? Buffer.from(`a ${type} of the simulator`) : Buffer.from(data, 'base64');
    const { id, sha256 } = this.#world.media.put('webhook', mimeType, bytes);
    const url = `${this.#world.origin}${this.#world.media.pathOf(id, 'webhook')}`;
    const said = type === 'audio' ? { voice: false } : type === 'sticker' ? { animated: false } : {};
    return { ...said, ...rest, mime_type: mimeType, sha256, id, url };
  }

  #contextOf(customer: Customer, content: CustomerContent): JsonObject {
    const quoted =
      content.type === 'tap'
        ? this.#tapped(customer, content).wamid
        : content.type === 'text'
          ? content.replyTo
          : undefined;
    return quoted === undefined ? {} : { context: { from: this.#world.business.displayPhoneNumber, id: quoted } };
  }

  #tapped(
    customer: Customer,
    { id, title }: Extract<CustomerContent, { type: 'tap' }>,
  ): { readonly wamid: string; readonly reply: { readonly id: string; readonly title: string } } {
    const shown = this.#world.lastInteractiveTo(customer.id);
    const buttons = shown ? replyButtonsOf(shown.request) : [];
    const reply = buttons.find((button) => (id === undefined ? button.title === title : button.id === id));
    if (shown && reply) return { wamid: shown.wamid, reply };
    const titles = buttons.map((button) => `${button.title} (${button.id})`).join(', ');
    throw new SimulatorError(
      'nothing_to_tap',
      `No button ${id ?? title} in the last interactive message to ${customer.id}. Tappable: ${titles || 'nothing'}.`,
    );
  }
}
