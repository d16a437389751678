import type { Redis } from 'ioredis';
import type { EventKey } from '../../core/model.ts';
import type { Log, Metrics } from '../../core/ports/observation.ts';
import type { DedupResult, DedupStore, EventStore, KeyedEvent, Unit } from '../../core/ports/receiving.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { redisErrorWord } from './redis-client.ts';
import { RECORDED, RETAIN_SECONDS, redisKey } from './redis-key.ts';

export interface RedisDedupCacheOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * Names the very database behind: what another one has recorded (staging's, or the one before this was made anew) must not
   * count here, or its events would be lost. Until it resolves there is no cache.
   */
  readonly namespace: () => Promise<string>;
  readonly prefix?: string;
  readonly limits: DedupCacheTimeLimits;
}

/** In milliseconds. */
interface DedupCacheTimeLimits {
  /** How long a request waits for Redis before it asks the store behind. */
  readonly lookupMs: number;
  /** How often a Redis that failed is tried again, in the background. */
  readonly probeEveryMs: number;
}

/**
 * Remembers in Redis which keys the store behind has recorded, so that Meta's repetitions cost no transaction. Redis is
 * never asked whether a key is *new*, and is told of a key only after the store behind has recorded it. So whatever Redis
 * does, be it dead, frozen, slow, flushed, full, evicting, or late with a write that was given up, costs only time, and
 * little of that: the first lookup that is not answered within its budget opens a circuit breaker, and no request asks
 * Redis again until a probe in the background could read and write. Every failure is counted
 * (`dedup_cache_errors_total`), every change of state is logged once.
 *
 * Operators: when the database has lost events (restored from a backup, failed over to a replica that lagged), delete the
 * keys under the prefix, or flush this Redis, before webhooks are let in. The cache still knows these events, and would
 * take Meta's repetitions of them, the only way to get them back, for duplicates. Nothing else ever needs a flush.
 */
export class RedisDedupCache implements DedupStore {
  readonly #inner: DedupStore;
  readonly #redis: Redis;
  readonly #metrics: Metrics;
  readonly #namespace: () => Promise<string>;
  readonly #prefix: string;
  #ownPrefix: string | undefined;
  readonly #lookupBudgetMs: number;
  readonly #breaker: CircuitBreaker;

  constructor(
    inner: DedupStore,
    redis: Redis,
    { log, metrics, namespace, prefix = 'wahook:seen:', limits }: RedisDedupCacheOptions,
  ) {
    this.#inner = inner;
    this.#redis = redis;
    this.#metrics = metrics;
    this.#namespace = namespace;
    this.#prefix = prefix;
    this.#lookupBudgetMs = limits.lookupMs;
    this.#breaker = new CircuitBreaker({
      probe: () => this.#probe(),
      probeEveryMs: limits.probeEveryMs,
      onChange: (closed, error) => {
        if (closed) log.info('the dedup cache works again');
        else log.warn('the dedup cache does not work; going on without it', { error: redisErrorWord(error) });
      },
    });
  }

  /** False while Redis is left aside. */
  get up(): boolean {
    return this.#breaker.closed;
  }

  async once(
    keys: readonly EventKey[],
    work: (fresh: readonly string[], unit: Unit) => Promise<void>,
  ): Promise<DedupResult> {
    return await this.#through(keys, (rest) => this.#inner.once(rest, work));
  }

  /** The same cache in front of a store of events on the same database: what it knows is not asked for. */
  inFrontOf(events: EventStore): EventStore {
    return {
      store: (all: readonly KeyedEvent[]) => {
        const keys = [...new Map(all.map(({ key }) => [key.id, key])).values()];
        return this.#through(keys, (rest) => {
          const wanted = new Set(rest.map(({ id }) => id));
          return events.store(all.filter(({ key }) => wanted.has(key.id)));
        });
      },
    };
  }

  /** `ask` is the store behind, for the keys that the cache does not know. */
  async #through(
    keys: readonly EventKey[],
    ask: (rest: readonly EventKey[]) => Promise<DedupResult>,
  ): Promise<DedupResult> {
    const ownPrefix = await this.#findPrefix();
    if (ownPrefix === undefined) return await ask(keys);
    const redisKeys = new Map(keys.map((key) => [key.id, redisKey(ownPrefix, key.id)]));
    const known = await this.#lookup(redisKeys);
    const rest = keys.filter((key) => !known.has(key.id));
    if (rest.length === 0) return { fresh: [], duplicate: [...known], busy: [] };
    const result = await ask(rest);
    this.#remember([...result.fresh, ...result.duplicate].map((id) => redisKeys.get(id) as string));
    const duplicate = new Set([...known, ...result.duplicate]);
    return { ...result, duplicate: [...redisKeys.keys()].filter((id) => duplicate.has(id)) };
  }

  /** Ends the probing; the client belongs to whoever opened it. */
  close(): void {
    this.#breaker.stop();
  }

  /** Asked of the database until it says so, then kept. Undefined while it does not: it will have its say in `inner`. */
  async #findPrefix(): Promise<string | undefined> {
    if (this.#ownPrefix === undefined) {
      const namespace = await this.#namespace().catch(() => undefined);
      if (namespace !== undefined) this.#ownPrefix = `${this.#prefix}${namespace}:`;
    }
    return this.#ownPrefix;
  }

  /** The ids that are known to be recorded; none if Redis does not say so in time. Never rejects. */
  async #lookup(redisKeys: ReadonlyMap<string, string>): Promise<ReadonlySet<string>> {
    if (!this.#breaker.closed || redisKeys.size === 0) return NONE;
    try {
      const values = await within(this.#lookupBudgetMs, this.#redis.mget(...redisKeys.values()));
      return new Set([...redisKeys.keys()].filter((_, i) => values[i] === RECORDED));
    } catch (error) {
      this.#failed(error);
      return NONE;
    }
  }

  /** Returns at once: no answer waits for it. */
  #remember(redisKeys: readonly string[]): void {
    if (!this.#breaker.closed || redisKeys.length === 0) return;
    this.#mark(redisKeys).catch((error: unknown) => this.#failed(error));
  }

  /** What requests do, within their budget: a Redis that is slow, full or a read-only replica would still answer PING. */
  async #probe(): Promise<void> {
    const key = `${this.#prefix}probe`;
    await within(this.#lookupBudgetMs, this.#redis.mget(key));
    await within(this.#lookupBudgetMs, this.#mark([key]));
  }

  async #mark(redisKeys: readonly string[]): Promise<void> {
    await this.#redis.eval(MARK, redisKeys.length, ...redisKeys, RETAIN_SECONDS);
  }

  #failed(error: unknown): void {
    this.#metrics.count('dedup_cache_errors_total', {});
    this.#breaker.failed(error);
  }
}

const NONE: ReadonlySet<string> = new Set();

/** One command for any number of keys: MSET knows no expiry. Overwrites whatever was there, of whatever type. */
const MARK = `for _, key in ipairs(KEYS) do redis.call('SET', key, '${RECORDED}', 'EX', ARGV[1]) end`;

/** What `promise` resolves to, or a rejection if that takes longer. */
async function within<Result>(budgetMs: number, promise: Promise<Result>): Promise<Result> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(Object.assign(new Error('too late'), { code: 'timeout' })), budgetMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
