import { WahookError } from './errors.ts';
import type { ContentOf, OutboundType } from './outbound-content.ts';

/** Least and greatest length of a text (in UTF-16 units) or of a list. */
export interface Limit {
  readonly min: number;
  readonly max: number;
}

/** @throws WahookError `invalid_message`; `reason` names field, limit and actual length, and never quotes the message */
export function refuse(reason: string): never {
  throw new WahookError('invalid_message', `This message cannot be sent: ${reason}`);
}

/**
 * Bots run without a type check, so what should be a text may be anything. Whether Meta counts code points or UTF-16 units is
 * not documented; UTF-16 units are never fewer, so nothing passes that Meta would refuse.
 */
export function checkLength(what: string, text: unknown, { min, max }: Limit): void {
  if (typeof text !== 'string' && text !== undefined) refuse(`${what} is not a text but of type ${typeof text}`);
  const length = text?.length ?? 0;
  if (length >= min && length <= max) return;
  const mend = length > max ? `; shorten it by ${length - max}` : '';
  refuse(`${what} must have ${min} to ${max} characters (UTF-16 units), this one has ${length}${mend}`);
}

/** As `checkLength`, where Meta names no upper limit. */
export function checkFilled(what: string, text: unknown): void {
  if (typeof text !== 'string') refuse(`${what} is not a text but of type ${typeof text}`);
  if (text === '') refuse(`${what} is empty`);
}

/** `what` in the plural, e.g. `the buttons`. */
export function checkCount(what: string, items: readonly unknown[], { min, max }: Limit): void {
  checkList(what, items);
  if (items.length < min || items.length > max)
    refuse(
      `${what} must be ${min} to ${max}, these are ${items.length}${items.length > max ? '; leave some out' : ''}`,
    );
  const odd = items.findIndex((item) => item === null || item === undefined);
  if (odd !== -1) refuse(`number ${odd + 1} of ${what} is missing`);
}

/** A list of any length in which each item is an object. `what` in the plural, e.g. `the phones of contact 1`. */
export function checkRecords(what: string, items: unknown): void {
  checkList(what, items);
  for (const [index, item] of items.entries())
    if (typeof item !== 'object' || item === null)
      refuse(
        `number ${index + 1} of ${what} is not an object but ${item === null ? 'null' : `of type ${typeof item}`}`,
      );
}

function checkList(what: string, items: unknown): asserts items is readonly unknown[] {
  if (!Array.isArray(items)) refuse(`${what} are not a list but of type ${typeof items}`);
}

/** `what` in the plural, e.g. `the titles of the buttons`. */
export function checkUnique(what: string, values: readonly string[]): void {
  const different = new Set(values).size;
  if (different < values.length)
    refuse(`${what} must differ, of these ${values.length} only ${different} ${different === 1 ? 'does' : 'do'}`);
}

export function checkNumber(what: string, value: unknown, { min, max }: Limit): void {
  if (typeof value !== 'number' || !(value >= min && value <= max))
    refuse(
      `${what} must be a number from ${min} to ${max}, this is ${typeof value === 'number' ? value : typeof value}`,
    );
}

export function checkInteger(what: string, value: unknown, limit: Limit): void {
  checkNumber(what, value, limit);
  if (!Number.isInteger(value)) refuse(`${what} must be a whole number, this is ${value}`);
}

/** @param protocols e.g. `https:` */
export function checkAddress(what: string, address: unknown, protocols: readonly string[]): void {
  const words = protocols.map((protocol) => protocol.slice(0, -1)).join(' or ');
  if (typeof address !== 'string' || !URL.canParse(address) || !protocols.includes(new URL(address).protocol))
    refuse(`${what} must be an ${words} address`);
}

/** One check per type of content; each throws WahookError `invalid_message`. */
export type ContentChecks<Type extends OutboundType> = {
  readonly [One in Type]: (content: ContentOf<One>) => void;
};
