import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryMessageQueue } from '../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../src/adapters/memory/memory-rows.ts';
import { decodeWebhook } from '../src/adapters/meta/decode-webhook.ts';
import { HmacSignatureVerifier } from '../src/adapters/meta/hmac-signature-verifier.ts';
import type { Database } from '../src/adapters/postgres/database.ts';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../src/adapters/postgres/postgres-message-queue.ts';
import { installationId } from '../src/adapters/postgres/storage-probe.ts';
import { openRedis, redisReady } from '../src/adapters/redis/redis-client.ts';
import { RedisDedupCache } from '../src/adapters/redis/redis-dedup-cache.ts';
import { RedisDedupStore } from '../src/adapters/redis/redis-dedup-store.ts';
import type { DedupStore, MessageQueue } from '../src/core/ports.ts';
import { freshPglite, testDatabase } from '../tests/support/postgres.ts';
import { silentLog } from '../tests/support/recording.ts';
import { testRedis } from '../tests/support/redis.ts';
import { type Spread, spreadOf } from './figures.ts';
import { type DecodedMessage, decodedMessages, noMetrics } from './messages.ts';
import { messageWebhook, SETTINGS, type SignedWebhook, signed } from './webhooks.ts';

/** One step on the way of a webhook, measured by itself: one call after the other, nothing else in the process. */
export interface Step {
  readonly name: string;
  readonly calls: number;
  readonly ms: Spread;
}

export const SIGNATURE_BAR_STEP = 'signature of 1 kB, two secrets';
export const FRESH_KEY = 'fresh key and message';
export const KNOWN_KEY = 'known key';

/** Meta's limit (docs, 2026-10). */
const LARGEST_BYTES = 3 * 1024 * 1024;

function time(name: string, calls: number, call: () => void): Step {
  const times: number[] = [];
  for (let index = -calls / 10; index < calls; index += 1) {
    const startedMs = performance.now();
    call();
    if (index >= 0) times.push(performance.now() - startedMs);
  }
  return { name, calls: times.length, ms: spreadOf(times) };
}

async function timeAsync(name: string, calls: number, call: () => Promise<unknown>): Promise<Step> {
  const times: number[] = [];
  for (let index = -calls / 10; index < calls; index += 1) {
    const startedMs = performance.now();
    await call();
    if (index >= 0) times.push(performance.now() - startedMs);
  }
  return { name, calls: times.length, ms: spreadOf(times) };
}

/** No input and no output: signature and decoding. */
export function measureComputation(): readonly Step[] {
  const one = new HmacSignatureVerifier([SETTINGS.WHATSAPP_WEBHOOK_SECRET]);
  // The signature is the second one's, as before the sender has changed over.
  const two = new HmacSignatureVerifier(['f'.repeat(32), SETTINGS.WHATSAPP_WEBHOOK_SECRET]);
  const verify = (verifier: HmacSignatureVerifier, { body, signature }: SignedWebhook) => {
    if (!verifier.verify(body, signature)) throw new Error('a good signature was refused');
  };
  const small = messageWebhook(1, 1_024);
  const large = signed(Buffer.alloc(LARGEST_BYTES, ' '));
  const typical = typicalMessage();
  return [
    time('signature of 1 kB, one secret', 20_000, () => verify(one, small)),
    time(SIGNATURE_BAR_STEP, 20_000, () => verify(two, small)),
    time('signature of 3 MB, one secret', 100, () => verify(one, large)),
    time('signature of 3 MB, two secrets', 100, () => verify(two, large)),
    time(`decoding a text message of ${typical.length} bytes`, 20_000, () => void decodeWebhook(typical)),
  ];
}

function typicalMessage(): Buffer {
  const text = readFileSync(join(import.meta.dirname, '../tests/fixtures/webhooks/in_text.json'), 'utf8');
  return Buffer.from(JSON.stringify(JSON.parse(text)));
}

function newMessage(): DecodedMessage {
  return decodedMessages(1, 1_000)[0] as DecodedMessage;
}

/** `once` with one new key, around the publishing of its message. */
async function accept(store: DedupStore, queue: MessageQueue, { key, event }: DecodedMessage): Promise<void> {
  const result = await store.once([key], (_fresh, unit) =>
    queue.publish('messages', [{ key, lane: event.customer.waId ?? '', payload: event }], unit),
  );
  if (result.fresh.length !== 1) throw new Error('a new key was not fresh');
}

async function measureStore(name: string, store: DedupStore, queue: MessageQueue, calls: number) {
  const fresh = await timeAsync(`${name}: ${FRESH_KEY}`, calls, () => accept(store, queue, newMessage()));
  const known = newMessage();
  await accept(store, queue, known);
  const duplicate = await timeAsync(`${name}: ${KNOWN_KEY}`, calls, async () => {
    const result = await store.once([known.key], () => Promise.reject(new Error('a known key was fresh')));
    if (result.duplicate.length !== 1) throw new Error('a known key was no duplicate');
  });
  return [fresh, duplicate];
}

async function onDatabase(
  database: Database,
  measure: (dedup: PostgresDedupStore, queue: PostgresMessageQueue) => Promise<readonly Step[]>,
): Promise<readonly Step[]> {
  const dedup = new PostgresDedupStore(database);
  const queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics: noMetrics });
  try {
    await queue.start();
    return await measure(dedup, queue);
  } finally {
    await queue.close();
    await database.close();
  }
}

async function openedRedis() {
  const { url, prefix } = await testRedis();
  const redis = openRedis(url, { log: silentLog, commandTimeoutMs: 5_000 });
  await redisReady(redis, 5_000);
  return { redis, prefix };
}

/** The dedup stores with their queues, one call at a time: so without group commit, each fresh key is a commit. */
export async function measureDedup(calls: number): Promise<readonly Step[]> {
  const { url, drop } = await testDatabase();
  const { redis, prefix } = await openedRedis();
  const server = new PostgresDatabase({ url, poolSize: 2, applicationName: 'bench' });
  try {
    const postgres = await onDatabase(server, async (dedup, queue) => {
      const cache = new RedisDedupCache(dedup, redis, {
        ...{ log: silentLog, metrics: noMetrics, prefix },
        namespace: () => installationId(server),
      });
      const plain = await measureStore('PostgreSQL', dedup, queue, calls);
      const cached = await measureStore('Redis cache before PostgreSQL', cache, queue, calls);
      cache.close();
      return [...plain, ...cached];
    });
    const embedded = await onDatabase(await freshPglite(), (dedup, queue) =>
      measureStore('embedded PostgreSQL', dedup, queue, calls),
    );
    const lease = new RedisDedupStore(redis, { log: silentLog, prefix });
    const memory = new MemoryMessageQueue(new MemoryRows());
    return [...postgres, ...embedded, ...(await measureStore('Redis alone (lease)', lease, memory, calls))];
  } finally {
    redis.disconnect();
    await drop();
  }
}
