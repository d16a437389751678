/**
 * Control characters but line feed and tab, which move the cursor or do worse, and those that turn the direction of writing, behind which a
 * text can look like another one.
 */
const UNSEEN = /(?![\n\t])\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** For a terminal: as `\u001b` what it would obey instead of showing it. */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
