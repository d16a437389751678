import type { Json } from '../../core/model.ts';

export type JsonObject = Readonly<Record<string, Json>>;

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The JSON in these bytes, or undefined if they are not UTF-8 or not JSON. */
export function parseJsonBytes(bytes: Uint8Array): Json | undefined {
  try {
    return parseJsonText(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

/** The JSON in this text, or undefined if it is not JSON. */
export function parseJsonText(text: string): Json | undefined {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

/** A number of 16 digits or more outside of a string (or, harmlessly, inside of one after a comma). */
const LONG_NUMBER = /[:[,]\s*-?\d{16,}/;

/**
 * `JSON.parse`, but an integer beyond 2^53 becomes a string of its digits. Meta writes template ids as numbers of 16 digits
 * and more: as a double, 9512345678901235 would become …236, another template.
 */
function parseExactly(text: string): Json {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(text, keepDigits);
  } catch {
    // With a reviver JSON.parse is recursive and may overflow the stack; without one it takes any depth.
    return JSON.parse(text);
  }
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = typeof value === 'number' && !Number.isSafeInteger(value) ? context?.source : undefined;
  return source !== undefined && /^-?\d+$/.test(source) ? source : value;
}

/** A piece of JSON text on the stack of `writeJson`, to be told from a JSON string. */
class Verbatim {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * What `JSON.stringify` gives, but for any depth: that one overflows the stack at some thousand levels, while `JSON.parse`
 * accepts a million. `sortKeys`: the canonical form, equal for objects that differ in the order of their keys only.
 */
export function writeJson(value: Json, { sortKeys = false } = {}): string {
  let text = '';
  const open: (Json | Verbatim)[] = [value];
  while (open.length > 0) {
    const next = open.pop() as Json | Verbatim;
    if (next instanceof Verbatim) text += next.text;
    else if (isJsonArray(next)) pushArray(open, next);
    else if (isJsonObject(next)) pushObject(open, next, sortKeys);
    else text += JSON.stringify(next);
  }
  return text;
}

const COMMA = new Verbatim(',');

/** Last things first: the stack gives them back in order. */
function pushArray(open: (Json | Verbatim)[], array: readonly Json[]): void {
  open.push(new Verbatim(']'));
  for (let index = array.length - 1; index >= 0; index--) {
    open.push(array[index] ?? null);
    if (index > 0) open.push(COMMA);
  }
  open.push(new Verbatim('['));
}

function pushObject(open: (Json | Verbatim)[], object: JsonObject, sortKeys: boolean): void {
  const keys = sortKeys ? Object.keys(object).sort() : Object.keys(object);
  open.push(new Verbatim('}'));
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index] as string;
    open.push(object[key] ?? null, new Verbatim(`${JSON.stringify(key)}:`));
    if (index > 0) open.push(COMMA);
  }
  open.push(new Verbatim('{'));
}
