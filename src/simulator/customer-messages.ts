import { type Customer, wamidDigits } from './customers.ts';
import type { JsonObject } from './json.ts';
import { replyButtonsOf } from './screen.ts';
import { SimulatorError } from './simulator-error.ts';
import { messageWebhook } from './webhook-body.ts';
import type { WebhookSender } from './webhook-sender.ts';
import { wireJson } from './wire-json.ts';
import type { InboundRecord, WebhookRecord, World } from './world.ts';

/** What a customer can do in a chat. */
export type CustomerContent =
  | {
      readonly type: 'text';
      readonly text: string;
      /** wamid of the message of the business that is quoted. */
      readonly replyTo?: string;
    }
  | { readonly type: 'image'; readonly caption?: string; readonly mimeType?: string }
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
        return { type: 'image', image: this.#image(content) };
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

  /** Without `url`, which Meta does not always send either: there are no bytes behind it. */
  #image({ caption, mimeType }: Extract<CustomerContent, { type: 'image' }>): JsonObject {
    return {
      ...(caption === undefined ? {} : { caption }),
      mime_type: mimeType ?? 'image/jpeg',
      sha256: this.#world.ids.mediaHash(),
      id: this.#world.ids.mediaId(),
    };
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
