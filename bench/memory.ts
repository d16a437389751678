import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../tests/support/eventually.ts';
import { freePort } from '../tests/support/server-process.ts';
import { bytesInUse } from './inspected.ts';
import { LoadConnection } from './load-connection.ts';
import { requestOf } from './load-requests.ts';
import { LoadGenerator } from './processes.ts';
import type { Case, Measured } from './section.ts';
import { onPostgres } from './subjects.ts';
import { messageWebhook } from './webhooks.ts';

const run = promisify(execFile);

export const MEMORY = 'memory of the web process';
export const SMALL_HEAP = 'memory of the web process with --max-semi-space-size=8 --max-old-space-size=128';

const SMALL_HEAP_ARGS = ['--max-semi-space-size=8', '--max-old-space-size=128'];

const MIB = 1_024 ** 2;

/** As in docs/performance.md. The last one takes minutes, so the section runs only if it is asked for. */
const MESSAGES = [10_000, 100_000, 1_000_000];

/** One load, shorter in the beginning; the process is looked at after each. */
const STEP_SECONDS = 5;
const FIRST_STEP_SECONDS = 0.5;

const WAITING = 'memory of what is under way: heap and buffers after a full collection, for each of 1,000';

/** As many webhooks as may wait for the store at once: see `src/http/admission.ts`. */
const MOST_WAITING = 1_000;

const HEALTH = Buffer.from('GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');

export const MEMORY_CASES: readonly Case[] = [
  { id: 'memory-of-web', section: 'memory', run: () => measureMemory(MEMORY, []) },
  { id: 'memory-of-small-heap', section: 'memory', run: () => measureMemory(SMALL_HEAP, SMALL_HEAP_ARGS) },
  { id: 'memory-of-waiting', section: 'memory', run: measureWaiting },
];

/** The collection of each look does not make the next RSS smaller by much: at least 90,000 messages come in between. */
async function measureMemory(table: string, nodeArgs: readonly string[]): Promise<readonly Measured[]> {
  const inspector = await freePort();
  const running = await onPostgres({ receivers: 1 }, [`--inspect=127.0.0.1:${inspector}`, ...nodeArgs]);
  const [receiver] = running.receivers;
  const generator = new LoadGenerator();
  const lines: Measured[] = [];
  let messages = 0;
  try {
    while (receiver !== undefined && messages < Math.max(...MESSAGES)) {
      const seconds = lines.length === 0 ? FIRST_STEP_SECONDS : STEP_SECONDS;
      const load = { kind: 'closed', connections: 64, seconds, urls: [receiver.url] } as const;
      messages += (await generator.run(load)).requests;
      const next = MESSAGES[lines.length];
      if (next === undefined || messages < next) continue;
      const row = `after ${next.toLocaleString('en')} messages`;
      const rss = await rssMib(receiver.pid);
      const inUse = (await bytesInUse(inspector)) / MIB;
      lines.push({ table, row, figures: { 'RSS, MiB': rss, 'in use, MiB': inUse, messages } });
    }
    return lines;
  } finally {
    generator.stop();
    await running.stop();
  }
}

async function rssMib(pid: number): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) / 1_024;
}

/** The connections alone, and with a webhook of one message on each. */
async function measureWaiting(): Promise<readonly Measured[]> {
  const child = fork(join(import.meta.dirname, 'waiting-server.ts'), { execArgv: ['--expose-gc'] });
  try {
    const [{ url }] = (await once(child, 'message')) as [{ readonly url: string }];
    const look = async () => {
      child.send('look');
      const [seen] = await once(child, 'message');
      return seen as { readonly bytes: number; readonly waiting: number };
    };
    const empty = await look();
    const connections = Array.from({ length: MOST_WAITING }, () => new LoadConnection(new URL(url)));
    await Promise.all(connections.map((connection) => new Promise((done) => connection.send(HEALTH, done))));
    const connected = await look();
    for (const connection of connections) connection.send(requestOf(messageWebhook(MOST_WAITING)), () => {});
    await eventually(async () => (await look()).waiting === MOST_WAITING);
    const waiting = await look();
    for (const connection of connections) connection.close();
    const line = (row: string, bytes: number): Measured => {
      return { table: WAITING, row, figures: { bytes: bytes / MOST_WAITING } };
    };
    return [
      line('a connection that is kept open', connected.bytes - empty.bytes),
      line('a webhook of 900 bytes that waits on it', waiting.bytes - connected.bytes),
    ];
  } finally {
    child.kill();
  }
}
