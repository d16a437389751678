import { readdir, readFile } from 'node:fs/promises';
import type { Database } from '../src/adapters/postgres/database.ts';

/** Of Linux's clock of processes, on all common systems. */
const TICKS_A_SECOND = 100;

/**
 * Processor time that a server of PostgreSQL has used so far, in seconds, with all of its processes, ended ones too. It tells
 * what work costs even on a machine that is busy with something else. NaN where there is no /proc with it.
 */
export async function serverSeconds(database: Database): Promise<number> {
  const [row] = await database.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
  const backend = await statOf(row?.pid ?? 0);
  if (backend === undefined) return Number.NaN;
  const processes = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(statOf));
  const own = processes.filter(
    (one) => one !== undefined && (one.pid === backend.parent || one.parent === backend.parent),
  );
  return own.reduce((sum, one) => sum + (one?.seconds ?? 0), 0);
}

/** The same of one process. */
export async function processSeconds(pid: number): Promise<number> {
  return (await statOf(pid))?.seconds ?? Number.NaN;
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own and that of its children that have ended. */
  readonly seconds: number;
}

async function statOf(pid: number | string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name, in brackets, may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined) return undefined;
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid: Number(pid), parent: Number(fields[1]), seconds: ticks / TICKS_A_SECOND };
}
