import {
  type Check,
  countProblem,
  firstProblem,
  inTurn,
  lengthProblem,
  media,
  objectOf,
  rangeProblem,
  under,
  uniqueProblem,
} from './content-checks.ts';
import { type GraphProblem, graphProblem } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';

type Problem = GraphProblem | undefined;

/** What an interactive message of one type has around its action, and what its action must be. */
interface Kind {
  /** Greatest length of the body; it is needed unless `bodyOptional`. */
  readonly body?: number;
  readonly bodyOptional?: boolean;
  readonly header?: 'text' | 'any' | 'needed' | 'none';
  readonly footer?: 'none';
  readonly action: (action: JsonObject, content: JsonObject) => Problem;
}

const named =
  (name: string, parameters: (parameters: JsonObject) => Problem = () => undefined) =>
  (action: JsonObject): Problem =>
    action['name'] === name
      ? parameters(under(action, 'parameters'))
      : graphProblem(131009, `Action name must be ${name}`);

/** Meta's pages of 2025-11 to 2026-09. */
const KINDS: { readonly [type: string]: Kind } = {
  button: { header: 'any', action: ({ buttons }) => replyButtonsProblem(buttons) },
  list: { body: 4096, header: 'text', action: listProblem },
  cta_url: { header: 'any', action: named('cta_url', linkProblem) },
  flow: { header: 'any', action: named('flow', flowProblem) },
  location_request_message: { header: 'none', footer: 'none', action: named('send_location') },
  address_message: {
    header: 'text',
    action: named('address_message', ({ country }) => lengthProblem('Country', country, 2, 2)),
  },
  product: { bodyOptional: true, header: 'none', action: productProblem },
  product_list: { header: 'needed', action: productListProblem },
  catalog_message: { header: 'none', action: named('catalog_message') },
  carousel: { header: 'none', footer: 'none', action: carouselProblem },
  call_permission_request: { header: 'none', footer: 'none', action: named('call_permission_request') },
  request_contact_info: { header: 'none', footer: 'none', action: named('request_contact_info') },
  voice_call: { header: 'none', footer: 'none', action: named('voice_call', callProblem) },
  // Payments are not simulated: any details are taken.
  order_details: { header: 'any', action: named('review_and_pay') },
  order_status: { header: 'any', action: named('review_order') },
};

export const interactive: Check = (content) => {
  const { type, action, header, footer } = content;
  if (typeof type !== 'string') return graphProblem(131008, 'Interactive type is missing');
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) return graphProblem(131009, `Interactive type ${type} is not valid`);
  if (!isObject(action)) return graphProblem(131008, 'Interactive action is missing');
  return inTurn(
    () => lengthProblem('Body text', under(content, 'body')['text'], kind.body ?? 1024, kind.bodyOptional ? 0 : 1),
    () => footerProblem(footer, kind),
    () => headerProblem(header, kind.header ?? 'none'),
    () => kind.action(action, content),
  );
};

function footerProblem(footer: unknown, kind: Kind): Problem {
  if (footer === undefined) return undefined;
  if (kind.footer === 'none') return graphProblem(131009, 'Footer is not allowed in this message');
  return lengthProblem('Footer text', objectOf(footer)['text'], 60);
}

function headerProblem(header: unknown, allowed: NonNullable<Kind['header']>): Problem {
  if (header === undefined) return allowed === 'needed' ? graphProblem(131008, 'Header is missing') : undefined;
  if (allowed === 'none') return graphProblem(131009, 'Header is not allowed in this message');
  const type = isObject(header) ? header['type'] : undefined;
  if (!isObject(header) || typeof type !== 'string') return graphProblem(131008, 'Header type is missing');
  if (type === 'text') return lengthProblem('Header text', header['text'], 60);
  return allowed === 'any' ? fileHeaderProblem(header, ['image', 'video', 'document']) : wrongHeader(type);
}

function fileHeaderProblem(header: JsonObject, types: readonly string[]): Problem {
  const type = String(header['type']);
  if (!types.includes(type)) return wrongHeader(type);
  const file = header[type];
  return isObject(file) ? media(file) : graphProblem(131008, `Header ${type} is missing`);
}

function wrongHeader(type: string): Problem {
  return graphProblem(131009, `Header type ${type} is not valid`);
}

function replyButtonsProblem(buttons: unknown): Problem {
  return countProblem('buttons', buttons, 1, 3) ?? buttonsProblem(buttons, 'reply', 256);
}

/** `type` is also the key of the object with title and id. */
function buttonsProblem(buttons: unknown, type: string, maxId: number): Problem {
  const replies = (Array.isArray(buttons) ? buttons : []).map((button) => under(button, type));
  return inTurn(
    () =>
      firstProblem(buttons, (button) =>
        isObject(button) && button['type'] === type && isObject(button[type])
          ? undefined
          : graphProblem(131009, `Button type must be ${type}`),
      ),
    () =>
      firstProblem(
        replies,
        ({ title, id }: JsonObject) =>
          lengthProblem('Button title', title, 20) ?? lengthProblem('Button id', id, maxId),
      ),
    () =>
      uniqueProblem(
        'Button titles',
        replies.map(({ title }) => title),
      ),
    () =>
      uniqueProblem(
        'Button ids',
        replies.map(({ id }) => id),
      ),
  );
}

