import type {
  ContentOf,
  Header,
  InteractiveContent,
  InteractiveContents,
  LinkButton,
  MediaCard,
} from '../../core/outbound-content.ts';
import { fileOf, productSections } from './encode-parts.ts';

type Encoders = { readonly [Type in keyof InteractiveContents]: (content: ContentOf<Type>) => object };

const ENCODERS: Encoders = {
  buttons: ({ buttons }) => ({
    type: 'button',
    action: { buttons: buttons.map(({ id, title }) => ({ type: 'reply', reply: { id, title } })) },
  }),
  list: ({ button, sections }) => ({
    type: 'list',
    action: {
      button,
      sections: sections.map(({ title, rows }) => ({
        title,
        rows: rows.map(({ id, title: name, description }) => ({
          id,
          title: name,
          description: description || undefined,
        })),
      })),
    },
  }),
  link: ({ button }) => ({ type: 'cta_url', action: linkAction(button) }),
  flow: (content) => ({ type: 'flow', action: { name: 'flow', parameters: flowParameters(content) } }),
  locationRequest: () => ({ type: 'location_request_message', action: { name: 'send_location' } }),
  address: ({ country, values, saved, errors }) => ({
    type: 'address_message',
    action: {
      name: 'address_message',
      parameters: { country, values, saved_addresses: saved, validation_errors: errors },
    },
  }),
  product: ({ catalogId, productId }) => ({
    type: 'product',
    action: { catalog_id: catalogId, product_retailer_id: productId },
  }),
  productList: ({ catalogId, sections }) => ({
    type: 'product_list',
    action: { catalog_id: catalogId, sections: productSections(sections) },
  }),
  catalog: ({ thumbnail }) => ({
    type: 'catalog_message',
    action: {
      name: 'catalog_message',
      parameters: thumbnail === undefined ? undefined : { thumbnail_product_retailer_id: thumbnail },
    },
  }),
  carousel: ({ cards }) => ({ type: 'carousel', action: { cards: cards.map(card) } }),
  productCarousel: ({ catalogId, products }) => ({
    type: 'carousel',
    action: {
      cards: products.map((id, index) => ({
        card_index: index,
        type: 'product',
        action: { product_retailer_id: id, catalog_id: catalogId },
      })),
    },
  }),
  callPermissionRequest: () => ({ type: 'call_permission_request', action: { name: 'call_permission_request' } }),
  contactRequest: () => ({ type: 'request_contact_info', action: { name: 'request_contact_info' } }),
  voiceCall: ({ button, ttlMinutes, payload }) => ({
    type: 'voice_call',
    action: { name: 'voice_call', parameters: { display_text: button, ttl_minutes: ttlMinutes, payload } },
  }),
};

/** The object under `interactive`. Empty parts are left out: Meta refuses an empty header or footer. */
export function encodeInteractive(content: InteractiveContent): object {
  const { text, header, footer } = content as { text?: string; header?: Header; footer?: string };
  // The compiler cannot see that the encoder found by a content's type is the one for this content.
  const encode = ENCODERS[content.type] as (content: InteractiveContent) => object;
  return {
    header: header ? encodeHeader(header) : undefined,
    body: text ? { text } : undefined,
    footer: footer ? { text: footer } : undefined,
    ...encode(content),
  };
}

function encodeHeader(header: Header): object {
  if (typeof header === 'string') return { type: 'text', text: header };
  const [kind, source] = fileOf(header);
  return { type: kind, [kind]: source };
}

function linkAction({ title, url }: LinkButton): object {
  return { name: 'cta_url', parameters: { display_text: title, url } };
}

/** `3` is the one version that there is (Meta's OpenAPI file, v23.0). */
function flowParameters(content: ContentOf<'flow'>): object {
  const { flowId, flowName, token, button, draft, exchange, screen, data } = content;
  return {
    flow_message_version: '3',
    flow_id: flowId,
    flow_name: flowName,
    flow_token: token,
    flow_cta: button,
    mode: draft ? 'draft' : undefined,
    flow_action: exchange ? 'data_exchange' : 'navigate',
    flow_action_payload: screen === undefined ? undefined : { screen, data },
  };
}

/** The type is `cta_url` also where there are reply buttons: so in Meta's examples (2025-12-22). */
function card({ header, text, action }: MediaCard, index: number): object {
  return {
    card_index: index,
    type: 'cta_url',
    header: encodeHeader(header),
    body: text ? { text } : undefined,
    action: isLink(action)
      ? linkAction(action)
      : { buttons: action.map(({ id, title }) => ({ type: 'quick_reply', quick_reply: { id, title } })) },
  };
}

function isLink(action: MediaCard['action']): action is LinkButton {
  return !Array.isArray(action);
}
