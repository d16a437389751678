import { WahookError } from '../core/errors.ts';
import type { Matched } from './bot-context.ts';

/** What a pattern adds to the context. */
export type Found<Pattern> = Pattern extends RegExp ? Matched : object;

/**
 * Looks for a pattern: a string takes what is the same after `normalise`, a regular expression looks at the value as it is, from
 * its start even with the flags `g` or `y`. @throws WahookError `invalid_bot`
 */
export function finder(
  pattern: unknown,
  normalise: (text: string) => string,
): (value: string | undefined) => Partial<Matched> | undefined {
  if (pattern instanceof RegExp) {
    // A copy, and from the start each time: with `g` or `y` the author's object would remember where it stopped last.
    const own = new RegExp(pattern);
    return (value) => {
      own.lastIndex = 0;
      const match = value === undefined ? null : own.exec(value);
      return match === null ? undefined : { match };
    };
  }
  if (typeof pattern !== 'string')
    throw new WahookError('invalid_bot', 'a pattern is neither a text nor a regular expression');
  const wanted = normalise(pattern);
  return (value) => (value !== undefined && normalise(value) === wanted ? {} : undefined);
}

/** Two texts that read alike are alike: phones differ in how they spell an accented letter. */
export function plain(text: string): string {
  return text.normalize().trim().toLowerCase();
}

/** Ids are compared as they are. */
export function exact(id: string): string {
  return id;
}
