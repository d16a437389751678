import type { JobError } from './ports.ts';

/** Enough to recognise an error, too little to hide a conversation in. */
const MESSAGE_LIMIT = 300;

/** Values under these keys are words of ours or of Meta's, not of a person. */
const CLOSED_KEYS = new Set(['kind', 'type', 'status', 'reported', 'field', 'change', 'mimeType']);

/**
 * Describes a failed handler without the content of what it handled: name, message, and where it was thrown. Whatever the
 * message quotes from `payload` (text, names, ids), and every run of digits that could be a number of a person, is replaced
 * by `…`.
 */
export function describeFailure(code: string, error: unknown, payload: unknown): JobError {
  const name = error instanceof Error ? error.name : 'Error';
  const text = error instanceof Error ? error.message : 'something that is not an Error was thrown';
  const where = error instanceof Error ? placeOf(error.stack) : undefined;
  const message = `${name}: ${withoutContent(text, payload)}`.slice(0, MESSAGE_LIMIT);
  return { code, message: where === undefined ? message : `${message} (${where})` };
}

function withoutContent(text: string, payload: unknown): string {
  const quoted = contentOf(payload).sort((a, b) => b.length - a.length);
  const cleaned = quoted.reduce((rest, part) => rest.replaceAll(part, '…'), text.slice(0, 2 * MESSAGE_LIMIT));
  return cleaned.replaceAll(/\d[\d\s().-]{4,}\d/g, '…');
}

/** Every text of the payload that somebody else wrote, and each word of it: an error may quote a part only. */
function contentOf(payload: unknown): string[] {
  const texts: string[] = [];
  const open: unknown[] = [payload];
  for (let value = open.pop(); open.length > 0 || value !== undefined; value = open.pop()) {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'object' && value !== null)
      open.push(...Object.entries(value).flatMap(([key, inner]) => (CLOSED_KEYS.has(key) ? [] : [inner ?? null])));
  }
  const parts = texts.flatMap((text) => [text, ...text.split(/\s+/)]);
  return [...new Set(parts)].filter((part) => part.length > 2);
}

/** A frame of ours: a limit that the bot broke is reported where the bot broke it, not where we noticed. */
const OWN_FRAME = /[/\\]src[/\\](?:core|bot)[/\\]/;

/** `bot/shop.ts:31:22`: folder and file of the first frame, not the whole path of the machine. */
function placeOf(stack: string | undefined): string | undefined {
  const frames = (stack ?? '').split('\n').filter((line) => /^\s+at .*:\d+:\d+\)?$/.test(line));
  const frame = frames.find((line) => !OWN_FRAME.test(line)) ?? frames[0];
  return frame?.match(/([^/\\(\s]+[/\\][^/\\]+:\d+:\d+)\)?$/)?.[1]?.replace(/\?[^:]*/, '');
}
