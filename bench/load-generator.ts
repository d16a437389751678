import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Spread, spreadOf } from './figures.ts';
import { messageWebhook, type SignedWebhook } from './webhooks.ts';

/** What to send, in this process's own event loop; the parent sends one at a time. */
export type Load =
  /** So many requests a second on average, whatever the answers do, at random moments (a Poisson process). */
  | { readonly kind: 'open'; readonly url: string; readonly perSecond: number; readonly seconds: number }
  /** So many connections, each of which sends its next request when it has its answer. */
  | { readonly kind: 'closed'; readonly url: string; readonly connections: number; readonly seconds: number };

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** From the moment at which the request was due (open) or sent (closed) to the end of its answer. */
  readonly ackMs: Spread;
  /** Anything but a 200, connection errors included. */
  readonly failed: number;
  /** How late this process itself was in sending, which is part of `ackMs`. */
  readonly lateMs: Spread;
}

const CUSTOMERS = 1_000;

/** More than are ever under way, so that no request waits here for a connection. */
const MAX_CONNECTIONS = 1_000;

/** Ready-made webhooks that a connection of the closed loop takes at once: making one takes about 10 µs. */
const READY = 20_000;

interface Sample {
  readonly dueMs: number;
  readonly sentMs: number;
  readonly endMs: number;
  readonly ok: boolean;
}

async function run(load: Load): Promise<LoadResult> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
  const startedMs = performance.now();
  const samples = load.kind === 'open' ? await open(load, agent) : await closed(load, agent);
  agent.destroy();
  const seconds = (Math.max(...samples.map(({ endMs }) => endMs)) - startedMs) / 1_000;
  return {
    requests: samples.length,
    perSecond: samples.length / seconds,
    ackMs: spreadOf(samples.map(({ dueMs, endMs }) => endMs - dueMs)),
    failed: samples.filter(({ ok }) => !ok).length,
    lateMs: spreadOf(samples.map(({ dueMs, sentMs }) => sentMs - dueMs)),
  };
}

async function open(
  { url, perSecond, seconds }: Extract<Load, { kind: 'open' }>,
  agent: http.Agent,
): Promise<readonly Sample[]> {
  const webhooks = Array.from({ length: Math.round(perSecond * seconds) }, () => messageWebhook(CUSTOMERS));
  const underWay: Promise<Sample>[] = [];
  let dueMs = performance.now();
  for (const webhook of webhooks) {
    dueMs += (-Math.log(1 - Math.random()) * 1_000) / perSecond;
    while (performance.now() < dueMs) await pause(1);
    underWay.push(send(url, agent, webhook, dueMs));
  }
  return await Promise.all(underWay);
}

async function closed(
  { url, connections, seconds }: Extract<Load, { kind: 'closed' }>,
  agent: http.Agent,
): Promise<readonly Sample[]> {
  const ready = Array.from({ length: READY }, () => messageWebhook(CUSTOMERS));
  const samples: Sample[] = [];
  const endMs = performance.now() + seconds * 1_000;
  const connection = async () => {
    while (performance.now() < endMs)
      samples.push(await send(url, agent, ready.pop() ?? messageWebhook(CUSTOMERS), performance.now()));
  };
  await Promise.all(Array.from({ length: connections }, connection));
  return samples;
}

/** Never rejects. */
function send(url: string, agent: http.Agent, webhook: SignedWebhook, dueMs: number): Promise<Sample> {
  const { promise, resolve } = Promise.withResolvers<Sample>();
  const sentMs = performance.now();
  const end = (ok: boolean) => resolve({ dueMs, sentMs, endMs: performance.now(), ok });
  const request = http.request(`${url}/webhook/whatsapp`, {
    agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': webhook.body.length,
      'x-hub-signature-256': webhook.signature,
    },
  });
  request.on('error', () => end(false));
  request.on('response', (response) => {
    response.on('end', () => end(response.statusCode === 200)).on('error', () => end(false));
    response.resume();
  });
  request.end(webhook.body);
  return promise;
}

process.on('message', (load: Load) => {
  void run(load).then((result) => process.send?.(result));
});
