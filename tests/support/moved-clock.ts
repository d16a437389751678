import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installWithApt } from './apt.ts';

/** Where the package `faketime` of Debian and Ubuntu puts it. */
const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((arch) => `/usr/lib/${arch}/faketime/libfaketime.so.1`);

/** The wall clock of the processes that are started with `env`; moving it moves that of those that run. */
export interface MovedClock {
  readonly env: Readonly<Record<string, string>>;
  /** So many days after the real time. */
  moveTo(days: number): void;
  remove(): void;
}

/** @throws Error where libfaketime is not installed and cannot be. */
export async function movedClock(): Promise<MovedClock> {
  const folder = mkdtempSync(join(tmpdir(), 'wahook-clock-'));
  const file = join(folder, 'offset');
  const moveTo = (days: number) => writeFileSync(file, `+${days * 24 * 60 * 60}`, { mode: 0o644 });
  moveTo(0);
  // A server that runs as another user reads it as well.
  chmodSync(folder, 0o755);
  const env = {
    LD_PRELOAD: await library(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
    // Timers and time-outs go on as ever.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { env, moveTo, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

async function library(): Promise<string> {
  const found = await installed();
  if (found !== undefined) return found;
  await installWithApt('faketime');
  const then = await installed();
  if (then !== undefined) return then;
  throw new Error(
    'The tests of days to come need libfaketime: install the package faketime (e.g. `apt-get install faketime`).',
  );
}

async function installed(): Promise<string | undefined> {
  for (const path of LIBRARIES) {
    const exists = await stat(path).then(
      () => true,
      () => false,
    );
    if (exists) return path;
  }
  return undefined;
}
