import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { WahookError } from '../../core/errors.ts';

export interface FolderLock {
  /** Repeating it is harmless. */
  release(): Promise<void>;
}

interface Holder {
  /** Different for each lock that was ever taken. */
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** Tells the process from a later one with the same pid; undefined where the system does not say. */
  readonly startedAt?: string;
}

/** What an unreadable lock stands for: a process that is gone. */
const DAMAGED: Holder = { token: 'damaged', pid: 0, host: '' };

/**
 * Reserves a folder for this process by a file `<folder>.lock` beside it. A lock whose process is gone (kill -9, power cut)
 * is taken over; of several processes that try so at once, one succeeds.
 *
 * @throws WahookError `already_running` with the pid of the process that has it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = `${resolve(folder)}.lock`;
  await mkdir(dirname(path), { recursive: true });
  const startedAt = await startOf(process.pid);
  const self: Holder = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    ...(startedAt !== undefined && { startedAt }),
  };
  if (!(await acquire(path, self))) throw alreadyRunning(folder, path, await read(path));
  return {
    async release() {
      if ((await read(path))?.token === self.token) await rm(path, { force: true });
    },
  };
}

async function acquire(path: string, self: Holder): Promise<boolean> {
  if (await create(path, self)) return true;
  const holder = await read(path);
  // Released just now: whoever is faster has it.
  if (holder === undefined) return create(path, self);
  return !(await isAlive(holder)) && (await takeOver(path, holder, self));
}

/** A link comes into being with its content; a file that is opened for writing could be read while it is still empty. */
async function create(path: string, holder: Holder): Promise<boolean> {
  const draft = `${path}.${holder.token}.draft`;
  await writeFile(draft, JSON.stringify(holder));
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Only who makes the marker for this very lock may replace it, and only while it is still there. */
async function takeOver(path: string, stale: Holder, self: Holder): Promise<boolean> {
  const marker = `${path}.${stale.token}`;
  if (!(await create(marker, self))) return false;
  try {
    if ((await read(path))?.token !== stale.token) return false;
    await rename(marker, path);
    return true;
  } finally {
    await rm(marker, { force: true });
  }
}

/** Undefined if there is no lock. */
async function read(path: string): Promise<Holder | undefined> {
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return content === undefined ? undefined : parse(content);
}

function parse(content: string): Holder {
  try {
    const holder = JSON.parse(content) as Partial<Holder> | null;
    if (typeof holder?.token === 'string' && typeof holder.pid === 'number') return holder as Holder;
  } catch {
    // Cut short, as after a power cut.
  }
  return DAMAGED;
}

async function isAlive(holder: Holder): Promise<boolean> {
  if (holder === DAMAGED) return false;
  // Another machine or container on the same disk: nobody can know.
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return holder.startedAt === undefined || holder.startedAt === (await startOf(holder.pid));
}

/** Boot and time of the start of a process (Linux: field 22 of /proc/<pid>/stat, in clock ticks since boot). */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the program's name in parentheses, may hold spaces and parentheses itself.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks && `${boot.trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}

function alreadyRunning(folder: string, path: string, holder: Holder | undefined): WahookError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return new WahookError(
    'already_running',
    `The database in ${folder} is in use by ${who}: stop it, or set DATABASE_URL to a Postgres server, which many processes can share (if that process is gone, delete ${path}).`,
  );
}
