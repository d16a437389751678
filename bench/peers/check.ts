/**
 * Starts each peer, or those named as arguments, on real servers and a stub of the Graph API and shows what it does with a webhook of
 * three messages, with a wrong signature, with the same webhook again and with SIGTERM. Exit code 1 if one is not as its
 * documentation says.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from '../../tests/support/eventually.ts';
import { GraphStub } from '../../tests/support/graph-stub.ts';
import { testDatabase } from '../../tests/support/postgres.ts';
import { startRedisServer } from '../../tests/support/redis.ts';
import { freePort } from '../../tests/support/server-process.ts';

/** How many messages of a webhook a peer reads. */
const PEERS = {
  'redis-nx': 3,
  'whatsapp-api-js': 1,
  'whatsapp-api-js-queue': 1,
  'pg-boss-defaults': 3,
  'bullmq-jobid': 3,
  'graphile-worker': 3,
} as const;

const PHONE_NUMBER_ID = '106540352242922';
const TOKEN = 'EAAGpeertokenpeertokenpeertoken';
const APP_SECRET = '0123456789abcdef0123456789abcdef';
const START_LIMIT_MS = 60_000;

/** Texts with one, two and one answer. */
const BATCH = ['c1-1 x1', 'c2-1 x2', 'c3-1 x1'];
const LAST = 'c4-1 x1';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

interface Peer {
  readonly url: string;
  readonly child: ChildProcess;
}

async function start(name: string, env: Readonly<Record<string, string>>): Promise<Peer> {
  const { PATH, HOME } = process.env;
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, name, 'server.ts')], {
    env: { PATH, HOME, HOST: '127.0.0.1', PORT: String(port), ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => {
    if (!running.has(child)) throw new Error(`${name} ended with ${child.exitCode}`);
    return await fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }, START_LIMIT_MS);
  return { url, child };
}

async function stop({ child }: Peer): Promise<number | null> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await exited;
  return code as number | null;
}

/** Two entries; the first has two changes, of one message each. */
function webhook(texts: readonly string[]): string {
  const changes = texts.map((body, index) => {
    const from = String(15_550_100_001 + index);
    const id = `wamid.${Buffer.from(`${body} ${randomUUID()}`).toString('base64')}`;
    const value = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '15550100200', phone_number_id: PHONE_NUMBER_ID },
      contacts: [{ profile: { name: 'Amara Okafor' }, wa_id: from }],
      messages: [{ from, id, timestamp: String(Math.floor(Date.now() / 1_000)), type: 'text', text: { body } }],
    };
    return { value, field: 'messages' };
  });
  const entry = [changes.slice(0, 2), changes.slice(2)].filter((part) => part.length > 0);
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: entry.map((part) => ({ id: '218765430912345', changes: part })),
  });
}

async function post({ url }: Peer, body: string, secret = APP_SECRET): Promise<number> {
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` };
  return (await fetch(`${url}/webhook/whatsapp`, { method: 'POST', headers, body })).status;
}

/** What was sent, without the run: `<to> re <subject> <i>/<count>`. @throws Error for a request that Meta would not take */
function answers(graph: GraphStub): readonly string[] {
  return graph.requests.map(({ method, path, headers, body }) => {
    const { messaging_product, to, type, text } = JSON.parse(body);
    const wellFormed =
      method === 'POST' &&
      path === `/v25.0/${PHONE_NUMBER_ID}/messages` &&
      headers.authorization === `Bearer ${TOKEN}` &&
      messaging_product === 'whatsapp' &&
      type === 'text' &&
      / run [0-9a-f-]{36}$/.test(text?.body);
    if (!wellFormed) throw new Error(`not a send of a text: ${method} ${path} ${body}`);
    return `${to} ${text.body.replace(/ run \S+$/, '')}`;
  });
}

function expectedAnswers(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text, index) => {
    const [subject, count = '0'] = text.split(' x');
    return Array.from({ length: Number(count) }, (_, i) => `${15_550_100_001 + index} re ${subject} ${i + 1}/${count}`);
  });
}

function expectEqual(what: string, actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`);
}

/** A line about what the peer did. @throws Error if that is not what it should do */
async function check(name: string, reads: number, graph: GraphStub, peer: Peer): Promise<string> {
  const forged = await post(peer, webhook(['forged-1 x1']), 'another secret');
  if (forged === 200) throw new Error('took a wrong signature');
  const batch = webhook(BATCH);
  const expected = expectedAnswers(BATCH.slice(0, reads));
  expectEqual('the webhook was answered with', await post(peer, batch), 200);
  await eventually(() => graph.requests.length >= expected.length);
  expectEqual('the answers are', [...answers(graph)].sort(), expected);

  const again = await post(peer, batch);
  expectEqual('the last webhook was answered with', await post(peer, webhook([LAST])), 200);
  await eventually(() => answers(graph).some((answer) => answer.includes(' re c4-1 ')));
  // Queues hand out in order, so that the repetitions have been taken before the last one; a stop in order waits for them.
  expectEqual('SIGTERM ended it with', await stop(peer), 0);
  const repeated = answers(graph).length - expected.length - 1;
  if (answers(graph).some((answer) => answer.includes('forged'))) throw new Error('handled a forged message');
  return `${name}: wrong signature ${forged}, not handled; ${reads} of 3 messages answered; the same again ${again}, ${
    repeated === 0 ? 'not handled again' : `${repeated} of ${expected.length} answers sent again`
  }; SIGTERM 0`;
}

async function checkPeer(name: string, reads: number): Promise<string> {
  const [database, redis, graph] = await Promise.all([
    testDatabase({ blank: true }),
    startRedisServer(),
    GraphStub.open(),
  ]);
  try {
    const peer = await start(name, {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      WHATSAPP_API_URL: graph.apiUrl,
      WHATSAPP_ACCESS_TOKEN: TOKEN,
      WHATSAPP_WEBHOOK_SECRET: APP_SECRET,
      WHATSAPP_PHONE_NUMBER_ID: PHONE_NUMBER_ID,
      WHATSAPP_VERIFY_TOKEN: 'verify-token-of-the-peers',
    });
    return await check(name, reads, graph, peer);
  } finally {
    await Promise.all([graph.close(), redis.stop(), database.drop()]);
  }
}

const wanted = process.argv.slice(2);
for (const [name, reads] of Object.entries(PEERS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  try {
    console.log(await checkPeer(name, reads));
  } catch (error) {
    console.error(`${name}: NOT AS IT SHOULD BE: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
process.exit();
