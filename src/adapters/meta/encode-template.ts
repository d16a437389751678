import type {
  ContentOf,
  TemplateButton,
  TemplateCard,
  TemplateHeader,
  TemplateValue,
  TemplateValues,
} from '../../core/outbound-content.ts';
import { fileOf, place, productSections } from './encode-parts.ts';

/** The object under `template`: only the parts that have values become components. */
export function encodeTemplate(content: ContentOf<'template'>): object {
  const { name, language, carousel, offerEndsAtMs } = content;
  const components = [
    ...parts(content),
    ...(offerEndsAtMs === undefined ? [] : [limitedTimeOffer(offerEndsAtMs)]),
    ...(carousel === undefined ? [] : [{ type: 'carousel', cards: carousel.map(card) }]),
  ];
  return { name, language: { code: language }, components: components.length === 0 ? undefined : components };
}

function card(content: TemplateCard, index: number): object {
  return { card_index: index, components: parts(content) };
}

interface Parts {
  readonly header?: TemplateHeader;
  readonly body?: TemplateValues;
  readonly buttons?: readonly TemplateButton[];
}

function parts({ header, body, buttons = [] }: Parts): readonly object[] {
  return [
    ...(header === undefined ? [] : [{ type: 'header', parameters: headerParameters(header) }]),
    ...(body === undefined ? [] : [{ type: 'body', parameters: values(body) }]),
    ...buttons.map(button),
  ];
}

function headerParameters(header: TemplateHeader): readonly object[] {
  if ('text' in header) return values(header.text);
  if ('location' in header) return [{ type: 'location', location: place(header.location) }];
  if ('product' in header) {
    const { catalogId, productId } = header.product;
    return [{ type: 'product', product: { product_retailer_id: productId, catalog_id: catalogId } }];
  }
  const [kind, source] = fileOf(header);
  return [{ type: kind, [kind]: source }];
}

function values(given: TemplateValues): readonly object[] {
  if (isPositional(given)) return given.map(value);
  return Object.entries(given).map(([name, one]) => ({ parameter_name: name, ...value(one) }));
}

function isPositional(given: TemplateValues): given is readonly TemplateValue[] {
  return Array.isArray(given);
}

function value(given: TemplateValue): object {
  if (typeof given === 'string') return { type: 'text', text: given };
  if ('dateTime' in given) return { type: 'date_time', date_time: { fallback_value: given.dateTime.fallback } };
  const { code, amount, fallback } = given.currency;
  return { type: 'currency', currency: { code, amount_1000: amount, fallback_value: fallback } };
}

function limitedTimeOffer(endsAtMs: number): object {
  return {
    type: 'limited_time_offer',
    parameters: [{ type: 'limited_time_offer', limited_time_offer: { expiration_time_ms: endsAtMs } }],
  };
}

/** `index` as text, as in Meta's OpenAPI file; its pages show both. */
function button(content: TemplateButton, place: number): object {
  const { subType, parameters } = buttonParts(content);
  return { type: 'button', sub_type: subType, index: String(content.index ?? place), parameters };
}

function buttonParts(content: TemplateButton): { readonly subType: string; readonly parameters: readonly object[] } {
  switch (content.type) {
    case 'quickReply':
      return { subType: 'quick_reply', parameters: [{ type: 'payload', payload: content.payload }] };
    case 'url':
      return { subType: 'url', parameters: [{ type: 'text', text: content.text }] };
    case 'copyCode':
      return { subType: 'copy_code', parameters: [{ type: 'coupon_code', coupon_code: content.code }] };
    case 'catalog':
      return { subType: 'catalog', parameters: action({ thumbnail_product_retailer_id: content.thumbnail }) };
    case 'productList': {
      const { thumbnail, sections } = content;
      return {
        subType: 'mpm',
        parameters: action({ thumbnail_product_retailer_id: thumbnail, sections: productSections(sections) }),
      };
    }
    case 'flow':
      return { subType: 'flow', parameters: action({ flow_token: content.token, flow_action_data: content.data }) };
    case 'voiceCall':
      return { subType: 'voice_call', parameters: callParameters(content) };
  }
}

function action(content: object): readonly object[] {
  return [{ type: 'action', action: content }];
}

function callParameters({ ttlMinutes, payload }: TemplateButton & { readonly type: 'voiceCall' }): readonly object[] {
  return [
    ...(ttlMinutes === undefined ? [] : [{ type: 'ttl_minutes', ttl_minutes: ttlMinutes }]),
    ...(payload === undefined ? [] : [{ type: 'payload', payload }]),
  ];
}
