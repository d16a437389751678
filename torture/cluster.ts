import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../tests/support/server-process.ts';
import { endWithUs } from './orphan-guard.ts';
import type { Arming, Death, Receiver, Role } from './scenario.ts';

const ROOT = join(import.meta.dirname, '..');

export interface ClusterOptions {
  readonly receiver: Receiver;
  /** Of the process with this name: its settings besides ROLE, HOST and PORT. */
  readonly environment: (name: string) => Readonly<Record<string, string>>;
  readonly arm: (role: Role) => Arming;
  readonly onDeath: (death: Death) => void;
  /** Folder for the output, one file a process. */
  readonly logs: string;
}

const NAMES = ['web-1', 'web-2', 'worker-1', 'worker-2'] as const;
const ROLES: Readonly<Record<string, Role>> = {
  'web-1': 'web',
  'web-2': 'web',
  'worker-1': 'worker',
  'worker-2': 'worker',
};

const READY_LIMIT_MS = 120_000;
const READY_POLL_MS = 50;
/** A process that dies at once would be started in an endless hurry. */
const LEAST_LIFE_MS = 300;
const END_BYTES = 2_000;

/** Two processes that receive and two that work, each started again at once when it dies, on the same port. */
export class Cluster {
  readonly members: readonly Member[];

  private constructor(members: readonly Member[]) {
    this.members = members;
  }

  /** Resolves when all of them are ready. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    mkdirSync(join(options.logs, 'empty'), { recursive: true });
    const members: Member[] = [];
    for (const name of NAMES) members.push(new Member(name, ROLES[name] as Role, await freePort(), options));
    const cluster = new Cluster(members);
    for (const member of members) member.start();
    try {
      await Promise.all(members.map((member) => member.ready(READY_LIMIT_MS)));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Where Meta's webhooks go. */
  get webUrls(): readonly string[] {
    return this.members.filter(({ role }) => role === 'web').map(({ url }) => url);
  }

  /** Ends them for good. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.end()));
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One place in the cluster, held by one process after the other. */
export class Member {
  readonly name: string;
  readonly role: Role;
  readonly #port: number;
  readonly #options: ClusterOptions;
  #child: ChildProcess | undefined;
  #isReady = false;
  #isOurs = false;
  #isOver = false;
  #startedAt = 0;
  /** True as long as a fault is at work on it. */
  isBusy = false;
  /** How long its last start took until it was ready. */
  startMs = 0;

  constructor(name: string, role: Role, port: number, options: ClusterOptions) {
    this.name = name;
    this.role = role;
    this.#port = port;
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** It runs, ready or not, and was not told to end. */
  get isAlive(): boolean {
    return this.#child !== undefined && running.has(this.#child) && !this.#isOurs;
  }

  start(): void {
    const { receiver, environment, arm, logs } = this.#options;
    const armed = arm(this.role);
    const [program = process.execPath, ...args] = receiver.command;
    const log = openSync(join(logs, `${this.name}.log`), 'a');
    const { PATH, HOME } = process.env;
    const child = spawn(program, [...(armed.nodeArgs ?? []), ...args], {
      // An empty folder: the `.env` of whoever runs this is not for it.
      cwd: join(logs, 'empty'),
      env: {
        ...{ PATH, HOME, NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/wahook/compiled') },
        ...environment(this.name),
        ...{ ROLE: this.role, HOST: '127.0.0.1', PORT: String(this.#port) },
        ...receiver.env,
        ...armed.env,
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    running.add(child);
    endWithUs(child);
    this.#child = child;
    this.#isReady = false;
    this.#isOurs = false;
    this.#startedAt = performance.now();
    child.once('error', () => {});
    child.once('exit', (exitCode, signal) => this.#died(child, armed, exitCode, signal));
    void this.#watch(child);
  }

  /** Sends it a signal; one that ends it makes the death ours. */
  signal(name: NodeJS.Signals): void {
    if (name === 'SIGKILL' || name === 'SIGTERM') {
      this.#isOurs = true;
      // Not only when it is gone: until then it must not be the victim of anything else.
      this.#isReady = false;
    }
    this.#child?.kill(name);
  }

  /** Resolves to how the process of now ends. */
  exit(): Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }> {
    const child = this.#child;
    return new Promise((resolve) => {
      if (child === undefined) return resolve({ exitCode: null, signal: null });
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    });
  }

  /** @throws Error if it is not ready in time. */
  async ready(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.#isReady) {
      if (performance.now() > deadline) throw new Error(`${this.name} is not ready: see ${this.#options.logs}`);
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    const child = this.#child;
    if (child === undefined || !running.has(child)) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  #died(child: ChildProcess, armed: Arming, exitCode: number | null, signal: NodeJS.Signals | null): void {
    running.delete(child);
    this.#isReady = false;
    if (this.#isOver) return;
    const livedMs = performance.now() - this.#startedAt;
    const { name, role } = this;
    const output = endOf(join(this.#options.logs, `${name}.log`));
    const how = { exitCode, signal, isOurs: this.#isOurs, livedMs, output };
    this.#options.onDeath({ name, role, pid: child.pid ?? 0, armed, ...how });
    setTimeout(() => this.#isOver || this.start(), Math.max(0, LEAST_LIFE_MS - livedMs));
  }

  /** Asks whether it is ready until it is, or is gone. */
  async #watch(child: ChildProcess): Promise<void> {
    while (running.has(child) && !this.#isReady && !this.#isOurs) {
      const response = await fetch(`${this.url}/ready`, { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.status === 200 && this.#child === child && running.has(child) && !this.#isOurs) {
        this.startMs = performance.now() - this.#startedAt;
        this.#isReady = true;
      } else await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }
}

function endOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const end = Buffer.alloc(END_BYTES);
    const read = readSync(file, end, 0, END_BYTES, Math.max(0, fstatSync(file).size - END_BYTES));
    return end.toString('utf8', 0, read);
  } finally {
    closeSync(file);
  }
}
