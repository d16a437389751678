/**
 * Everything that can be sent, told apart by `type`. Keys and words are ours; `adapters/meta` knows Meta's. What is put
 * together here is checked against Meta's limits by `checkOutbound` before it is stored.
 */
import type { Json } from './json.ts';

/**
 * A file, by exactly one of the two: the `id` that an upload gave (lives 30 days), or a public https `link` from which Meta
 * fetches it (and keeps it for 10 minutes per exact address).
 */
export type MediaSource =
  | { readonly id: string; readonly link?: never }
  | { readonly link: string; readonly id?: never };

/** What stands above the text of an interactive message: a line of text, or a file. */
export type Header =
  | string
  | { readonly image: MediaSource }
  | { readonly video: MediaSource }
  | { readonly document: MediaSource & { readonly filename?: string } };

/** A tap on it comes back with its `id`. */
export interface ReplyButton {
  readonly id: string;
  readonly title: string;
}

/** Opens a web address in the customer's browser. */
export interface LinkButton {
  readonly title: string;
  readonly url: string;
}

export interface ListRow {
  readonly id: string;
  readonly title: string;
  readonly description?: string;
}

export interface ListSection {
  /** Needed where there is more than one section. */
  readonly title?: string;
  readonly rows: readonly ListRow[];
}

export interface ProductSection {
  /** Needed where there is more than one section. */
  readonly title?: string;
  /** Ids of products in the catalog (SKUs), 30 in all sections together. */
  readonly products: readonly string[];
}

type PlaceType = 'HOME' | 'WORK';

/** A contact to share. Only `name.formatted` must be there. */
export interface ContactCard {
  readonly name: {
    readonly formatted: string;
    readonly first?: string;
    readonly middle?: string;
    readonly last?: string;
    readonly prefix?: string;
    readonly suffix?: string;
  };
  /** `waId`: with it the card has a button that opens a chat. */
  readonly phones?: readonly { readonly phone: string; readonly type?: PlaceType; readonly waId?: string }[];
  readonly emails?: readonly { readonly email: string; readonly type?: PlaceType }[];
  readonly urls?: readonly { readonly url: string; readonly type?: PlaceType }[];
  readonly addresses?: readonly PostalAddress[];
  readonly org?: { readonly company?: string; readonly department?: string; readonly title?: string };
  /** YYYY-MM-DD */
  readonly birthday?: string;
}

interface PostalAddress {
  readonly street?: string;
  readonly city?: string;
  readonly state?: string;
  readonly zip?: string;
  readonly country?: string;
  /** ISO 3166, two letters. */
  readonly countryCode?: string;
  readonly type?: PlaceType;
}

/** One card of a carousel. All cards of one carousel have the same kind of button, and equally many of them. */
export interface MediaCard {
  readonly header: { readonly image: MediaSource } | { readonly video: MediaSource };
  /** At most two line breaks. */
  readonly text?: string;
  /** One link, or reply buttons. */
  readonly action: LinkButton | readonly ReplyButton[];
}

/** `amount` is in thousandths: 100.99 is 100990. `fallback`: how it is shown where the phone cannot. */
export interface CurrencyValue {
  readonly currency: { readonly code: string; readonly amount: number; readonly fallback: string };
}

/** What fills a place in a template. */
export type TemplateValue = string | CurrencyValue | { readonly dateTime: { readonly fallback: string } };

/** Values for `{{1}}`, `{{2}}` … in order, or for `{{name}}` by name; which of the two is said by the template. */
export type TemplateValues = readonly TemplateValue[] | { readonly [name: string]: TemplateValue };

export interface Product {
  readonly catalogId: string;
  readonly productId: string;
}

export interface Place {
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
  readonly name?: string;
  readonly address?: string;
}

export type TemplateHeader =
  | Exclude<Header, string>
  | { readonly text: TemplateValues }
  | { readonly location: Place }
  | { readonly product: Product };

/** `index`: the button's place in the template, from 0; without it, its place in the list. */
export type TemplateButton = { readonly index?: number } & (
  | { readonly type: 'quickReply'; readonly payload: string }
  /** `text`: what fills the variable at the end of the address; the code, in a template with a one-time password. */
  | { readonly type: 'url'; readonly text: string }
  | { readonly type: 'copyCode'; readonly code: string }
  /** `thumbnail`: id of the product whose picture is shown; without it the first of the catalog. */
  | { readonly type: 'catalog'; readonly thumbnail?: string }
  | { readonly type: 'productList'; readonly thumbnail: string; readonly sections: readonly ProductSection[] }
  | { readonly type: 'flow'; readonly token?: string; readonly data?: { readonly [key: string]: Json } }
  | { readonly type: 'voiceCall'; readonly ttlMinutes?: number; readonly payload?: string }
);

/** One card of a template with a carousel. */
export interface TemplateCard {
  readonly header: { readonly image: MediaSource } | { readonly video: MediaSource } | { readonly product: Product };
  readonly body?: TemplateValues;
  readonly buttons?: readonly TemplateButton[];
}

