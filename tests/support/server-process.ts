import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerCommand {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Of the server alone, removed when it has stopped. Its output goes to `server.log` in it. */
  readonly folder: string;
  /** Ends the server at once and in order. */
  readonly stopSignal: NodeJS.Signals;
  /** Rejects or resolves to false as long as the server does not answer. */
  readonly isUp: () => Promise<boolean>;
  /** Besides the environment of the tests. */
  readonly env?: NodeJS.ProcessEnv;
  readonly user?: { readonly uid: number; readonly gid: number };
}

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;

/**
 * What stands by while a server runs: when this process is gone, whether it ended, was interrupted or killed, the pipe to
 * the guard closes, and the guard ends the server and removes its folder. No hook or signal handler could promise that.
 */
const GUARD = `
  const { rmSync } = require('node:fs');
  const [pid, signal, folder] = process.argv.slice(1);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {});
  const isSent = (name) => {
    try {
      return process.kill(Number(pid), name);
    } catch {
      return false;
    }
  };
  process.stdin.resume().on('close', async () => {
    for (const deadline = Date.now() + ${STOP_LIMIT_MS}; isSent('SIGCONT') && isSent(signal) && Date.now() < deadline; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    isSent('SIGKILL');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit();
  });
`;

/** A server that runs as long as this process at most. It does not keep the process alive. */
export class ServerProcess {
  readonly #server: ChildProcess;
  readonly #guard: ChildProcess;
  readonly #command: ServerCommand;

  private constructor(command: ServerCommand, server: ChildProcess, guard: ChildProcess) {
    this.#command = command;
    this.#server = server;
    this.#guard = guard;
  }

  /** Resolves when the server answers. @throws Error with the end of its log if it does not within 30 s. */
  static async start(command: ServerCommand): Promise<ServerProcess> {
    const log = openSync(join(command.folder, 'server.log'), 'a');
    // A group of its own: Ctrl-C in the terminal must reach the tests first, which still want to close their connections.
    const server = spawn(command.command, command.args, {
      ...command.user,
      cwd: command.folder,
      env: { ...process.env, ...command.env },
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const failed = new Promise<never>((_, reject) => server.once('error', reject));
    failed.catch(() => {});
    server.unref();
    if (server.pid === undefined) await failed;
    const guard = spawn(process.execPath, ['-e', GUARD, String(server.pid), command.stopSignal, command.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    guard.unref();
    (guard.stdin as { unref?: () => void } | null)?.unref?.();
    const started = new ServerProcess(command, server, guard);
    await started.#waitUntilUp();
    return started;
  }

  get pid(): number {
    return this.#server.pid as number;
  }

  /** Sends a signal, such as SIGSTOP to freeze the server, SIGCONT to thaw it, SIGKILL for a crash. */
  signal(name: NodeJS.Signals): void {
    this.#server.kill(name);
  }

  /** Resolves when the process is gone. */
  async exited(): Promise<void> {
    if (this.#server.exitCode === null && this.#server.signalCode === null) await once(this.#server, 'exit');
  }

  /** Ends the server, frozen or not; its folder goes too, unless it is to be started again on it. */
  async stop({ keepFolder = false } = {}): Promise<void> {
    this.signal('SIGCONT');
    this.signal(this.#command.stopSignal);
    const killed = setTimeout(() => this.signal('SIGKILL'), STOP_LIMIT_MS);
    await this.exited();
    clearTimeout(killed);
    this.#guard.kill('SIGKILL');
    if (!keepFolder) await rm(this.#command.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #waitUntilUp(): Promise<void> {
    const deadline = Date.now() + START_LIMIT_MS;
    while (!(await this.#command.isUp().catch(() => false))) {
      const gone = this.#server.exitCode !== null || this.#server.signalCode !== null;
      if (gone || Date.now() > deadline) {
        const log = readFileSync(join(this.#command.folder, 'server.log'), 'utf8').slice(-2000);
        await this.stop();
        throw new Error(`${this.#command.name} did not start:\n${log}`);
      }
      await sleep(20);
    }
  }
}

/** A port of 127.0.0.1 that is free right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
