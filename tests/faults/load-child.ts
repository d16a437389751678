import { createHmac } from 'node:crypto';
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

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

function webhookOf({ messagesPerWebhook, phoneNumberId, secret }: Load): {
  readonly body: Buffer;
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
  const body = Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', entry }));
  return { body, signature: `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
}

interface Sample {
  readonly status: number;
  readonly ms: number;
  readonly lateMs: number;
}

function send(load: Load, agent: http.Agent, dueMs: number): Promise<Sample> {
  const { body, signature } = webhookOf(load);
  const lateMs = performance.now() - dueMs;
  const headers = {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-hub-signature-256': signature,
  };
  return new Promise((resolve) => {
    const end = (status: number) => resolve({ status, ms: performance.now() - dueMs, lateMs });
    const request = http.request(`${load.url}/webhook/whatsapp`, { method: 'POST', headers, agent });
    request.on('error', () => end(0));
    request.on('response', (response) => {
      response.on('end', () => end(response.statusCode ?? 0)).on('error', () => end(0));
      response.resume();
    });
    request.end(body);
  });
}

async function samplesOf(load: Load, agent: http.Agent): Promise<readonly Sample[]> {
  const startedMs = performance.now();
  const endMs = startedMs + load.seconds * 1_000;
  if ('connections' in load) {
    const samples: Sample[] = [];
    const connection = async () => {
      while (performance.now() < endMs) samples.push(await send(load, agent, performance.now()));
    };
    await Promise.all(Array.from({ length: load.connections }, connection));
    return samples;
  }
  const underWay: Promise<Sample>[] = [];
  for (let dueMs = startedMs; dueMs < endMs; dueMs += 1_000 / load.perSecond) {
    while (performance.now() < dueMs) await pause(1);
    underWay.push(send(load, agent, dueMs));
  }
  return await Promise.all(underWay);
}

async function run(load: Load): Promise<LoadResult> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4_000 });
  const startedMs = performance.now();
  const samples = await samplesOf(load, agent);
  agent.destroy();
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
