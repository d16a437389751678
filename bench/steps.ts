import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
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
import type { EventKey } from '../src/core/model.ts';
import type { MessageQueue } from '../src/core/ports/queue.ts';
import type { DedupStore } from '../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../src/time-limits.ts';
import { freshPglite, testDatabase } from '../tests/support/postgres.ts';
import { silentLog } from '../tests/support/recording.ts';
import { testRedis } from '../tests/support/redis.ts';
import { type Spread, spreadOf } from './figures.ts';
import { type DecodedMessage, decodedMessages, noMetrics } from './messages.ts';
import type { Case, Measured } from './section.ts';
import { messageWebhook, SETTINGS, type SignedWebhook, signed, webhookOf } from './webhooks.ts';

/** One step on the way of a webhook, measured by itself: one call after the other, nothing else in the process. */
interface Step {
  readonly name: string;
  readonly ms: Spread;
}

/** Of each store. */
const CALLS = 400;

export const STEP_CASES: readonly Case[] = [
  {
    id: 'computation',
    section: 'steps',
    run: async () => lines('steps that compute, in µs', measureComputation(), 1_000),
  },
  {
    id: 'stores',
    section: 'steps',
    run: async () => lines('steps of the stores, in ms', await measureDedup(CALLS), 1),
  },
];

function lines(name: string, steps: readonly Step[], factor: number): readonly Measured[] {
  return steps.map(({ name: row, ms }) => {
    return { table: name, row, figures: { p50: ms.p50 * factor, p95: ms.p95 * factor, p99: ms.p99 * factor } };
  });
}

/** Meta's limit (docs, 2026-10). */
const LARGEST_BYTES = 3 * 1024 * 1024;

function time(name: string, calls: number, call: () => void): Step {
  const times: number[] = [];
  for (let index = -calls / 10; index < calls; index += 1) {
    const startedMs = performance.now();
    call();
    if (index >= 0) times.push(performance.now() - startedMs);
  }
  return { name, ms: spreadOf(times) };
}

/** No input and no output: signature and decoding. */
function measureComputation(): readonly Step[] {
  const one = new HmacSignatureVerifier([SETTINGS.WHATSAPP_WEBHOOK_SECRET]);
  // The signature is the second one's, as before the sender has changed over.
  const two = new HmacSignatureVerifier(['f'.repeat(32), SETTINGS.WHATSAPP_WEBHOOK_SECRET]);
  const verify = (verifier: HmacSignatureVerifier, { body, signature }: SignedWebhook) => {
    if (!verifier.verify(body, signature)) throw new Error('a good signature was refused');
  };
  const small = messageWebhook(1, 1_024);
  const large = signed(Buffer.alloc(LARGEST_BYTES, ' '));
  const typical = typicalMessage();
  const status = webhookOf('status', 1).body;
  return [
    time('signature of 1 kB, one secret', 20_000, () => verify(one, small)),
    time('signature of 1 kB, two secrets', 20_000, () => verify(two, small)),
    time('signature of 3 MB, one secret', 100, () => verify(one, large)),
    time('signature of 3 MB, two secrets', 100, () => verify(two, large)),
    time(`decoding a text message of ${typical.length} bytes`, 20_000, () => void decodeWebhook(typical)),
    time('decoding a status', 20_000, () => void decodeWebhook(status)),
  ];
}

function typicalMessage(): Buffer {
  const text = readFileSync(join(import.meta.dirname, '../tests/fixtures/webhooks/in_text.json'), 'utf8');
  return Buffer.from(JSON.stringify(JSON.parse(text)));
}

function newMessage(): DecodedMessage {
  return decodedMessages(1, 1_000)[0] as DecodedMessage;
}

