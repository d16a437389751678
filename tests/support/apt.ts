import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Installs a Debian package where that works without a question: as root, or with a sudo that needs no password. */
export async function installWithApt(name: string): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const sudo = isRoot ? [] : ['sudo', '-n'];
  if (!isRoot && !(await succeeds('sudo', ['-n', 'true']))) return;
  const apt = async (...args: string[]) => {
    // RUNLEVEL=1: the package must not start a server of its own, where a service manager asks for it.
    const environment = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1'];
    const [command = 'env', ...rest] = [...sudo, ...environment, 'apt-get', '-o', 'DPkg::Lock::Timeout=120', ...args];
    return succeeds(command, rest);
  };
  const install = ['install', '-y', '--no-install-recommends', name];
  if (!(await apt(...install)) && (await apt('update'))) await apt(...install);
}

export async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(command, [...args]);
    return true;
  } catch {
    return false;
  }
}
