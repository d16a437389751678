import {
  type ContentChecks,
  checkAddress,
  checkCount,
  checkFilled,
  checkInteger,
  checkLength,
  checkNumber,
  checkRecords,
  type Limit,
  refuse,
} from './limit-checks.ts';
import type { ContactCard, ContentOf, MediaSource, Place } from './outbound-content.ts';

/**
 * Sources: Meta's pages on each message type, read in copies of 2025-12 to 2026-03; pins: "Group messaging", 2025-11-14. The
 * OpenAPI file of v23.0 has 5 contacts where the newer page has 257.
 */
const LIMITS = {
  text: { min: 1, max: 4096 },
  caption: { min: 0, max: 1024 },
  contacts: { min: 1, max: 257 },
  pinDays: { min: 1, max: 30 },
  latitude: { min: -90, max: 90 },
  longitude: { min: -180, max: 180 },
} as const satisfies Record<string, Limit>;

export const PLAIN_CHECKS: ContentChecks<
  'text' | 'image' | 'video' | 'audio' | 'document' | 'sticker' | 'location' | 'contacts' | 'reaction' | 'pin'
> = {
  text: ({ text }) => checkLength('the text', text, LIMITS.text),
  image: (image) => checkCaptioned('an image', image),
  video: (video) => checkCaptioned('a video', video),
  audio: (audio) => checkSource('an audio', audio),
  document: checkDocument,
  sticker: (sticker) => checkSource('a sticker', sticker),
  location: (place) => checkPlace('a location', place),
  contacts: ({ contacts }) => {
    checkCount('the contacts', contacts, LIMITS.contacts);
    contacts.forEach(checkContact);
  },
  reaction: checkReaction,
  pin: ({ messageId, days }) => {
    checkFilled('the messageId of a pin', messageId);
    if (days !== undefined) checkInteger('the days of a pin', days, LIMITS.pinDays);
  },
};

/** `what` with its article, e.g. `an image`. */
export function checkSource(what: string, source: MediaSource): void {
  const { id, link } = source as { readonly id?: unknown; readonly link?: unknown };
  if ((id === undefined) === (link === undefined)) refuse(`${what} needs an id or a link, and not both`);
  if (id === undefined) checkAddress(`the link of ${what}`, link, ['https:']);
  else checkFilled(`the id of ${what}`, id);
}

function checkCaptioned(what: string, media: MediaSource & { readonly caption?: string }): void {
  checkSource(what, media);
  checkLength(`the caption of ${what}`, media.caption, LIMITS.caption);
}

function checkDocument(document: ContentOf<'document'>): void {
  checkCaptioned('a document', document);
  checkFilename(document.filename);
}

/** It is shown to the customer, who may save it: a path in it is a mistake. */
export function checkFilename(filename: string | undefined): void {
  if (filename === undefined) return;
  checkFilled('the filename of a document', filename);
  if (/[/\\]/.test(filename)) refuse('the filename of a document must not hold a path');
}

export function checkPlace(what: string, { latitude, longitude }: Place): void {
  checkNumber(`the latitude of ${what}`, latitude, LIMITS.latitude);
  checkNumber(`the longitude of ${what}`, longitude, LIMITS.longitude);
}

function checkContact({ name, phones, emails, urls, addresses, birthday }: ContactCard, index: number): void {
  const who = `contact ${index + 1}`;
  checkFilled(`name.formatted of ${who}`, name?.formatted);
  for (const [list, items] of Object.entries({ phones, emails, urls, addresses }))
    checkRecords(`the ${list} of ${who}`, items ?? []);
  for (const { phone } of phones ?? []) checkFilled(`a phone of ${who}`, phone);
  for (const { email } of emails ?? []) checkFilled(`an email of ${who}`, email);
  for (const { url } of urls ?? []) checkFilled(`a url of ${who}`, url);
  if (birthday !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(birthday))
    refuse(`the birthday of ${who} must be like 1990-12-31`);
}

/** One emoji: one character as people count, and one that is a picture, a flag or a keycap. */
function checkReaction({ messageId, emoji }: ContentOf<'reaction'>): void {
  checkFilled('the messageId of a reaction', messageId);
  if (emoji === undefined) return;
  checkFilled('the emoji of a reaction', emoji);
  const count = [...new Intl.Segmenter('en').segment(emoji)].length;
  if (count !== 1 || !/\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u.test(emoji))
    refuse(`a reaction must be one emoji, this one has ${count} ${count === 1 ? 'character' : 'characters'}`);
}