/** A new key with its message: how long until the store says that it is new, and until both are stored. */
async function acceptFresh(store: DedupStore, queue: MessageQueue): Promise<{ toldMs: number; storedMs: number }> {
  const { key, event } = newMessage();
  const startedMs = performance.now();
  let toldMs = Number.NaN;
  await store.once([key], (_fresh, unit) => {
    toldMs = performance.now() - startedMs;
    return queue.publish('messages', [{ key, lane: event.customer.waId ?? '', payload: event }], unit);
  });
  if (Number.isNaN(toldMs)) throw new Error('a new key was not fresh');
  return { toldMs, storedMs: performance.now() - startedMs };
}

async function askAboutKnown(store: DedupStore, key: EventKey): Promise<number> {
  const startedMs = performance.now();
  const result = await store.once([key], () => Promise.reject(new Error('a known key was fresh')));
  if (result.duplicate.length !== 1) throw new Error('a known key was no duplicate');
  return performance.now() - startedMs;
}

/** A webhook every 5 ms, 200 a second; back to back, a call would compete with the wake-up that the one before has sent off. */
const GAP_MS = 5;

/** What each of so many calls gave, after some to warm up. */
async function repeated<Value>(calls: number, call: () => Promise<Value>): Promise<readonly Value[]> {
  const values: Value[] = [];
  for (let index = -calls / 10; index < calls; index += 1) {
    const value = await call();
    if (index >= 0) values.push(value);
    await pause(GAP_MS);
  }
  return values;
}

async function measureStore(
  name: string,
  store: DedupStore,
  queue: MessageQueue,
  calls: number,
): Promise<readonly Step[]> {
  const fresh = await repeated(calls, () => acceptFresh(store, queue));
  const { key } = newMessage();
  await store.once([key], async () => {});
  const known = await repeated(calls, () => askAboutKnown(store, key));
  return [
    { name: `${name}: a new key, until it is told`, ms: spreadOf(fresh.map((it) => it.toldMs)) },
    { name: `${name}: a known key`, ms: spreadOf(known) },
    { name: `${name}: a new key with its message, committed`, ms: spreadOf(fresh.map((it) => it.storedMs)) },
  ];
}

async function onDatabase(
  database: Database,
  measure: (dedup: PostgresDedupStore, queue: PostgresMessageQueue) => Promise<readonly Step[]>,
): Promise<readonly Step[]> {
  const dedup = new PostgresDedupStore(database);
  const queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics: noMetrics, stopDeadlineMs: 0 });
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
  const redis = openRedis(url, { log: silentLog, limits: { ...TIME_LIMITS.redis, commandMs: 5_000 } });
  await redisReady(redis, 5_000);
  return { redis, prefix };
}

/** The dedup stores with their queues, one call at a time: so without group commit, each new key is a commit. */
async function measureDedup(calls: number): Promise<readonly Step[]> {
  const { url, drop } = await testDatabase();
  const { redis, prefix } = await openedRedis();
  const server = new PostgresDatabase({ url, poolSize: 2, applicationName: 'bench', limits: TIME_LIMITS.postgres });
  try {
    const postgres = await onDatabase(server, async (dedup, queue) => {
      const cache = new RedisDedupCache(dedup, redis, {
        ...{ log: silentLog, metrics: noMetrics, prefix },
        namespace: () => installationId(server),
        limits: TIME_LIMITS.dedupCache,
      });
      const plain = await measureStore('PostgreSQL', dedup, queue, calls);
      const cached = await measureStore('PostgreSQL with Redis', cache, queue, calls);
      cache.close();
      return [...plain, ...cached];
    });
    const embedded = await onDatabase(await freshPglite(), (dedup, queue) =>
      measureStore('embedded PostgreSQL', dedup, queue, calls),
    );
    const lease = new RedisDedupStore(redis, { log: silentLog, prefix });
    const memory = new MemoryMessageQueue(new MemoryRows());
    return [...postgres, ...embedded, ...(await measureStore('memory with Redis', lease, memory, calls))];
  } finally {
    redis.disconnect();
    await drop();
  }
}
