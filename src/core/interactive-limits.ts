import {
  type ContentChecks,
  checkAddress,
  checkCount,
  checkFilled,
  checkInteger,
  checkLength,
  checkUnique,
  type Limit,
  refuse,
} from './limit-checks.ts';
import type { AddressFields, ContentOf, Header, LinkButton, MediaCard, ReplyButton } from './outbound-content.ts';
import { checkFilename, checkSource } from './plain-limits.ts';

/**
 * Sources: Meta's pages on each interactive type, read in copies of 2025-12 to 2026-03 (media carousel: 2025-12-22, address:
 * 2025-11-07). Where the OpenAPI file of v23.0 differs (list text 1024, Flow button 30) the pages are newer.
 */
const LIMITS = {
  text: { min: 1, max: 1024 },
  listText: { min: 1, max: 4096 },
  header: { min: 0, max: 60 },
  footer: { min: 0, max: 60 },
  buttons: { min: 1, max: 3 },
  buttonTitle: { min: 1, max: 20 },
  buttonId: { min: 1, max: 256 },
  sections: { min: 1, max: 10 },
  sectionTitle: { min: 1, max: 24 },
  rowsOfAll: { min: 1, max: 10 },
  rowId: { min: 1, max: 200 },
  rowTitle: { min: 1, max: 24 },
  rowDescription: { min: 0, max: 72 },
  cards: { min: 2, max: 10 },
  cardText: { min: 0, max: 160 },
  cardButtonId: { min: 1, max: 20 },
  pinCode: { min: 0, max: 6 },
  ttlMinutes: { min: 1, max: 43_200 },
  callPayload: { min: 0, max: 512 },
} as const satisfies Record<string, Limit>;

/** Line breaks in the text of a card. */
const MAX_BREAKS = 2;

export const INTERACTIVE_CHECKS: ContentChecks<
  | 'buttons'
  | 'list'
  | 'link'
  | 'flow'
  | 'locationRequest'
  | 'address'
  | 'carousel'
  | 'callPermissionRequest'
  | 'contactRequest'
  | 'voiceCall'
> = {
  buttons: (content) => {
    checkFrame('buttons', content);
    checkCount('the buttons', content.buttons, LIMITS.buttons);
    checkReplyButtons('', content.buttons, LIMITS.buttonId);
  },
  list: checkList,
  link: (content) => {
    checkFrame('a link', content);
    checkLinkButton('the button', content.button);
  },
  flow: checkFlow,
  locationRequest: (content) => checkFrame('a location request', content),
  address: checkAddressRequest,
  carousel: checkCarousel,
  callPermissionRequest: (content) => checkFrame('a call permission request', content),
  contactRequest: (content) => checkFrame('a contact request', content),
  voiceCall: (content) => {
    checkFrame('a call button', content);
    if (content.button !== undefined) checkLength('the title of the call button', content.button, LIMITS.buttonTitle);
    checkCall('the call button', content);
  },
};

interface Frame {
  readonly text: string;
  readonly header?: Header;
  readonly footer?: string;
}

/** Text, header and footer. `what` is below them, e.g. `buttons`. */
export function checkFrame(what: string, { text, header, footer }: Frame, limit: Limit = LIMITS.text): void {
  checkLength(`the text above ${what}`, text, limit);
  checkHeader(what, header);
  checkLength(`the footer below ${what}`, footer, LIMITS.footer);
}

function checkHeader(what: string, header: Header | undefined): void {
  if (typeof header !== 'object' || header === null) checkLength(`the header above ${what}`, header, LIMITS.header);
  else checkFileHeader(`the header above ${what}`, header);
}

/** @param header of an untyped bot: anything */
export function checkFileHeader(what: string, header: object): void {
  const files = Object.entries(header).filter(([kind]) => ['image', 'video', 'document'].includes(kind));
  const [file] = files;
  if (file === undefined || files.length > 1 || typeof file[1] !== 'object' || file[1] === null)
    refuse(`${what} must be a text, or an object with an image, a video or a document`);
  const [kind, source] = file;
  checkSource(`the ${kind} in ${what}`, source);
  if (kind === 'document') checkFilename(source.filename);
}

/** `of` is where they are, e.g. ` of card 1`. */
function checkReplyButtons(of: string, buttons: readonly ReplyButton[], idLimit: Limit): void {
  for (const [index, { title, id }] of buttons.entries()) {
    checkLength(`the title of button ${index + 1}${of}`, title, LIMITS.buttonTitle);
    checkLength(`the id of button ${index + 1}${of}`, id, idLimit);
    // By Meta's OpenAPI file, v23.0.
    if (id.trim() !== id) refuse(`the id of button ${index + 1}${of} must not begin or end with a space`);
  }
  checkUnique(
    `the titles of the buttons${of}`,
    buttons.map(({ title }) => title),
  );
  checkUnique(
    `the ids of the buttons${of}`,
    buttons.map(({ id }) => id),
  );
}

