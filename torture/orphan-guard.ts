import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Stands by: when this process is gone, even by SIGKILL, the pipe to the guard closes, and the guard kills what is still
 * watched. Reads a line for each process: `+<pid>` from now on, `-<pid>` no more.
 */
const GUARD = `
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {});
  const pids = new Set();
  require('node:readline').createInterface({ input: process.stdin })
    .on('line', (line) => (line[0] === '+' ? pids.add(Number(line)) : pids.delete(-Number(line))))
    .on('close', () => {
      for (const pid of pids) try { process.kill(pid, 'SIGKILL'); } catch {}
    });
`;

let guard: ChildProcess | undefined;

/** Has a child end with this process, whatever ends that one. */
export function endWithUs(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  guard ??= startGuard();
  const { stdin } = guard;
  stdin?.write(`+${pid}\n`);
  child.once('exit', () => stdin?.write(`-${pid}\n`));
}

function startGuard(): ChildProcess {
  const started = spawn(process.execPath, ['-e', GUARD], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  started.unref();
  started.stdin?.on('error', () => {});
  (started.stdin as { unref?: () => void } | null)?.unref?.();
  return started;
}