/** What fills the places of a template; parts without places are left out. */
export interface TemplateParts {
  readonly header?: TemplateHeader;
  readonly body?: TemplateValues;
  readonly buttons?: readonly TemplateButton[];
  /** As many cards as the template has. */
  readonly carousel?: readonly TemplateCard[];
  /** When the offer ends, in ms since 1970. */
  readonly offerEndsAtMs?: number;
}

/** The template that goes out instead of a message which Meta takes only within 24 hours of the customer's last one. */
export type Fallback = TemplateParts & { readonly template: string; readonly language: string };

/** An interactive message: a text, with what it asks for below it. */
interface Asking {
  readonly text: string;
}

interface Framed extends Asking {
  readonly header?: Header;
  readonly footer?: string;
}

interface TextFramed extends Asking {
  readonly header?: string;
  readonly footer?: string;
}

/**
 * A Flow, by its id or by its name, and how it begins. `button` opens it. `screen` and `data`: the first screen and what it
 * gets; with `exchange` the Flow's own endpoint says both. `token` comes back with the answer: a random text that means
 * something to you.
 */
export type FlowOpening = (
  | { readonly flowId: string; readonly flowName?: never }
  | { readonly flowName: string; readonly flowId?: never }
) & {
  readonly button: string;
  readonly token?: string;
  readonly draft?: boolean;
  readonly exchange?: boolean;
  readonly screen?: string;
  readonly data?: { readonly [key: string]: Json };
};

/** Fields of an Indian address, by Meta's names, e.g. `in_pin_code`, `building_name`. */
export type AddressFields = { readonly [field: string]: string };

export interface AddressForm {
  /** ISO 3166, two letters. */
  readonly country: string;
  readonly values?: AddressFields;
  readonly saved?: readonly { readonly id: string; readonly value: AddressFields }[];
  /** What is wrong with `values`, by field. */
  readonly errors?: AddressFields;
}

/** Messages with something to tap on, one of Meta's `interactive` types each. */
export interface InteractiveContents {
  readonly buttons: Framed & { readonly buttons: readonly ReplyButton[] };
  /** `button` opens the list. */
  readonly list: TextFramed & { readonly button: string; readonly sections: readonly ListSection[] };
  readonly link: Framed & { readonly button: LinkButton };
  readonly flow: TextFramed & FlowOpening;
  readonly locationRequest: Asking;
  /** Only between businesses and customers in India. */
  readonly address: TextFramed & AddressForm;
  readonly product: Product & { readonly text?: string; readonly footer?: string };
  readonly productList: Asking & {
    readonly header: string;
    readonly footer?: string;
    readonly catalogId: string;
    readonly sections: readonly ProductSection[];
  };
  /** `thumbnail`: id of the product whose picture is shown; without it the first of the catalog. */
  readonly catalog: Asking & { readonly footer?: string; readonly thumbnail?: string };
  readonly carousel: Asking & { readonly cards: readonly MediaCard[] };
  readonly productCarousel: Asking & { readonly catalogId: string; readonly products: readonly string[] };
  readonly callPermissionRequest: Asking;
  /** Asks a customer without a phone number for it. */
  readonly contactRequest: Asking;
  /** A button that calls the business; it can be tapped for `ttlMinutes`. */
  readonly voiceCall: Asking & {
    readonly button?: string;
    readonly ttlMinutes?: number;
    readonly payload?: string;
  };
}

interface OtherContents {
  /** `previewUrl`: WhatsApp shows a preview of the first link in the text. */
  readonly text: { readonly text: string; readonly previewUrl?: boolean };
  readonly image: MediaSource & { readonly caption?: string };
  readonly video: MediaSource & { readonly caption?: string };
  /** `voice`: shown as a voice note; the file must be OGG with OPUS. */
  readonly audio: MediaSource & { readonly voice?: boolean };
  readonly document: MediaSource & { readonly caption?: string; readonly filename?: string };
  readonly sticker: MediaSource;
  readonly location: Place;
  readonly contacts: { readonly contacts: readonly ContactCard[] };
  /** `emoji` absent: takes the reaction back. */
  readonly reaction: { readonly messageId: string; readonly emoji?: string };
  /** `language`: as in the template list, e.g. `en_US`. */
  readonly template: TemplateParts & { readonly name: string; readonly language: string };
  /** Only in groups. `days`: how long, 1 to 30; absent: takes the pin off. */
  readonly pin: { readonly messageId: string; readonly days?: number };
}

type OutboundContents = OtherContents & InteractiveContents;

export type OutboundType = keyof OutboundContents;

/** The content of one type, e.g. `ContentOf<'list'>`. */
export type ContentOf<Type extends OutboundType> = Type extends OutboundType
  ? { readonly type: Type } & OutboundContents[Type]
  : never;

export type OutboundContent = ContentOf<OutboundType>;

export type InteractiveContent = ContentOf<keyof InteractiveContents>;
