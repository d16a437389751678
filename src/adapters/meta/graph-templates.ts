import { z } from 'zod';
import { WahookError } from '../../core/errors.ts';
import { type MessageTemplate, placesIn, type TemplateCardPart } from '../../core/message-template.ts';
import type { TemplateAccount, TemplateSource } from '../../core/ports/channel.ts';
import { type AccessOf, type GraphAccess, GraphCalls, type GraphCallsOptions } from './graph-calls.ts';

export interface GraphTemplatesOptions extends GraphAccess, Omit<GraphCallsOptions, 'accessOf'> {
  /** Of each number, where they are not all the same. */
  readonly accessOf?: AccessOf;
}

/** Of `GET /<WABA_ID>/message_templates` (Meta's OpenAPI file, v23.0; `parameter_format` is not in it, and not needed). */
const FIELDS = 'id,name,language,status,category,components';

/** A page must fit into an answer of 1 MB; a template with a carousel of ten cards has some 10 kB. */
const PAGE = 50;

/** 10,000 templates: where the paging does not end, this does. */
const MAX_PAGES = 200;

const text = z.string().optional();

const Button = z.looseObject({ type: z.string(), text, url: text });

const Part = z.looseObject({
  type: z.string(),
  format: text,
  text,
  buttons: z.array(Button).optional(),
  limited_time_offer: z.looseObject({ has_expiration: z.boolean().optional() }).optional(),
});

type Part = z.infer<typeof Part>;

const Component = Part.extend({
  cards: z.array(z.looseObject({ components: z.array(Part).default([]) })).optional(),
});

const Template = z.looseObject({
  id: text,
  name: z.string(),
  language: z.string(),
  status: z.string(),
  category: text,
  components: z.array(Component).default([]),
});

const Page = z.looseObject({
  data: z.array(z.unknown()),
  paging: z.looseObject({ cursors: z.looseObject({ after: text }).optional(), next: text }).optional(),
});

/** The templates of an account over the Graph API, page by page. The token needs the permission whatsapp_business_management. */
export class GraphTemplates implements TemplateSource {
  readonly #calls: GraphCalls;

  constructor(options: GraphTemplatesOptions) {
    this.#calls = new GraphCalls({ ...options, accessOf: options.accessOf ?? (() => options) });
  }

  async list(account: TemplateAccount): Promise<readonly MessageTemplate[]> {
    const templates: MessageTemplate[] = [];
    let after: string | undefined;
    for (let page = 1; page <= MAX_PAGES; page += 1) {
      const { data, paging } = await this.#page(account, after);
      templates.push(...data.flatMap(templateOf));
      after = paging?.cursors?.after;
      if (after === undefined || (paging?.next === undefined && data.length < PAGE)) return templates;
    }
    throw unavailable('the pages of the list do not end');
  }

  async #page({ businessAccountId, phoneNumberId }: TemplateAccount, after: string | undefined) {
    const query = new URLSearchParams({ fields: FIELDS, limit: String(PAGE), ...(after !== undefined && { after }) });
    const path = `/${encodeURIComponent(businessAccountId)}/message_templates?${query}`;
    const result = await this.#calls.call({ phoneNumberId, method: 'GET', path });
    if (result.kind !== 'answered') throw unavailable(result.reason);
    const { data } = Page.safeParse(result.body);
    if (data === undefined) throw unavailable('the answer is no list');
    return data;
  }
}

/** Nothing for one that cannot be understood: who sends it hears from Meta what is wrong. */
function templateOf(value: unknown): readonly MessageTemplate[] {
  const { data } = Template.safeParse(value);
  if (data === undefined) return [];
  const { id, name, language, status, category, components } = data;
  const of = (type: string) => components.find((component) => component.type.toUpperCase() === type);
  const footer = of('FOOTER')?.text;
  const cards = of('CAROUSEL')?.cards;
  const offer = of('LIMITED_TIME_OFFER');
  return [
    {
      ...{ name, language, status },
      ...(id !== undefined && { id }),
      ...(category !== undefined && { category }),
      ...(footer !== undefined && { footer }),
      ...partsOf(components),
      ...(cards && { cards: cards.map((card) => partsOf(card.components)) }),
      ...(offer && { offer: { ends: offer.limited_time_offer?.has_expiration ?? false } }),
    },
  ];
}

function partsOf(components: readonly Part[]): TemplateCardPart {
  const of = (type: string) => components.find((component) => component.type.toUpperCase() === type);
  const header = of('HEADER');
  const body = of('BODY')?.text;
  return {
    ...(header && { header: { format: header.format ?? 'TEXT', places: placesIn(header.text ?? '') } }),
    ...(body !== undefined && { body: { text: body, places: placesIn(body) } }),
    buttons: (of('BUTTONS')?.buttons ?? []).map(({ type, text: title, url = '' }) => ({
      ...{ type, hasPlace: placesIn(url).length > 0 },
      ...(title !== undefined && { text: title }),
    })),
  };
}

function unavailable(reason: string): WahookError {
  return new WahookError('templates_unavailable', `The templates cannot be had: ${reason}`);
}
