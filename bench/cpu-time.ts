import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** Linux gives the times of a process in hundredths of a second. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** Its own seconds and those of children that have ended. */
  readonly seconds: number;
}

/**
 * Seconds of processor that each of these processes has used with all of its descendants, those that have ended included;
 * NaN where there is no `/proc`.
 */
export function cpuSecondsOf(pids: readonly number[]): readonly number[] {
  const processes = readProcesses();
  if (processes === undefined) return pids.map(() => Number.NaN);
  const children = Map.groupBy(processes, ({ parent }) => parent);
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  const sum = (pid: number): number =>
    (byPid.get(pid)?.seconds ?? 0) + (children.get(pid) ?? []).reduce((total, child) => total + sum(child.pid), 0);
  return pids.map(sum);
}

function readProcesses(): readonly ProcessTimes[] | undefined {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => timesOf(name) ?? []);
  } catch {
    return undefined;
  }
}

/** Undefined if the process has just ended. See proc_pid_stat(5); the name of the program may hold blanks and brackets. */
function timesOf(pid: string): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
    return { pid: Number(pid), parent: Number(fields[1]), seconds: ticks / TICKS_PER_SECOND };
  } catch {
    return undefined;
  }
}

/** Seconds that all processors of the machine were busy since its start, or NaN. */
function busySeconds(): number {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
    const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
    return (user + nice + system + irq + soft + steal) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

/** What else the processors did between `new` and `end`, and how busy they were on the whole. */
export class Neighbours {
  readonly #startedMs = performance.now();
  readonly #busy = busySeconds();
  readonly #ours = cpuSecondsOf([process.pid])[0] ?? Number.NaN;

  /** `others`: share of all processors that went to processes which this one did not start, 0 to 1. */
  end(): { readonly others: number; readonly load: number } {
    const seconds = ((performance.now() - this.#startedMs) / 1_000) * availableParallelism();
    const others = busySeconds() - this.#busy - ((cpuSecondsOf([process.pid])[0] ?? Number.NaN) - this.#ours);
    return { others: Math.max(0, others / seconds), load: loadavg()[0] ?? 0 };
  }
}
