import type {
  AddressForm,
  ContactCard,
  Fallback,
  FlowOpening,
  Header,
  LinkButton,
  ListSection,
  MediaCard,
  MediaSource,
  OutboundContent,
  Place,
  Product,
  ProductSection,
  ReplyButton,
  TemplateParts,
} from '../core/outbound-content.ts';
import type { SentReply } from './sent-reply.ts';

/** A public https link as it is, or `{ id }` of an upload, or `{ link }`. */
export type MediaInput = string | MediaSource;

/** Shows an earlier message above this one: the one with this id. Meta shows none above a template or an old message. */
export interface Quoting<Quote> {
  readonly quote?: Quote;
}

/** A message that Meta takes only within 24 hours of the customer's last one. */
export interface FreeForm<Quote> extends Quoting<Quote> {
  /**
   * Goes out instead if the message is later than that, as when the handler was retried for a day. Checked at once, as the
   * message is. Without one a late message becomes a dead letter. In a group it is never needed.
   */
  readonly fallback?: Fallback;
}

interface Footed {
  readonly footer?: string;
}

interface TextFramed extends Footed {
  readonly header?: string;
}

interface Framed extends Footed {
  /** A line of text, or a file: `{ image: { link } }`, `{ video: … }`, `{ document: … }`. */
  readonly header?: Header;
}

/** Checks a message and queues it, before it returns. */
export type QueueMessage<Quote> = (content: OutboundContent, options: FreeForm<Quote>) => Queued;

/** Resolves when the message is queued, not when it is sent: `await (await …).delivered()` waits for that. */
export type Queued = Promise<SentReply>;

/**
 * Everything that can be sent to one recipient.
 *
 * Every method checks Meta's limits and queues the message before it returns: a forgotten `await` loses nothing, and a wrong
 * message throws right at its line. Messages are sent in the order of the calls, and only if the handler succeeds; the
 * promise resolves when the message is queued, not when it is sent.
 *
 * Every method throws `WahookError`: `invalid_message` for a message that breaks a limit of Meta's, `fenced` when the
 * handler is over already or was aborted.
 */
export class Messages<Quote = string> {
  readonly #queue: QueueMessage<Quote>;

  constructor(queue: QueueMessage<Quote>) {
    this.#queue = queue;
  }

  /** `previewUrl`: WhatsApp shows a preview of the first link in the text. */
  text(text: string, options: FreeForm<Quote> & { readonly previewUrl?: boolean } = {}): Queued {
    return this.#send({ ...options, type: 'text', text });
  }

  image(image: MediaInput, options: FreeForm<Quote> & { readonly caption?: string } = {}): Queued {
    return this.#send({ ...options, ...source(image), type: 'image' });
  }

  video(video: MediaInput, options: FreeForm<Quote> & { readonly caption?: string } = {}): Queued {
    return this.#send({ ...options, ...source(video), type: 'video' });
  }

  /** `voice`: shown as a voice note; the file must be OGG with OPUS. */
  audio(audio: MediaInput, options: FreeForm<Quote> & { readonly voice?: boolean } = {}): Queued {
    return this.#send({ ...options, ...source(audio), type: 'audio' });
  }

  /** `filename`: what the customer sees and saves it as. */
  document(
    document: MediaInput,
    options: FreeForm<Quote> & { readonly caption?: string; readonly filename?: string } = {},
  ): Queued {
    return this.#send({ ...options, ...source(document), type: 'document' });
  }

