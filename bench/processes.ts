import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../tests/support/eventually.ts';
import { freePort } from '../tests/support/server-process.ts';
import type { Load, LoadResult } from './load.ts';
import { SETTINGS } from './webhooks.ts';

const ROOT = join(import.meta.dirname, '..');
const START_LIMIT_MS = 60_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function owned<Child extends ChildProcess>(child: Child): Child {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** The service in a process of its own, as `npm start` runs it. */
export interface ServiceUnderTest {
  /** Where webhooks go is `/webhook/whatsapp` below it. */
  readonly url: string;
  readonly pid: number;
  /** @throws Error if it does not end in order */
  stop(): Promise<void>;
}

/** Empty is unset, and wins over what a file `.env` says. */
const DEFAULTS = {
  BOT: 'bench/bot.ts',
  LOG_FORMAT: 'json',
  HOST: '127.0.0.1',
  PORT: '0',
  DATABASE_URL: '',
  REDIS_URL: '',
  // What is measured is this service, not how long it waits for Meta's limits.
  SEND_PER_SECOND: '100000',
  SEND_PAIR_INTERVAL: '0s',
} as const;

/** Resolves when the service is ready. `nodeArgs`: flags for Node, such as `--cpu-prof`. */
export function startService(
  env: Readonly<Record<string, string>>,
  nodeArgs: readonly string[] = [],
): Promise<ServiceUnderTest> {
  return start('src/main.ts', serviceEnvironment(env), nodeArgs);
}

/** All that the service needs, with these settings among it. */
export function serviceEnvironment(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...SETTINGS, ...DEFAULTS, ...env };
}

export function peersAreInstalled(): boolean {
  return existsSync(join(ROOT, 'bench/peers/node_modules'));
}

/** A server of this folder that says on a line of JSON that it is ready, as the service does. */
export function startCeiling(file: 'bare-server.ts' | 'express-server.ts'): Promise<ServiceUnderTest> {
  return start(`bench/${file}`, { ...SETTINGS }, []);
}

/** One of bench/peers, which only receives: what it has stored waits. Resolves when it says that it is ready. */
export async function startPeer(name: string, env: Readonly<Record<string, string>>): Promise<ServiceUnderTest> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const own = {
    HOST: '127.0.0.1',
    PORT: String(port),
    RECEIVE_ONLY: '1',
    WHATSAPP_API_URL: 'http://127.0.0.1:9/v25.0',
  };
  const child = spawnNode(`bench/peers/${name}/server.ts`, { ...SETTINGS, ...own, ...env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      if (output.length < 10_000) output += chunk.toString();
    });
  const isReady = async () => {
    if (child.exitCode !== null) throw new Error(`the peer ${name} ended:\n${output}`);
    return await fetch(`${url}/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  await eventually(isReady, START_LIMIT_MS);
  // A peer that has given up its connections to a store may never end in order.
  return { url, pid: child.pid ?? 0, stop: async () => void (await end(child, 'SIGKILL')) };
}

async function start(
  file: string,
  settings: Readonly<Record<string, string>>,
  nodeArgs: readonly string[],
): Promise<ServiceUnderTest> {
  const child = spawnNode(file, settings, nodeArgs);
  const url = await readyUrl(child);
  // Nobody reads on; a full pipe would hold the service up.
  child.stdout.resume();
  return {
    url,
    pid: child.pid ?? 0,
    stop: async () => {
      const code = await end(child, 'SIGTERM');
      if (code !== 0) throw new Error(`${file} ended with ${code}`);
    },
  };
}

function spawnNode(file: string, settings: Readonly<Record<string, string>>, nodeArgs: readonly string[] = []) {
  const { PATH, HOME } = process.env;
  return owned(
    spawn(process.execPath, [...nodeArgs, join(ROOT, file)], {
      cwd: ROOT,
      env: { PATH, HOME, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  const [code] = await exited;
  return code as number | null;
}

type Child = ChildProcess & { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream };

/** What the service writes is shown only if it does not become ready: its warnings are about a set-up that is meant so. */
async function readyUrl(child: Child): Promise<string> {
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout });
  const timer = setTimeout(() => lines.close(), START_LIMIT_MS);
  try {
    for await (const line of lines) {
      output += `${line}\n`;
      if (line.includes('"message":"Ready"')) return (JSON.parse(line) as { url: string }).url;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`the service did not become ready:\n${output}`);
}

/** Sends webhooks from a process of its own, so that measuring does not share an event loop with what is measured. */
export class LoadGenerator {
  readonly #child = owned(fork(join(ROOT, 'bench/load-generator.ts')));

  async run(load: Load): Promise<LoadResult> {
    this.#child.send(load);
    const [result] = await once(this.#child, 'message');
    return result as LoadResult;
  }

  stop(): void {
    this.#child.kill();
  }
}
