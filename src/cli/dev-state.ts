import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What other commands need to talk to the running development server. */
export interface DevState {
  readonly pid: number;
  /** Base URL of the service. */
  readonly url: string;
  /** Base URL of the local Meta. */
  readonly simulatorUrl: string;
  /** The settings that `npm run dev` made up: worthless outside of this machine. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One that runs answers in some ms. */
const ANSWER_LIMIT_MS = 2_000;

function fileIn(dataDir: string): string {
  return join(dataDir, 'dev.json');
}

export async function writeDevState(dataDir: string, state: DevState): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  await writeFile(fileIn(dataDir), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

export async function removeDevState(dataDir: string): Promise<void> {
  await rm(fileIn(dataDir), { force: true });
}

/**
 * The running development server of this folder; undefined if none runs. Its local Meta is asked: the file may be left by a
 * crash, and then its pid may be another process's by now, in a container even our own.
 */
export async function readDevState(dataDir: string): Promise<DevState | undefined> {
  const text = await readFile(fileIn(dataDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const state = JSON.parse(text) as DevState;
    return (await isRunning(state)) ? state : undefined;
  } catch {
    return undefined;
  }
}

async function isRunning({ url, simulatorUrl }: DevState): Promise<boolean> {
  try {
    const response = await fetch(`${simulatorUrl}/_sim/health`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const { webhookUrl } = (await response.json()) as { readonly webhookUrl: unknown };
    return String(webhookUrl).startsWith(`${url}/`);
  } catch (error) {
    // Somebody is there and silent: halted by a debugger, most likely.
    return error instanceof DOMException && error.name === 'TimeoutError';
  }
}
