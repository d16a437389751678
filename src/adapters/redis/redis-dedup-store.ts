import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { WahookError } from '../../core/errors.ts';
import type { EventKey } from '../../core/model.ts';
import type { Log } from '../../core/ports/observation.ts';
import type { DedupResult, DedupStore, Unit } from '../../core/ports/receiving.ts';
import { redisErrorWord } from './redis-client.ts';
import { RECORDED, RETAIN_SECONDS, redisKey } from './redis-key.ts';

export interface RedisDedupStoreOptions {
  readonly log: Log;
  /** One per installation: two that share it take each other's events for duplicates. */
  readonly prefix?: string;
  /** How long a key stays busy after the process that worked on it, or Redis, died. Longer than any `work` takes. */
  readonly leaseMs?: number;
}

/**
 * Redis as the only memory of what was accepted, for `STORE=memory`. A key is leased (`p:<token>`, expires by itself),
 * then comes the work, and only then is it recorded (`d`, 15 days). A plain `SET NX` before the work would lose the event
 * whenever the process dies between the two: Meta's repetition would find the key and be told 200.
 *
 * What Redis cannot promise: if it forgets (flush, eviction, failover to a replica that lags), or if work outlives its
 * lease, an event is handled a second time. At least once, never lost. Exactly once needs the Postgres store.
 *
 * The unit of work that it hands out joins nothing: there is no transaction over Redis and a queue.
 */
export class RedisDedupStore implements DedupStore {
  readonly #redis: Redis;
  readonly #log: Log;
  readonly #prefix: string;
  readonly #leaseMs: number;

  constructor(redis: Redis, { log, prefix = 'wahook:dedup:', leaseMs = 30_000 }: RedisDedupStoreOptions) {
    this.#redis = redis;
    this.#log = log;
    this.#prefix = prefix;
    this.#leaseMs = leaseMs;
  }

  async once(
    keys: readonly EventKey[],
    work: (fresh: readonly string[], unit: Unit) => Promise<void>,
  ): Promise<DedupResult> {
    const ids = [...new Set(keys.map((key) => key.id))];
    if (ids.length === 0) return { fresh: [], duplicate: [], busy: [] };
    const lease = `p:${randomUUID()}`;
    const result = await this.#acquire(ids, lease);
    if (result.fresh.length === 0) return result;
    try {
      await work(result.fresh, Object.freeze({}) as Unit);
    } catch (error) {
      await this.#release(result.fresh, lease);
      throw error;
    }
    await this.#record(result.fresh, lease);
    return result;
  }

  async #acquire(ids: readonly string[], lease: string): Promise<DedupResult> {
    let held: readonly unknown[];
    try {
      held = await this.#run<unknown[]>(ACQUIRE, ids, lease, this.#leaseMs);
    } catch (error) {
      // A script that timed out may still run when Redis comes to itself; this one, on the same connection, then follows it.
      void this.#release(ids, lease);
      throw unavailable('could not lease the keys', error);
    }
    return {
      fresh: ids.filter((_, i) => held[i] === null),
      duplicate: ids.filter((_, i) => held[i] === RECORDED),
      busy: ids.filter((_, i) => held[i] !== null && held[i] !== RECORDED),
    };
  }

  /** Never rejects: what cannot be released stays busy until it expires. */
  async #release(ids: readonly string[], lease: string): Promise<void> {
    await this.#run(RELEASE, ids, lease).catch(() => {});
  }

  /**
   * The work has happened, so the key is recorded whoever holds it by now: a lease that ran out, or was taken over by another
   * call, means that the work may happen twice, which is logged, and recording it keeps it from happening a third time. Tried
   * again, since it can be repeated, and since giving up means handling these events twice.
   */
  async #record(ids: readonly string[], lease: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const lost = await this.#run<number>(RECORD, ids, lease, RETAIN_SECONDS);
        if (lost > 0) this.#log.warn('work took longer than its dedup lease; it may be done twice', { keys: lost });
        return;
      } catch (error) {
        if (attempt === RECORD_ATTEMPTS) throw unavailable('the work is done, but could not be recorded', error);
        await pause(RECORD_PAUSE_MS);
      }
    }
  }

  #run<Reply>(script: string, ids: readonly string[], ...args: (string | number)[]): Promise<Reply> {
    const keys = ids.map((id) => redisKey(this.#prefix, id));
    return this.#redis.eval(script, keys.length, ...keys, ...args) as Promise<Reply>;
  }
}

const RECORD_ATTEMPTS = 4;
/** With the time limit of a command (75 ms): about half a second in all, inside the 4 s that a webhook may take. */
const RECORD_PAUSE_MS = 100;

// Scripts: one round trip for any number of keys, and nothing comes in between their commands.

/** Leases the free keys. Returns what each key held before: nil, `d` or another lease. */
const ACQUIRE = `
local held = {}
for i, key in ipairs(KEYS) do
  if redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) then held[i] = false else held[i] = redis.call('GET', key) end
end
return held`;

/** Frees those keys that this lease still holds; never another call's. */
const RELEASE = `
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end`;

/** Records the keys. Returns how many of them this lease no longer held. */
const RECORD = `
local lost = 0
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) ~= ARGV[1] then lost = lost + 1 end
  redis.call('SET', key, '${RECORDED}', 'EX', ARGV[2])
end
return lost`;

function unavailable(what: string, error: unknown): WahookError {
  // No `cause`: errors of ioredis hold the command's arguments.
  return new WahookError('storage_unavailable', `Redis: ${what} (${redisErrorWord(error)}).`);
}
