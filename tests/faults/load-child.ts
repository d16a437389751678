import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { PostPool } from './post-pool.ts';

/** What to send, in a process of its own, so that sending does not hold up what is measured. */
export type Load = {
  readonly url: string;
  readonly seconds: number;
  readonly messagesPerWebhook: number;
  readonly phoneNumberId: string;
  readonly secret: string;
} & (
  | /** So many a second, whatever becomes of them. */ { readonly perSecond: number }
  | /** So many connections, each sending its next when it has its answer. */ { readonly connections: number }
);

export interface LoadResult {
  /** Of the answers with 200 and of those with 503: how long each took, from the moment at which it was due. */
  readonly acceptedMs: readonly number[];
  readonly refusedMs: readonly number[];
  /** Any other answer, or none. */
  readonly other: number;
  readonly perSecond: number;
  /** The 99th percentile of how late this process itself was in sending. */
  readonly lateMs: number;
}

let made = 0;

const pools = new Map<string, PostPool>();

/** Connections outlive a load, as those of a load balancer do. */
function poolOf(url: string): PostPool {
  const pool = pools.get(url) ?? new PostPool(url);
  pools.set(url, pool);
  return pool;
}

function webhookOf({ messagesPerWebhook, phoneNumberId, secret }: Load): {
  readonly body: string;
  readonly signature: string;
} {
  const all = Array.from({ length: messagesPerWebhook }, () => {
    made += 1;
    return {
      from: String(15550100000 + (made % 1_000)),
      id: `wamid.LOAD-${process.pid}-${made}`,
      timestamp: '1790000000',
      type: 'text',
      text: { body: 'blue or green?' },
    };
  });
  const metadata = { display_phone_number: '15550783881', phone_number_id: phoneNumberId };
  const value = { messaging_product: 'whatsapp', metadata, messages: all };
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }];
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry });
  return { body, signature: `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
}

interface Sample {
  readonly status: number;
  readonly ms: number;
  readonly lateMs: number;
}

async function send(load: Load, pool: PostPool, dueMs: number): Promise<Sample> {
  const { body, signature } = webhookOf(load);
  const lateMs = performance.now() - dueMs;
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature };
  const status = await pool.post('/webhook/whatsapp', headers, body);
  return { status, ms: performance.now() - dueMs, lateMs };
}

async function samplesOf(load: Load, pool: PostPool): Promise<readonly Sample[]> {
  const startedMs = performance.now();
  const endMs = startedMs + load.seconds * 1_000;
  if ('connections' in load) {
    const samples: Sample[] = [];
    const connection = async () => {
      while (performance.now() < endMs) samples.push(await send(load, pool, performance.now()));
    };
    await Promise.all(Array.from({ length: load.connections }, connection));
    return samples;
  }
  const underWay: Promise<Sample>[] = [];
  for (let dueMs = startedMs; dueMs < endMs; dueMs += 1_000 / load.perSecond) {
    while (performance.now() < dueMs) await pause(1);
    underWay.push(send(load, pool, dueMs));
  }
  return await Promise.all(underWay);
}

async function run(load: Load): Promise<LoadResult> {
  const pool = poolOf(load.url);
  const startedMs = performance.now();
  const samples = await samplesOf(load, pool);
  const of = (status: number) => samples.filter((sample) => sample.status === status).map(({ ms }) => ms);
  const late = samples.map(({ lateMs }) => lateMs).sort((a, b) => a - b);
  const [acceptedMs, refusedMs] = [of(200), of(503)];
  return {
    ...{ acceptedMs, refusedMs },
    other: samples.length - acceptedMs.length - refusedMs.length,
    perSecond: samples.length / ((performance.now() - startedMs) / 1_000),
    lateMs: late[Math.floor(late.length * 0.99)] ?? 0,
  };
}

process.on('message', (load: Load) => void run(load).then((result) => process.send?.(result)));
