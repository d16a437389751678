import { WahookError } from './errors.ts';
import type { OutboundContent, OutboundMessage, Recipient, ReplyButton } from './model.ts';

/** Least and greatest length of a text, in UTF-16 units. */
interface Limit {
  readonly min: number;
  readonly max: number;
}

/**
 * Meta's limits. Sources: Meta's pages on each message type (text, image, interactive reply buttons), read in copies of
 * 2025-12 to 2026-03. Whether Meta counts code points or UTF-16 units is not documented; UTF-16 units, counted here, are
 * never fewer, so nothing passes that Meta would refuse.
 */
const LIMITS = {
  text: { min: 1, max: 4096 },
  imageCaption: { min: 0, max: 1024 },
  buttonsText: { min: 1, max: 1024 },
  buttonsHeader: { min: 0, max: 60 },
  buttonsFooter: { min: 0, max: 60 },
  buttonTitle: { min: 1, max: 20 },
  buttonId: { min: 1, max: 256 },
} as const satisfies Record<string, Limit>;

/** As deep as an inbound message may be; Meta's own templates have 6 levels. */
const MAX_DEPTH = 64;

/** Reply buttons of one message (same source). */
const MAX_BUTTONS = 3;

/**
 * Passes a message that Meta can take, as far as its documented limits say; all of this is known before anything is sent.
 *
 * @throws WahookError `invalid_message`; its message names the limit and the length, never the text.
 */
export function checkOutbound(message: OutboundMessage): void {
  checkRecipient(message.to);
  checkContent(message.content);
  checkStorable(message.content);
}

/**
 * What cannot be stored cannot be sent either: a database refuses U+0000 and half of a surrogate pair (what is left of an emoji
 * when a text is cut in its middle), and nobody nests a message this deep on purpose. Without recursion, as it may be deep.
 */
function checkStorable(content: OutboundContent): void {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: content, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (depth > MAX_DEPTH) refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
    if (typeof value === 'string') checkText(value);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        checkText(key);
        open.push({ value: inner, depth: depth + 1 });
      }
  }
}

function checkText(text: string): void {
  if (text.includes('\u0000')) refuse('a text in it holds the character U+0000');
  if (!text.isWellFormed()) refuse('a text in it holds half of a character, as when an emoji is cut in its middle');
}

function checkRecipient({ waId, userId, groupId }: Recipient): void {
  if (!waId && !userId && !groupId) refuse('the recipient needs a waId, a userId or a groupId');
}

function checkContent(content: OutboundContent): void {
  switch (content.type) {
    case 'text':
      checkLength('the text', content.text, LIMITS.text);
      break;
    case 'image':
      if (!isHttpsLink(content.link)) refuse('the link of an image must be an https address');
      checkLength('the caption of an image', content.caption, LIMITS.imageCaption);
      break;
    case 'template':
      if (!content.name) refuse('the name of the template is empty');
      if (!content.language) refuse('the language of the template is empty');
      break;
    case 'buttons':
      checkLength('the text above buttons', content.text, LIMITS.buttonsText);
      checkLength('the header above buttons', content.header, LIMITS.buttonsHeader);
      checkLength('the footer below buttons', content.footer, LIMITS.buttonsFooter);
      checkButtons(content.buttons);
      break;
  }
}

function checkButtons(buttons: readonly ReplyButton[]): void {
  if (buttons.length < 1 || buttons.length > MAX_BUTTONS)
    refuse(`a message has 1 to ${MAX_BUTTONS} buttons, this one has ${buttons.length}`);
  for (const [index, { title, id }] of buttons.entries()) {
    checkLength(`the title of button ${index + 1}`, title, LIMITS.buttonTitle);
    checkLength(`the id of button ${index + 1}`, id, LIMITS.buttonId);
  }
  checkUnique(
    'titles',
    buttons.map(({ title }) => title),
  );
  checkUnique(
    'ids',
    buttons.map(({ id }) => id),
  );
}

function checkLength(what: string, text: string | undefined, { min, max }: Limit): void {
  // Bots run without a type check, so what should be a text may be anything.
  if (typeof text !== 'string' && text !== undefined) refuse(`${what} is not a text but of type ${typeof text}`);
  const length = text?.length ?? 0;
  if (length < min || length > max)
    refuse(`${what} must have ${min} to ${max} characters (UTF-16 units), this one has ${length}`);
}

function checkUnique(what: string, values: readonly string[]): void {
  const different = new Set(values).size;
  if (different < values.length)
    refuse(`the ${what} of the buttons must differ, of these ${values.length} only ${different} do`);
}

function isHttpsLink(link: string): boolean {
  return URL.canParse(link) && new URL(link).protocol === 'https:';
}

function refuse(reason: string): never {
  throw new WahookError('invalid_message', `This message cannot be sent: ${reason}`);
}
