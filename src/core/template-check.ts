import { isWahookError } from './errors.ts';
import { isCalled, type MessageTemplate } from './message-template.ts';
import type { OutboundMessage } from './model.ts';
import type { ContentOf } from './outbound-content.ts';
import type { ListOptions, TemplateAccount, TemplateSource } from './ports/channel.ts';
import type { Log } from './ports/observation.ts';
import { fallbackContent } from './service-window.ts';
import { misfits } from './template-fit.ts';

/** A list that is older than this is asked for anew before anything is refused because of it: what it lacks may be there by now. */
const RECENT_MS = 10_000;

export type Template = Omit<ContentOf<'template'>, 'type'>;

/**
 * What is wrong with these templates by the account's own, in one sentence that shows no value; undefined: nothing.
 * @throws WahookError `templates_unavailable`
 */
export async function templateProblem(
  source: TemplateSource,
  account: TemplateAccount,
  templates: readonly Template[],
  options: Pick<ListOptions, 'optional' | 'signal'> = {},
): Promise<string | undefined> {
  if (templates.length === 0) return undefined;
  const problem = problemIn(await source.list(account, options), templates);
  return problem && problemIn(await source.list(account, { ...options, notOlderThanMs: RECENT_MS }), templates);
}

/** Checks messages of which it is known to which business account their number belongs. */
export class TemplateCheck {
  readonly #source: TemplateSource;
  readonly #accountOf: (phoneNumberId: string) => string | undefined;
  readonly #log: Log;

  constructor(source: TemplateSource, accountOf: (phoneNumberId: string) => string | undefined, log: Log) {
    this.#source = source;
    this.#accountOf = accountOf;
    this.#log = log;
  }

  /**
   * What is wrong with the templates that a message names, itself and as its fallback. Undefined: nothing, or it is not known; then
   * Meta alone checks, when it is sent. Rejects with the reason of `signal` when that ends the waiting.
   */
  async problemWith(
    { phoneNumberId, content, fallback }: Pick<OutboundMessage, 'phoneNumberId' | 'content' | 'fallback'>,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const businessAccountId = this.#accountOf(phoneNumberId);
    if (businessAccountId === undefined) return undefined;
    const named = [content, ...(fallback === undefined ? [] : [fallbackContent(fallback)])];
    const templates = named.filter((one) => one.type === 'template');
    try {
      return await templateProblem(this.#source, { businessAccountId, phoneNumberId }, templates, {
        optional: true,
        ...(signal && { signal }),
      });
    } catch (error) {
      if (!isWahookError(error, 'templates_unavailable')) throw error;
      this.#log.warn('A template is sent unchecked', { reason: error.message });
      return undefined;
    }
  }
}

function problemIn(all: readonly MessageTemplate[], templates: readonly Template[]): string | undefined {
  const problems = templates.flatMap(({ name, language, ...parts }) => {
    const template = all.find((one) => isCalled(one, name, language));
    const why = template === undefined ? whyNone(all, name) : misfits(template, parts).join('; ');
    return why === '' ? [] : [`The template ${name} (${language}) cannot be sent: ${why}`];
  });
  return problems.length === 0 ? undefined : problems.join('. ');
}

function whyNone(all: readonly MessageTemplate[], name: string): string {
  const languages = all.filter((one) => one.name === name).map(({ language }) => language);
  return languages.length === 0
    ? 'the account has no template of this name'
    : `it is there in ${languages.join(', ')} only`;
}
