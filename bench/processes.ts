import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Load, LoadResult } from './load-generator.ts';
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
  readonly url: string;
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
  return start('src/main.ts', { ...SETTINGS, ...DEFAULTS, ...env }, nodeArgs);
}

/** See bench/bare-server.ts. */
export function startBareServer(): Promise<ServiceUnderTest> {
  return start('bench/bare-server.ts', {}, []);
}

async function start(
  file: string,
  settings: Readonly<Record<string, string>>,
  nodeArgs: readonly string[],
): Promise<ServiceUnderTest> {
  const { PATH, HOME } = process.env;
  const child = owned(
    spawn(process.execPath, [...nodeArgs, join(ROOT, file)], {
      cwd: ROOT,
      env: { PATH, HOME, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const url = await readyUrl(child);
  // Nobody reads on; a full pipe would hold the service up.
  child.stdout.resume();
  return {
    url,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const [code] = await exited;
      if (code !== 0) throw new Error(`${file} ended with ${code}`);
    },
  };
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
