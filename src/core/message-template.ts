/** A template as Meta has it: what it shows, and what must be filled in. Words of Meta's stay as they are. */
export interface MessageTemplate {
  readonly id?: string;
  readonly name: string;
  /** E.g. `en_US`. */
  readonly language: string;
  /** `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, `DISABLED` … */
  readonly status: string;
  /** `MARKETING`, `UTILITY` or `AUTHENTICATION`. */
  readonly category?: string;
  readonly footer?: string;
  readonly header?: TemplateHeaderPart;
  readonly body?: TemplateTextPart;
  readonly buttons: readonly TemplateButtonPart[];
  readonly cards?: readonly TemplateCardPart[];
  /** A limited-time offer; `ends`: with a moment at which it is over. */
  readonly offer?: { readonly ends: boolean };
}

/** `places`: what stands between `{{` and `}}`, `1`, `2` … or names, each once, in the order of the text. */
export interface TemplateTextPart {
  readonly text: string;
  readonly places: readonly string[];
}

/** `format`: `TEXT`, `IMAGE`, `VIDEO`, `DOCUMENT`, `LOCATION`, `PRODUCT` …; `places` of a text. */
export interface TemplateHeaderPart {
  readonly format: string;
  readonly places: readonly string[];
}

/** `type`: `QUICK_REPLY`, `URL`, `COPY_CODE`, `FLOW` …; `hasPlace`: its address ends with a variable. */
export interface TemplateButtonPart {
  readonly type: string;
  readonly text?: string;
  readonly hasPlace: boolean;
}

export type TemplateCardPart = Pick<MessageTemplate, 'header' | 'body' | 'buttons'>;

/** What stands between `{{` and `}}` in a text, each once. */
export function placesIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/\{\{\s*([^{}\s]+)\s*\}\}/g)].map(([, place = '']) => place))];
}

/** `en_US` and `en-US` are the same: Meta's webhooks have both. */
export function isCalled(template: MessageTemplate, name: string, language: string): boolean {
  return template.name === name && template.language.replace('-', '_') === language.replace('-', '_');
}
