import type {
  MessageTemplate,
  TemplateButtonPart,
  TemplateCardPart,
  TemplateHeaderPart,
  TemplateTextPart,
} from './message-template.ts';
import type {
  TemplateButton,
  TemplateCard,
  TemplateHeader,
  TemplateParts,
  TemplateValues,
} from './outbound-content.ts';

/** Those with which Meta sends nothing: 132001 (not approved), 132015 (paused), 132016 (disabled) on its page of error codes, 2026-09-11. */
const UNSENDABLE = ['PENDING', 'REJECTED', 'PAUSED', 'DISABLED'];

/** Kinds of buttons by Meta's word for them, and whether each must be given something in any case. */
const BUTTONS: Readonly<Record<string, { readonly type: TemplateButton['type']; readonly needed: boolean }>> = {
  QUICK_REPLY: { type: 'quickReply', needed: false },
  URL: { type: 'url', needed: false },
  /** A one-time password goes into the address of the button (Meta, Authentication templates, copy of 2026-03). */
  OTP: { type: 'url', needed: true },
  COPY_CODE: { type: 'copyCode', needed: true },
  CATALOG: { type: 'catalog', needed: false },
  MPM: { type: 'productList', needed: true },
  FLOW: { type: 'flow', needed: false },
  VOICE_CALL: { type: 'voiceCall', needed: false },
};

/** Our word for what a header of a format is filled with. */
const HEADERS: Readonly<Record<string, string>> = {
  TEXT: 'text',
  IMAGE: 'image',
  VIDEO: 'video',
  DOCUMENT: 'document',
  LOCATION: 'location',
  PRODUCT: 'product',
};

/**
 * What is wrong with the parts for this template, one sentence each; none: Meta can fill it. Values are not shown. What this version
 * does not know of a template is left to Meta.
 */
export function misfits(template: MessageTemplate, parts: TemplateParts): readonly string[] {
  const { status, offer, cards } = template;
  return [
    ...(UNSENDABLE.includes(status) ? [`its status is ${status}, so Meta does not send it`] : []),
    ...partMisfits('', template, parts),
    ...offerMisfits(offer, parts.offerEndsAtMs),
    ...cardsMisfits(cards, parts.carousel),
  ];
}

function partMisfits(
  where: string,
  { header, body, buttons }: TemplateCardPart,
  parts: Pick<TemplateParts, 'header' | 'body' | 'buttons'> | TemplateCard,
): readonly string[] {
  return [
    ...headerMisfits(`${where}header`, header, parts.header),
    ...bodyMisfits(`${where}body`, body, parts.body),
    ...buttonMisfits(where, buttons, parts.buttons ?? []),
  ];
}

function headerMisfits(
  what: string,
  part: TemplateHeaderPart | undefined,
  given: TemplateHeader | undefined,
): readonly string[] {
  if (part === undefined) return given === undefined ? [] : [`it has no ${what}, but one is given`];
  const kind = HEADERS[part.format];
  if (kind === undefined) return [];
  if (kind === 'text') return textHeaderMisfits(what, part.places, given);
  if (given === undefined) return [`its ${what} needs { ${kind}: … }, but none is given`];
  return kind in given ? [] : [`its ${what} needs { ${kind}: … }, but ${kindOf(given)} is given`];
}

function textHeaderMisfits(
  what: string,
  places: readonly string[],
  given: TemplateHeader | undefined,
): readonly string[] {
  if (given === undefined || 'text' in given) return valueMisfits(what, places, given?.text ?? []);
  return [`its ${what} is a text, but ${kindOf(given)} is given`];
}

function kindOf(header: TemplateHeader): string {
  return Object.keys(header)[0] ?? 'nothing';
}

function bodyMisfits(
  what: string,
  part: TemplateTextPart | undefined,
  given: TemplateValues | undefined,
): readonly string[] {
  // Meta writes the text of some itself, and does not always tell it.
  return part === undefined ? [] : valueMisfits(what, part.places, given ?? []);
}

function valueMisfits(what: string, places: readonly string[], given: TemplateValues): readonly string[] {
  const byNumber = places.every((place) => /^\d+$/.test(place));
  const isEmpty = Object.keys(given).length === 0;
  if (!isEmpty && places.length === 0) return [`its ${what} has no places, but ${counted(given)} given`];
  if (!isEmpty && byNumber !== Array.isArray(given)) {
    const form = byNumber ? "a list: ['…']" : "an object: { name: '…' }";
    return [`its ${what} takes its values as ${form}, for ${named(places)}`];
  }
  if (byNumber)
    return Object.keys(given).length === places.length
      ? []
      : [`its ${what} takes ${places.length} (${named(places)}), but ${counted(given)} given`];
  const missing = places.filter((place) => !Object.hasOwn(given, place));
  const unknown = Object.keys(given).filter((name) => !places.includes(name));
  return [
    ...(missing.length === 0 ? [] : [`its ${what} lacks ${named(missing)}`]),
    ...(unknown.length === 0 ? [] : [`its ${what} has no ${named(unknown)}`]),
  ];
}

function buttonMisfits(
  where: string,
  buttons: readonly TemplateButtonPart[],
  given: readonly TemplateButton[],
): readonly string[] {
  const at = new Map(given.map((button, place) => [button.index ?? place, button]));
  const missing = buttons.flatMap(({ type, hasPlace }, index) => {
    const known = BUTTONS[type];
    const isNeeded = known !== undefined && (known.needed || hasPlace);
    return isNeeded && !at.has(index) ? [`its ${where}button ${index} (${type}) needs a ${known.type}`] : [];
  });
  const wrong = [...at].flatMap(([index, { type }]) => {
    const button = buttons[index];
    if (button === undefined) return [`it has no ${where}button ${index}, but a ${type} is given for it`];
    const known = BUTTONS[button.type];
    if (known === undefined) return [];
    if (known.type !== type) return [`its ${where}button ${index} is a ${known.type}, but a ${type} is given for it`];
    const takesNothing = type === 'url' && !known.needed && !button.hasPlace;
    return takesNothing ? [`the address of its ${where}button ${index} has no place, but a text is given for it`] : [];
  });
  return [...missing, ...wrong];
}

function offerMisfits(offer: MessageTemplate['offer'], endsAtMs: number | undefined): readonly string[] {
  if (offer?.ends && endsAtMs === undefined) return ['it has an offer that ends, but offerEndsAtMs is missing'];
  return offer === undefined && endsAtMs !== undefined ? ['it has no offer, but offerEndsAtMs is given'] : [];
}

function cardsMisfits(cards: MessageTemplate['cards'], given: readonly TemplateCard[] | undefined): readonly string[] {
  if (cards === undefined) return given === undefined ? [] : ['it has no carousel, but one is given'];
  if (given?.length !== cards.length) return [`its carousel has ${cards.length} cards, not ${given?.length ?? 0}`];
  return cards.flatMap((card, index) => partMisfits(`card ${index + 1}: `, card, given[index] as TemplateCard));
}

function named(places: readonly string[]): string {
  return places.map((place) => `{{${place}}}`).join(', ');
}

function counted(given: TemplateValues): string {
  const count = Object.keys(given).length;
  return count === 1 ? '1 is' : `${count} are`;
}