/** A title is needed where there is more than one section. */
function sectionsProblem(sections: unknown): Problem {
  return inTurn(
    () => countProblem('sections', sections, 1, 10),
    () =>
      firstProblem(sections, (section) => {
        const { title } = objectOf(section);
        const needed = (sections as readonly unknown[]).length > 1;
        return title === undefined && !needed ? undefined : lengthProblem('Section title', title, 24);
      }),
  );
}

function itemsOf(sections: unknown, key: string): readonly unknown[] {
  return (sections as readonly unknown[]).flatMap((section) => {
    const items = isObject(section) ? section[key] : undefined;
    return Array.isArray(items) && items.length > 0 ? items : [undefined];
  });
}

function listProblem({ button, sections }: JsonObject): Problem {
  return inTurn(
    () => lengthProblem('Button text', button, 20),
    () => sectionsProblem(sections),
    () => countProblem('rows', itemsOf(sections, 'rows'), 1, 10),
    () =>
      firstProblem(itemsOf(sections, 'rows'), (row) => {
        const { id, title, description } = objectOf(row);
        return inTurn(
          () => lengthProblem('Row id', id, 200),
          () => lengthProblem('Row title', title, 24),
          () => lengthProblem('Row description', description, 72, 0),
        );
      }),
    () =>
      uniqueProblem(
        'Row ids',
        itemsOf(sections, 'rows').map((row) => objectOf(row)['id']),
      ),
  );
}

function linkProblem({ display_text: text, url }: JsonObject): Problem {
  if (typeof url !== 'string' || !/^https?:\/\/\S+$/i.test(url)) return graphProblem(131009, 'URL is not valid');
  return lengthProblem('Display text', text, 20);
}

function flowProblem(parameters: JsonObject): Problem {
  const { flow_message_version: version, flow_id: id, flow_name: name, flow_cta: button } = parameters;
  if (version !== '3') return graphProblem(131009, 'flow_message_version must be 3');
  if ((id === undefined) === (name === undefined))
    return graphProblem(131009, 'Exactly one of flow_id and flow_name must be given');
  if (!['draft', 'published', undefined].includes(parameters['mode'] as string | undefined))
    return graphProblem(131009, 'Flow mode is not valid');
  if (!['navigate', 'data_exchange', undefined].includes(parameters['flow_action'] as string | undefined))
    return graphProblem(131009, 'Flow action is not valid');
  return lengthProblem('Flow CTA', button, 20);
}

function productProblem({ catalog_id: catalog, product_retailer_id: product }: JsonObject): Problem {
  return lengthProblem('Catalog id', catalog, 1_000) ?? lengthProblem('Product retailer id', product, 1_000);
}

function productListProblem({ catalog_id: catalog, sections }: JsonObject): Problem {
  return inTurn(
    () => lengthProblem('Catalog id', catalog, 1_000),
    () => sectionsProblem(sections),
    () => countProblem('products', itemsOf(sections, 'product_items'), 1, 30),
    () =>
      firstProblem(itemsOf(sections, 'product_items'), (item) =>
        lengthProblem('Product retailer id', objectOf(item)['product_retailer_id'], 1_000),
      ),
  );
}

function callProblem({ display_text: text, ttl_minutes: ttl, payload }: JsonObject): Problem {
  return inTurn(
    () => (text === undefined ? undefined : lengthProblem('Display text', text, 20)),
    () => (ttl === undefined ? undefined : rangeProblem('ttl_minutes', ttl, 1, 43_200)),
    () => lengthProblem('Payload', payload, 512, 0),
  );
}

function carouselProblem({ cards }: JsonObject): Problem {
  return inTurn(
    () => countProblem('cards', cards, 2, 10),
    () => firstProblem(cards, cardProblem),
    () => alikeProblem((cards as readonly JsonObject[]).map(shapeOf)),
  );
}

function cardProblem(card: unknown, index: number): Problem {
  if (!isObject(card) || card['card_index'] !== index) return graphProblem(131009, `card_index must be ${index}`);
  const action = under(card, 'action');
  if (card['type'] === 'product') return productProblem(action);
  if (card['type'] !== 'cta_url') return graphProblem(131009, 'Card type must be cta_url or product');
  const text = under(card, 'body')['text'];
  return inTurn(
    () => fileHeaderProblem(under(card, 'header'), ['image', 'video']),
    () => lengthProblem('Card body text', text, 160, 0),
    () =>
      String(text).split('\n').length > 3 ? graphProblem(131009, 'Card body has too many line breaks') : undefined,
    () =>
      action['buttons'] === undefined
        ? named('cta_url', linkProblem)(action)
        : (countProblem('buttons', action['buttons'], 1, 10) ?? buttonsProblem(action['buttons'], 'quick_reply', 20)),
  );
}

/** What all cards of a carousel must have alike. */
function shapeOf(card: JsonObject): string {
  const { buttons, catalog_id: catalog } = under(card, 'action');
  return `${card['type']} ${Array.isArray(buttons) ? buttons.length : 'link'} ${catalog}`;
}

function alikeProblem(shapes: readonly string[]): Problem {
  return new Set(shapes).size > 1 ? graphProblem(131009, 'All cards must have the same type and buttons') : undefined;
}
