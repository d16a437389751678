import { createHash } from 'node:crypto';
import type { EventKey, Json } from '../../core/model.ts';
import { writeJson } from './wire-json.ts';
import { secondsOf } from './wire-time.ts';

const SECONDS_PER_DAY = 86_400;

/** An index row of PostgreSQL takes 2,704 bytes; the longest real key has about 400 characters. */
const LONGEST_ID = 512;

/**
 * The key made of these parts (absent ones stay empty), with the day of the element's own timestamp. Too long a key is
 * replaced by its hash: it must not be refused by an index on every redelivery.
 */
export function eventKey(parts: readonly (string | undefined)[], timestamp: unknown): EventKey {
  const id = parts.map((part) => part ?? '').join('|');
  const seconds = secondsOf(timestamp);
  return {
    id: id.length <= LONGEST_ID ? id : `sha256|${sha256(id)}`,
    day: seconds === undefined ? 0 : Math.floor(seconds / SECONDS_PER_DAY),
  };
}

/** Equal for values that differ in the order of their keys only. `value` is not nested deeply. */
export function contentHash(value: Json): string {
  return sha256(writeJson(value, { sortKeys: true }));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
