import { Redis } from 'ioredis';
import { WahookError } from '../../core/errors.ts';
import type { Log } from '../../core/ports/observation.ts';

export interface RedisClientOptions {
  readonly log: Log;
  readonly limits: RedisTimeLimits;
}

/** In milliseconds. */
interface RedisTimeLimits {
  readonly connectMs: number;
  /** For one command, and for the handshake of a connection. */
  readonly commandMs: number;
  /** A connection on which nothing comes back for so long is given up. */
  readonly silenceMs: number;
  readonly reconnectMostMs: number;
}

/**
 * Opens a client that fails fast in place of waiting: ioredis by default keeps commands of a dead or frozen Redis pending
 * for more than 20 s and resends them later. Returns at once and connects (again and again) in the background; until it is
 * ready every command rejects. An outage is logged once when it starts and once when it ends. The owner calls
 * `disconnect()`; `quit()` would wait for a frozen Redis.
 *
 * One Redis or a failover pair behind one address; no Redis Cluster, as the scripts here touch many keys at once.
 *
 * @throws WahookError `invalid_config` if `url` is not `redis://` or `rediss://`. The URL is in no error and in no log.
 */
export function openRedis(url: string, { log, limits }: RedisClientOptions): Redis {
  // Node's own error for a bad URL holds the URL, and with it the password.
  if (!/^rediss?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new WahookError(
      'invalid_config',
      'The address of Redis must look like redis://[user:password@]host:port[/db].',
    );
  }
  const redis = new Redis(url, {
    connectionName: 'wahook',
    connectTimeout: limits.connectMs,
    commandTimeout: limits.commandMs,
    socketTimeout: limits.silenceMs,
    // Queued commands would run when nobody waits for them any more, and hold the request meanwhile.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * 2 ** (attempt - 1), limits.reconnectMostMs),
    // A Redis that loads its data set is asked again as often as one that is down.
    maxLoadingRetryTime: limits.reconnectMostMs,
    // After a failover the old primary answers READONLY: only a new connection finds the new one.
    reconnectOnError: (error) => replyCode(error) === 'READONLY',
  });
  logOutages(redis, log);
  return redis;
}

/** Resolves to true once commands can be sent, to false if that takes longer than `withinMs`. Never rejects. */
export async function redisReady(redis: Redis, withinMs: number): Promise<boolean> {
  if (redis.status === 'ready') return true;
  return new Promise((resolve) => {
    const settle = (ready: boolean) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      resolve(ready);
    };
    const onReady = () => settle(true);
    const timer = setTimeout(settle, withinMs, false);
    redis.on('ready', onReady);
  });
}

/**
 * What went wrong, in a word that may be logged: `ECONNREFUSED`, `OOM`, `WRONGPASS`, `timeout`. Errors of ioredis carry the
 * arguments of the failed command, for a failed login the password: never log them, never pass them on as a cause.
 */
export function redisErrorWord(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return replyCode(error) ?? OWN_MESSAGES.find(([start]) => error.message.startsWith(start))?.[1] ?? error.name;
}

/** ioredis gives these neither a code nor a class of their own. */
const OWN_MESSAGES: readonly (readonly [start: string, word: string])[] = [
  ['Command timed out', 'timeout'],
  ['Socket timeout', 'timeout'],
  ["Stream isn't writeable", 'not_connected'],
  ['Connection is closed', 'closed'],
];

/** By the Redis protocol an error reply starts with its code in capitals. */
function replyCode(error: Error): string | undefined {
  return error.name === 'ReplyError' ? /^[A-Z]+/.exec(error.message)?.[0] : undefined;
}

/** Without a listener for `error` ioredis prints the error itself; it emits one with every failed attempt to connect. */
function logOutages(redis: Redis, log: Log): void {
  let down = false;
  redis.on('error', (error) => {
    if (!down) log.warn('redis is not reachable', { error: redisErrorWord(error) });
    down = true;
  });
  redis.on('ready', () => {
    if (down) log.info('redis is reachable again');
    down = false;
  });
}
