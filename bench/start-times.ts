import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceEnvironment } from './processes.ts';
import type { Case, Measured } from './section.ts';
import { freshDatabase } from './servers.ts';

export const START = 'start: from the command to "ready", in seconds';

const ROOT = join(import.meta.dirname, '..');

const LIMIT_MS = 60_000;

/** How long its children may take to end after it was asked to. */
const END_LIMIT_MS = 15_000;

export const START_CASES: readonly Case[] = [
  { id: 'npm-start', section: 'start', run: measureStart },
  { id: 'npm-dev', section: 'start', run: measureDev },
];

/** The second start finds the schema, as any but the very first one of an installation. */
async function measureStart(): Promise<readonly Measured[]> {
  const database = await freshDatabase();
  const env = serviceEnvironment({ STORE: 'postgres', DATABASE_URL: database.url });
  try {
    const first = await secondsUntil(['npm', 'start'], env, '"message":"Ready"');
    const again = await secondsUntil(['npm', 'start'], env, '"message":"Ready"');
    const bare = await secondsUntil([process.execPath, 'src/main.ts'], env, '"message":"Ready"');
    return [
      { table: START, row: 'npm start, empty database', figures: { s: first } },
      { table: START, row: 'npm start, existing schema', figures: { s: again } },
      { table: START, row: 'node src/main.ts, existing schema', figures: { s: bare } },
    ];
  } finally {
    await database.drop();
  }
}

async function measureDev(): Promise<readonly Measured[]> {
  const folder = await mkdtemp(join(tmpdir(), 'wahook-bench-'));
  const env = { DATA_DIR: folder, PORT: '0', SIM_PORT: '0', BOT: 'bench/bot.ts' };
  try {
    const cold = await secondsUntil(['npm', 'run', 'dev'], env, 'ready in ');
    const warm = await secondsUntil(['npm', 'run', 'dev'], env, 'ready in ');
    return [
      { table: START, row: 'npm run dev, cold', figures: { s: cold } },
      { table: START, row: 'npm run dev, warm', figures: { s: warm } },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts a command, waits for the text in what it writes, and ends it with all that it has started. */
async function secondsUntil(
  [command, ...args]: readonly [string, ...string[]] | readonly string[],
  env: Readonly<Record<string, string>>,
  text: string,
): Promise<number> {
  const { PATH, HOME } = process.env;
  const startedMs = performance.now();
  const options = { cwd: ROOT, env: { PATH, HOME, ...env }, detached: true } as const;
  const child = spawn(command as string, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    await said(child, text);
    return (performance.now() - startedMs) / 1_000;
  } finally {
    await endGroup(child);
  }
}

async function said(child: ChildProcess, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let output = '';
  const failed = () => reject(new Error(`not ready:\n${output.slice(-2_000)}`));
  const timer = setTimeout(failed, LIMIT_MS);
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(text)) resolve();
    });
  child.once('exit', failed);
  await promise.finally(() => clearTimeout(timer));
}

/** The group, since npm is between us and the service. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, 'close');
  process.kill(-child.pid, 'SIGTERM');
  const killer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), END_LIMIT_MS);
  await closed;
  clearTimeout(killer);
}
