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

/** The running development server of this folder; undefined if none runs (a file left by a crash does not count). */
export async function readDevState(dataDir: string): Promise<DevState | undefined> {
  const text = await readFile(fileIn(dataDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const state = JSON.parse(text) as DevState;
    process.kill(state.pid, 0);
    return state;
  } catch {
    return undefined;
  }
}