  sticker(sticker: MediaInput, options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, ...source(sticker), type: 'sticker' });
  }

  location(place: Place, options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, ...place, type: 'location' });
  }

  contacts(contacts: ContactCard | readonly ContactCard[], options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, type: 'contacts', contacts: isList(contacts) ? contacts : [contacts] });
  }

  /**
   * The one message that Meta takes when the customer's last message is more than 24 hours old. `parts`: what fills the places
   * of the template.
   */
  template(name: string, language: string, parts: TemplateParts = {}, options: Quoting<Quote> = {}): Queued {
    return this.#send({ ...options, ...parts, type: 'template', name, language });
  }

  /** Up to three buttons under a text. A tap comes back to `bot.onButton(id, …)`. */
  buttons(text: string, buttons: readonly ReplyButton[], options: FreeForm<Quote> & Framed = {}): Queued {
    return this.#send({ ...options, type: 'buttons', text, buttons });
  }

  /** Up to ten rows behind a button. A tap comes back as `message.interactive.list_reply`. */
  list(
    text: string,
    button: string,
    sections: readonly ListSection[],
    options: FreeForm<Quote> & TextFramed = {},
  ): Queued {
    return this.#send({ ...options, type: 'list', text, button, sections });
  }

  /** A button that opens a web address. */
  link(text: string, button: LinkButton, options: FreeForm<Quote> & Framed = {}): Queued {
    return this.#send({ ...options, type: 'link', text, button });
  }

  /** The answer comes back as `message.interactive.nfm_reply`. */
  flow(text: string, flow: FlowOpening, options: FreeForm<Quote> & TextFramed = {}): Queued {
    return this.#send({ ...options, ...flow, type: 'flow', text });
  }

  /** A button to share where the customer is, which comes back as `message.location`. */
  locationRequest(text: string, options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, type: 'locationRequest', text });
  }

  /** A form for an address; only between businesses and customers in India. Comes back as `message.interactive.nfm_reply`. */
  address(text: string, form: AddressForm, options: FreeForm<Quote> & TextFramed = {}): Queued {
    return this.#send({ ...options, ...form, type: 'address', text });
  }

  product(product: Product, options: FreeForm<Quote> & Footed & { readonly text?: string } = {}): Queued {
    return this.#send({ ...options, ...product, type: 'product' });
  }

  /** Up to 30 products of one catalog. What is ordered comes back as `message.order`. */
  productList(
    text: string,
    list: { readonly header: string; readonly catalogId: string; readonly sections: readonly ProductSection[] },
    options: FreeForm<Quote> & Footed = {},
  ): Queued {
    return this.#send({ ...options, ...list, type: 'productList', text });
  }

  /** A button that opens the catalog. `thumbnail`: id of the product whose picture is shown. */
  catalog(text: string, options: FreeForm<Quote> & Footed & { readonly thumbnail?: string } = {}): Queued {
    return this.#send({ ...options, type: 'catalog', text });
  }

  /** 2 to 10 cards with a picture or a video each, to be scrolled through. */
  carousel(text: string, cards: readonly MediaCard[], options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, type: 'carousel', text, cards });
  }

  /** 2 to 10 products of one catalog, to be scrolled through. */
  productCarousel(
    text: string,
    { catalogId, products }: { readonly catalogId: string; readonly products: readonly string[] },
    options: FreeForm<Quote> = {},
  ): Queued {
    return this.#send({ ...options, type: 'productCarousel', text, catalogId, products });
  }

  /** Asks whether the business may call. The answer comes back as `message.interactive.call_permission_reply`. */
  callPermissionRequest(text: string, options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, type: 'callPermissionRequest', text });
  }

  /** Asks a customer without a phone number for it, which comes back as `message.contacts`. */
  contactRequest(text: string, options: FreeForm<Quote> = {}): Queued {
    return this.#send({ ...options, type: 'contactRequest', text });
  }

  /** A button that calls the business, for `ttlMinutes`. `payload` comes back with the call. */
  voiceCall(
    text: string,
    options: FreeForm<Quote> & {
      readonly button?: string;
      readonly ttlMinutes?: number;
      readonly payload?: string;
    } = {},
  ): Queued {
    return this.#send({ ...options, type: 'voiceCall', text });
  }

  /** Puts one emoji on a message, in place of the one that is there. */
  reaction(messageId: string, emoji: string): Queued {
    return this.#send({ type: 'reaction', messageId, emoji });
  }

  /** Takes the reaction to a message back. */
  noReaction(messageId: string): Queued {
    return this.#send({ type: 'reaction', messageId });
  }

  /** Pins a message in a group for 1 to 30 days; a fourth one takes the oldest off. */
  pin(messageId: string, days: number): Queued {
    return this.#send({ type: 'pin', messageId, days });
  }

  unpin(messageId: string): Queued {
    return this.#send({ type: 'pin', messageId });
  }

  /** Not `async`: an error must reach the handler even if nobody awaits the promise. */
  #send({ quote, fallback, ...content }: OutboundContent & FreeForm<Quote>): Queued {
    return this.#queue(content, { ...(quote !== undefined && { quote }), ...(fallback !== undefined && { fallback }) });
  }
}

function source(media: MediaInput): MediaSource {
  return typeof media === 'string' ? { link: media } : media;
}

function isList(contacts: ContactCard | readonly ContactCard[]): contacts is readonly ContactCard[] {
  return Array.isArray(contacts);
}
