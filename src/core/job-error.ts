import { WahookError } from './errors.ts';
import type { JobError } from './ports/queue.ts';

/** Enough to recognise an error, too little to hide a conversation in. */
const MESSAGE_LIMIT = 300;

/** So many characters in a row that also stand in the payload are taken for a quotation. */
const QUOTE_LENGTH = 4;

const WORD = /[\p{L}\p{N}]+/gu;

/** What could be somebody's number, grouped as people write it. */
const NUMBER = /\d{4,}|\d[\d\s().-]{4,}\d/g;

/** Values under these keys are words of ours or of Meta's, not of a person. */
const CLOSED_KEYS = new Set(['kind', 'type', 'status', 'reported', 'field', 'change', 'mimeType']);

/**
 * Describes a failed handler without the content of what it handled: name, message, and where it was thrown. In the message
 * every run of four or more characters that stands in `payload` too (whatever its case, be it cut in the middle or part of
 * something longer), every shorter word of the payload, and every longer number is replaced by `…`.
 */
export function describeFailure(code: string, error: unknown, payload: unknown): JobError {
  try {
    return describe(code, error, payload);
  } catch {
    // A bot can throw anything: a getter, or a trap of a proxy, that throws itself.
    return { code, message: 'Error: something was thrown that cannot be looked at' };
  }
}

function describe(code: string, error: unknown, payload: unknown): JobError {
  const name = error instanceof Error ? error.name : 'Error';
  const text = error instanceof Error ? error.message : 'something that is not an Error was thrown';
  const where = error instanceof Error ? placeOf(error.stack) : undefined;
  // Ours hold no content by their own rule.
  const shown = error instanceof WahookError ? text : withoutContent(text.slice(0, MESSAGE_LIMIT), payload);
  // It will be stored, and no database takes U+0000 or the half of an emoji that was cut.
  const message = `${name}: ${shown}`.toWellFormed().replaceAll('\u0000', '\ufffd');
  return { code, message: where === undefined ? message : `${message} (${where})` };
}

function withoutContent(text: string, payload: unknown): string {
  const { runs, words } = contentOf(payload);
  const lower = lowered(text);
  const quoted = new Array<boolean>(text.length).fill(false);
  for (let at = 0; at + QUOTE_LENGTH <= lower.length; at += 1)
    if (runs.has(lower.slice(at, at + QUOTE_LENGTH))) quoted.fill(true, at, at + QUOTE_LENGTH);
  for (const { 0: word, index } of lower.matchAll(WORD))
    if (words.has(word)) quoted.fill(true, index, index + word.length);
  for (const { 0: number, index } of text.matchAll(NUMBER)) quoted.fill(true, index, index + number.length);
  return hide(text, quoted);
}

/** Character by character of the same length, so that positions stay. */
function lowered(text: string): string {
  return text.replaceAll(/\p{Lu}/gu, (letter) => {
    const lower = letter.toLowerCase();
    return lower.length === letter.length ? lower : letter;
  });
}

/** `…` for each run of characters that is quoted. */
function hide(text: string, quoted: readonly boolean[]): string {
  let shown = '';
  for (const [at, character] of text.split('').entries()) {
    if (!quoted[at]) shown += character;
    else if (!quoted[at - 1]) shown += '…';
  }
  return shown;
}

/** All runs of `QUOTE_LENGTH` characters in the texts that somebody else wrote, and their words that are shorter; in lower case. */
function contentOf(payload: unknown): { readonly runs: ReadonlySet<string>; readonly words: ReadonlySet<string> } {
  const runs = new Set<string>();
  const words = new Set<string>();
  for (const text of textsOf(payload)) {
    const lower = lowered(text);
    for (let at = 0; at + QUOTE_LENGTH <= lower.length; at += 1) runs.add(lower.slice(at, at + QUOTE_LENGTH));
    for (const [word] of lower.matchAll(WORD)) if (word.length < QUOTE_LENGTH) words.add(word);
  }
  return { runs, words };
}

/** Without recursion and without spreading: the payload may be deep, and its lists long. */
function* textsOf(payload: unknown): Generator<string> {
  const open: unknown[] = [payload];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') yield value;
    else for (const inner of othersIn(value)) open.push(inner);
  }
}

function othersIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (CLOSED_KEYS.has(key) ? [] : [inner]));
}

/** A frame of ours: a limit that the bot broke is reported where the bot broke it, not where we noticed. */
const OWN_FRAME = /[/\\]src[/\\](?:core|bot)[/\\]/;

/** `bot/shop.ts:31:22`: folder and file of the first frame, not the whole path of the machine. */
function placeOf(stack: string | undefined): string | undefined {
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line));
  const frame = frames.find((line) => !OWN_FRAME.test(line)) ?? frames[0];
  return frame?.match(/([^/\\(\s]+[/\\][^/\\]+:\d+:\d+)\)?$/)?.[1]?.replace(/\?[^:]*/, '');
}
