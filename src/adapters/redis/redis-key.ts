import { hash } from 'node:crypto';

/**
 * The key in Redis of an event key: 132 bits of its SHA-256. An event key may hold a phone number, and Redis is where people
 * look around with KEYS, MONITOR and SLOWLOG.
 *
 * Known answer: prefix `p:`, id `abc` → `p:ungWv48Bz-pBQUDeXa4iI7`.
 */
export function redisKey(prefix: string, id: string): string {
  return prefix + hash('sha256', id, 'base64url').slice(0, 22);
}

/** The value of a key whose event is recorded. */
export const RECORDED = 'd';

/** 15 days, the promise of `DedupStore`. */
export const RETAIN_SECONDS = 15 * 24 * 60 * 60;
