import { checkProduct, checkProductSections } from './catalog-limits.ts';
import { checkCall, checkFileHeader } from './interactive-limits.ts';
import {
  checkCount,
  checkFilled,
  checkInteger,
  checkLength,
  checkNumber,
  checkUnique,
  type Limit,
  refuse,
} from './limit-checks.ts';
import type {
  ContentOf,
  CurrencyValue,
  TemplateButton,
  TemplateCard,
  TemplateHeader,
  TemplateValue,
  TemplateValues,
} from './outbound-content.ts';
import { checkPlace } from './plain-limits.ts';

/**
 * Sources: Meta's pages on templates, read in copies of 2025-12 to 2026-03; a value: Meta's OpenAPI file, v23.0. How long the
 * filled text may be depends on the template, which only Meta sees: 132005.
 */
const LIMITS = {
  name: { min: 1, max: 512 },
  value: { min: 1, max: 32_768 },
  couponCode: { min: 1, max: 20 },
  cards: { min: 2, max: 10 },
  /** Ten buttons, from 0. */
  index: { min: 0, max: 9 },
} as const satisfies Record<string, Limit>;

export function checkTemplate(content: ContentOf<'template'>): void {
  const { name, language, header, body, buttons, carousel, offerEndsAtMs } = content;
  checkLength('the name of the template', name, LIMITS.name);
  checkFilled('the language of the template', language);
  if ('components' in content)
    refuse('a template takes header, body, buttons, carousel and offerEndsAtMs, not the components of Meta');
  checkHeader('the header of the template', header);
  checkValues('the body of the template', body);
  checkButtons('the template', buttons);
  if (offerEndsAtMs !== undefined)
    checkNumber('offerEndsAtMs', offerEndsAtMs, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (carousel === undefined) return;
  checkCount('the cards', carousel, LIMITS.cards);
  carousel.forEach(checkCard);
}

function checkCard({ header, body, buttons }: TemplateCard, index: number): void {
  const what = `card ${index + 1}`;
  if (header === undefined || 'document' in header)
    refuse(`the header of ${what} must be an object with an image, a video or a product`);
  checkHeader(`the header of ${what}`, header);
  checkValues(`the body of ${what}`, body);
  checkButtons(what, buttons);
}

function checkHeader(what: string, header: TemplateHeader | undefined): void {
  if (header === undefined) return;
  if (typeof header !== 'object' || header === null)
    refuse(`${what} must be an object with a text, an image, a video, a document, a location or a product`);
  if ('text' in header) checkValues(what, header.text);
  else if ('location' in header) checkPlace(what, header.location);
  else if ('product' in header) checkProduct(what, header.product);
  else checkFileHeader(what, header);
}

function checkValues(what: string, values: TemplateValues | undefined): void {
  if (values === undefined) return;
  if (typeof values !== 'object' || values === null)
    refuse(`the values in ${what} must be a list, or an object by name`);
  for (const [key, value] of Object.entries(values)) {
    const place = Array.isArray(values) ? Number(key) + 1 : key;
    checkFilled(`the name of a value in ${what}`, key);
    checkValue(`value ${place} in ${what}`, value);
  }
}

function checkValue(what: string, value: TemplateValue): void {
  if (typeof value !== 'object' || value === null) checkLength(what, value, LIMITS.value);
  else if ('dateTime' in value) checkFilled(`the fallback of ${what}`, value.dateTime?.fallback);
  else if ('currency' in value) checkCurrency(what, value.currency);
  else refuse(`${what} must be a text, or an object with currency or dateTime`);
}

function checkCurrency(what: string, { code, amount, fallback }: CurrencyValue['currency']): void {
  if (!/^[A-Z]{3}$/.test(code)) refuse(`the currency of ${what} must be three capital letters, like EUR`);
  if (!Number.isSafeInteger(amount)) refuse(`the amount of ${what} must be a whole number of thousandths`);
  checkFilled(`the fallback of ${what}`, fallback);
}

/** `what` has the buttons: the template, or a card of it. */
function checkButtons(what: string, buttons: readonly TemplateButton[] | undefined): void {
  if (buttons === undefined) return;
  checkCount(`the buttons of ${what}`, buttons, { min: 0, max: LIMITS.index.max + 1 });
  for (const [place, button] of buttons.entries()) {
    checkInteger(`the index of a button of ${what}`, button.index ?? place, LIMITS.index);
    checkButton(`button ${place + 1} of ${what}`, button);
  }
  checkUnique(
    `the indexes of the buttons of ${what}`,
    buttons.map(({ index }, place) => String(index ?? place)),
  );
}

type ButtonChecks = {
  readonly [Type in TemplateButton['type']]: (what: string, button: TemplateButton & { readonly type: Type }) => void;
};

const BUTTON_CHECKS: ButtonChecks = {
  quickReply: (what, { payload }) => checkFilled(`the payload of ${what}`, payload),
  url: (what, { text }) => checkFilled(`the text of ${what}`, text),
  copyCode: (what, { code }) => checkLength(`the code of ${what}`, code, LIMITS.couponCode),
  catalog: (what, { thumbnail }) => checkIfGiven(`the thumbnail of ${what}`, thumbnail),
  productList: (what, { thumbnail, sections }) => {
    checkFilled(`the thumbnail of ${what}`, thumbnail);
    checkProductSections(sections);
  },
  flow: (what, { token }) => checkIfGiven(`the token of ${what}`, token),
  voiceCall: checkCall,
};

function checkButton(what: string, button: TemplateButton): void {
  if (!Object.hasOwn(BUTTON_CHECKS, button.type)) refuse(`the type of ${what} is not known`);
  // The compiler cannot see that the check found by a button's type is the one for this button.
  (BUTTON_CHECKS[button.type] as (what: string, button: TemplateButton) => void)(what, button);
}

function checkIfGiven(what: string, text: string | undefined): void {
  if (text !== undefined) checkFilled(what, text);
}
