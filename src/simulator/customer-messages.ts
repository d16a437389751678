import { type Customer, wamidDigits } from './customers.ts';
import type { JsonObject } from './json.ts';
import { type ListRow, listRowsOf, replyButtonsOf } from './screen.ts';
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
  | { readonly type: 'contacts'; readonly contacts: readonly { readonly name: string; readonly phone: string }[] }
  /** Without an emoji a reaction is taken back. */
  | { readonly type: 'reaction'; readonly messageId: string; readonly emoji?: string }
  /** A text of the customer's own becomes another one. */
  | { readonly type: 'edit'; readonly messageId: string; readonly text: string }
  | {
      readonly type: 'location';
      readonly latitude: number;
      readonly longitude: number;
      readonly name?: string;
      readonly address?: string;
    }
  /** Taps a button of the last interactive message, by its id or its title. */
  | { readonly type: 'tap'; readonly id?: string; readonly title?: string }
  /** Picks a row of the last interactive message, a list, by its id or its title. */
  | { readonly type: 'pick'; readonly id?: string; readonly title?: string }
  /** What Meta tells when a customer has a new number; the customer has it already. */
  | { readonly type: 'changed_number'; readonly previousWaId: string }
  /**
   * An element of `messages[]` as it is; only what it lacks of from, from_user_id, id and timestamp is added. With the address of
   * somebody else it is theirs.
   */
  | { readonly type: 'raw'; readonly message: JsonObject };

/** What there is to tap and to pick. */
export interface Choices {
  /** Of the message that offers it; absent if there is none. */
  readonly text?: string;
  readonly buttons: readonly { readonly id: string; readonly title: string }[];
  readonly rows: readonly ListRow[];
}

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
    const customer = this.#author(this.#world.customers.get(customerId), content);
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

  /** What the last interactive message to a customer offers. @throws SimulatorError `unknown_customer` */
  choicesOf(customerId: string): Choices {
    const shown = this.#world.lastInteractiveTo(this.#world.customers.get(customerId).id);
    if (shown === undefined) return { buttons: [], rows: [] };
    const { request, text } = shown;
    return { ...(text !== undefined && { text }), buttons: replyButtonsOf(request), rows: listRowsOf(request) };
  }

  /** Who has written it. A system message is about a customer, whatever number it is from. */
  #author(customer: Customer, content: CustomerContent): Customer {
    if (content.type !== 'raw' || content.message['type'] === 'system') return customer;
    const { from, from_user_id: userId } = content.message;
    if (typeof userId === 'string')
      return userId === customer.userId ? customer : this.#world.customers.reach({ by: 'user_id', userId });
    if (typeof from !== 'string' || !/^\d+$/.test(from) || from === customer.waId) return customer;
    return this.#world.customers.reach({ by: 'phone', digits: from });
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
      case 'contacts':
        return { type: 'contacts', contacts: content.contacts.map(contactCard) };
      case 'reaction': {
        const { messageId, emoji } = content;
        return { type: 'reaction', reaction: { message_id: messageId, ...(emoji === undefined ? {} : { emoji }) } };
      }
      case 'edit': {
        const message = { type: 'text', text: { body: content.text } };
        return { type: 'edit', edit: { original_message_id: content.messageId, message } };
      }
      case 'location': {
        const { type, ...place } = content;
        return { type, location: place };
      }
      case 'tap': {
        const { reply } = this.#chosen(customer, content);
        return { type: 'interactive', interactive: { type: 'button_reply', button_reply: reply } };
      }
      case 'pick': {
        const { reply } = this.#chosen(customer, content);
        return { type: 'interactive', interactive: { type: 'list_reply', list_reply: reply } };
      }
      case 'changed_number':
        return { from: content.previousWaId, type: 'system', system: changeOfNumber(customer, content.previousWaId) };
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
    const quoted = this.#quotedBy(customer, content);
    return quoted === undefined ? {} : { context: { from: this.#world.business.displayPhoneNumber, id: quoted } };
  }

  #quotedBy(customer: Customer, content: CustomerContent): string | undefined {
    if (content.type === 'tap' || content.type === 'pick') return this.#chosen(customer, content).wamid;
    return content.type === 'text' ? content.replyTo : undefined;
  }

  #chosen(
    customer: Customer,
    { type, id, title }: Extract<CustomerContent, { type: 'tap' | 'pick' }>,
  ): { readonly wamid: string; readonly reply: ListRow } {
    const shown = this.#world.lastInteractiveTo(customer.id);
    const choices: readonly ListRow[] = shown ? (type === 'tap' ? replyButtonsOf : listRowsOf)(shown.request) : [];
    const reply = choices.find((choice) => (id === undefined ? choice.title === title : choice.id === id));
    if (shown && reply) return { wamid: shown.wamid, reply };
    const [thing, doable] = type === 'tap' ? ['button', 'Tappable'] : ['row', 'To pick'];
    const titles = choices.map((choice) => `${choice.title} (${choice.id})`).join(', ');
    throw new SimulatorError(
      'nothing_to_tap',
      `No ${thing} ${id ?? title} in the last interactive message to ${customer.id}. ${doable}: ${titles || 'nothing'}.`,
    );
  }
}

function contactCard({ name, phone }: { readonly name: string; readonly phone: string }): JsonObject {
  const [firstName] = name.split(' ');
  return { name: { formatted_name: name, first_name: firstName }, phones: [{ phone, type: 'CELL' }] };
}

/** The user id stays, as we know of no rule by which Meta gives a new one. */
function changeOfNumber({ name, waId, userId }: Customer, previousWaId: string): JsonObject {
  return {
    body: `User ${name} changed from ${previousWaId} to ${waId}`,
    wa_id: waId,
    user_id: userId,
    previous_user_id: userId,
    type: 'user_changed_number',
  };
}