function checkLinkButton(what: string, button: LinkButton): void {
  if (typeof button !== 'object' || button === null) refuse(`${what} must have a title and a url`);
  checkLength(`the title of ${what}`, button.title, LIMITS.buttonTitle);
  checkAddress(`the url of ${what}`, button.url, ['https:', 'http:']);
}

/** Of a list or of products: there is a title where there is more than one. */
export function checkSections(sections: readonly { readonly title?: string }[]): void {
  checkCount('the sections', sections, LIMITS.sections);
  for (const [index, { title }] of sections.entries())
    if (title !== undefined || sections.length > 1)
      checkLength(`the title of section ${index + 1}`, title, LIMITS.sectionTitle);
}

function checkList(content: ContentOf<'list'>): void {
  checkFrame('a list', content, LIMITS.listText);
  if (content.header !== undefined && typeof content.header !== 'string')
    refuse('the header above a list must be a text');
  checkLength('the button of a list', content.button, LIMITS.buttonTitle);
  checkSections(content.sections);
  for (const [index, { rows }] of content.sections.entries())
    checkCount(`the rows of section ${index + 1}`, rows, LIMITS.rowsOfAll);
  const rows = content.sections.flatMap((section) => section.rows);
  checkCount('the rows of all sections together', rows, LIMITS.rowsOfAll);
  for (const [index, { id, title, description }] of rows.entries()) {
    checkLength(`the id of row ${index + 1}`, id, LIMITS.rowId);
    checkLength(`the title of row ${index + 1}`, title, LIMITS.rowTitle);
    checkLength(`the description of row ${index + 1}`, description, LIMITS.rowDescription);
  }
  checkUnique(
    'the ids of the rows',
    rows.map(({ id }) => id),
  );
}

function checkFlow(content: ContentOf<'flow'>): void {
  checkFrame('a Flow', content);
  const { flowId, flowName, screen, data, exchange } = content;
  if ((flowId === undefined) === (flowName === undefined)) refuse('a Flow needs a flowId or a flowName, and not both');
  checkFilled('the name of the Flow', flowId ?? flowName);
  checkLength('the button of a Flow', content.button, LIMITS.buttonTitle);
  if (exchange && (screen !== undefined || data !== undefined))
    refuse('a Flow that begins with an exchange takes no screen and no data: its endpoint gives them');
  if (data !== undefined && screen === undefined) refuse('the data of a Flow need the screen that they are for');
  // By Meta's OpenAPI file, v23.0.
  if (data !== undefined && Object.keys(data).length === 0) refuse('the data of a Flow are empty; leave them out');
}

function checkAddressRequest(content: ContentOf<'address'>): void {
  checkFrame('an address request', content);
  const { country, values, saved = [], errors } = content;
  if (typeof country !== 'string' || !/^[A-Z]{2}$/.test(country))
    refuse('the country must be two capital letters, like IN');
  for (const fields of [values, ...saved.map(({ value }) => value)]) checkAddressFields(fields);
  if (errors !== undefined && values === undefined) refuse('errors of an address need the values that they are about');
  for (const { id } of saved) checkFilled('the id of a saved address', id);
}

function checkAddressFields(fields: AddressFields = {}): void {
  checkLength('in_pin_code', fields['in_pin_code'], LIMITS.pinCode);
}

function checkCarousel(content: ContentOf<'carousel'>): void {
  checkFrame('a carousel', content);
  checkCount('the cards', content.cards, LIMITS.cards);
  content.cards.forEach(checkCard);
  const actions = content.cards.map(({ action }) => (Array.isArray(action) ? `${action.length} buttons` : 'a link'));
  if (new Set(actions).size > 1)
    refuse(`all cards must have a link or equally many buttons, these have ${[...new Set(actions)].join(' and ')}`);
}

function checkCard({ header, text, action }: MediaCard, index: number): void {
  const what = `card ${index + 1}`;
  if (typeof header !== 'object' || header === null || 'document' in header)
    refuse(`the header of ${what} must be an object with an image or a video`);
  checkFileHeader(`the header of ${what}`, header);
  checkLength(`the text of ${what}`, text, LIMITS.cardText);
  const breaks = text?.split('\n').length ?? 1;
  if (breaks - 1 > MAX_BREAKS)
    refuse(`the text of ${what} must have at most ${MAX_BREAKS} line breaks, this one has ${breaks - 1}`);
  checkAction(what, action);
}

function checkAction(card: string, action: MediaCard['action']): void {
  if (!isList(action)) checkLinkButton(`the link of ${card}`, action);
  else if (action.length === 0) refuse(`${card} has no button`);
  else checkReplyButtons(` of ${card}`, action, LIMITS.cardButtonId);
}

function isList(action: MediaCard['action']): action is readonly ReplyButton[] {
  return Array.isArray(action);
}

/** `what` is the call button, here or in a template. */
export function checkCall(
  what: string,
  { ttlMinutes, payload }: { readonly ttlMinutes?: number; readonly payload?: string },
): void {
  if (ttlMinutes !== undefined) checkInteger(`the ttlMinutes of ${what}`, ttlMinutes, LIMITS.ttlMinutes);
  checkLength(`the payload of ${what}`, payload, LIMITS.callPayload);
}
