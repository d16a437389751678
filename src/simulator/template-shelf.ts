import { type GraphProblem, invalidParameter } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';
import { templateMisfit, type WireTemplate } from './template-misfit.ts';

interface TemplatePage {
  readonly data: readonly JsonObject[];
  readonly paging?: JsonObject;
}

const body = (text: string): JsonObject => ({ type: 'BODY', text });
const buttons = (...list: readonly JsonObject[]): JsonObject => ({ type: 'BUTTONS', buttons: list });

/** What every account has here. `hello_world` is Meta's own sample. */
const AT_FIRST: readonly WireTemplate[] = [
  {
    ...{
      name: 'hello_world',
      language: 'en_US',
      status: 'APPROVED',
      category: 'UTILITY',
      parameter_format: 'POSITIONAL',
    },
    components: [
      { type: 'HEADER', format: 'TEXT', text: 'Hello World' },
      body('Welcome and congratulations!! This message demonstrates your ability to send a message notification.'),
      { type: 'FOOTER', text: 'WhatsApp Business Platform sample message' },
    ],
  },
  {
    ...{
      name: 'order_status',
      language: 'en_US',
      status: 'APPROVED',
      category: 'UTILITY',
      parameter_format: 'POSITIONAL',
    },
    components: [body('Your order #{{1}} {{2}}.'), buttons({ type: 'QUICK_REPLY', text: 'Thank you' })],
  },
  {
    ...{ name: 'spring_sale', language: 'en_US', status: 'APPROVED', category: 'MARKETING', parameter_format: 'NAMED' },
    components: [
      { type: 'HEADER', format: 'IMAGE' },
      body('Hi {{customer}}, everything is {{percent}} off.'),
      buttons(
        { type: 'URL', text: 'Have a look', url: 'https://example.com/sale/{{1}}' },
        { type: 'COPY_CODE', text: 'Copy the code' },
      ),
    ],
  },
  {
    ...{
      name: 'old_offer',
      language: 'en_US',
      status: 'PAUSED',
      category: 'MARKETING',
      parameter_format: 'POSITIONAL',
    },
    components: [body('Too many people did not like this one.')],
  },
];

const PAGE = 25;

/** The templates of the simulated account. */
export class TemplateShelf {
  #templates: readonly WireTemplate[] = AT_FIRST;

  /** Adds one, in place of that of the same name and language. */
  put(template: WireTemplate): void {
    const { name, language } = template;
    const others = this.#templates.filter((one) => one.name !== name || one.language !== language);
    this.#templates = [...others, structuredClone(template)];
  }

  reset(): void {
    this.#templates = AT_FIRST;
  }

  /** One page of the list; `after` is a cursor of an earlier one. */
  page(query: URLSearchParams): TemplatePage | GraphProblem {
    const limit = Number(query.get('limit') ?? PAGE);
    if (!Number.isInteger(limit) || limit < 1) return invalidParameter('Param limit must be a positive integer.');
    const from = Number(Buffer.from(query.get('after') ?? '', 'base64url').toString('utf8') || 0);
    if (!Number.isInteger(from)) return invalidParameter('Param after is no cursor.');
    const fields = (query.get('fields') ?? 'name,language,status,category,components').split(',');
    const [name, end] = [query.get('name'), from + limit];
    const all = this.#templates
      .map((template, index) => ({ id: String(1_192_339_204_654_487 + index), ...template }))
      .filter((template) => name === null || template.name === name);
    const data = all
      .slice(from, end)
      .map((template) =>
        Object.fromEntries(Object.entries(template).filter(([field]) => field === 'id' || fields.includes(field))),
      );
    if (data.length === 0) return { data };
    const cursor = (position: number) => Buffer.from(String(position)).toString('base64url');
    const next = end < all.length ? { next: `https://graph.facebook.com/?after=${cursor(end)}` } : {};
    return { data, paging: { cursors: { before: cursor(from), after: cursor(from + data.length) }, ...next } };
  }

  /** What Meta would say about a template that is here; one that is not is taken for approved, whatever its parameters. */
  misfit(sent: unknown): GraphProblem | undefined {
    if (!isObject(sent)) return undefined;
    const ofName = this.#templates.filter(({ name }) => name === sent['name']);
    return ofName.length === 0 ? undefined : templateMisfit(ofName, sent);
  }
}
