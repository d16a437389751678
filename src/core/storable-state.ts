import { WahookError } from './errors.ts';
import type { Json } from './model.ts';

/** A document is read and written whole for one message; more than this belongs into a database of the bot's own. */
const LIMIT_BYTES = 64 * 1024;

/** What PostgreSQL cannot store in jsonb, as `JSON.stringify` writes it: U+0000 and half a surrogate pair. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** Deeper nesting comes from data that contains itself. */
const MAX_DEPTH = 100;

/**
 * A copy of `value` as it will be read back, checked to be storable. Properties that are `undefined` are left out.
 *
 * @param what names it in errors, e.g. `ctx.session`
 * @throws WahookError `invalid_state` if anything in it is not JSON (the message says where, not what), if it contains
 *   U+0000 or half a surrogate pair, or if it is larger than 64 kB
 */
export function storableState(value: unknown, what: string): Json {
  mustBeJson(value, what, 0);
  return storable(value, what);
}

/** The same for what must be taken as it comes: whatever `JSON.stringify` makes of it, e.g. a text of a date. */
export function storableCopy(value: unknown, what: string): Json | undefined {
  return value === undefined ? undefined : storable(value, what);
}

function storable(value: unknown, what: string): Json {
  const text = stringified(value, what);
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > LIMIT_BYTES) throw invalid(`${what} is ${bytes} bytes as JSON, ${LIMIT_BYTES} are allowed`);
  if (UNSTORABLE.test(text)) throw invalid(`${what} has a text with U+0000 or half a surrogate pair in it`);
  return JSON.parse(text) as Json;
}

function stringified(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new WahookError('invalid_state', `${what} cannot be written as JSON`, { cause: error });
  }
  if (text === undefined) throw invalid(`${what} is a ${typeof value}, which is no JSON`);
  return text;
}

function mustBeJson(value: unknown, where: string, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`${where.slice(0, 80)}… is nested too deeply, or contains itself`);
  if (isScalar(value)) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) mustBeJson(item, `${where}[${index}]`, depth + 1);
    return;
  }
  if (typeof value !== 'object' || value === null || !isPlain(value))
    throw invalid(`${where} is ${nameOf(value)}, which is no JSON`);
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) mustBeJson(item, `${where}${shown(key)}`, depth + 1);
  }
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

/** A key may be somebody's number, or what they wrote. */
function shown(key: string): string {
  return /^[A-Za-z_]\w{0,30}$/.test(key) ? `.${key}` : '[…]';
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function nameOf(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' && value !== null ? `a ${value.constructor.name}` : `a ${typeof value}`;
}

function invalid(problem: string): WahookError {
  return new WahookError('invalid_state', problem);
}
