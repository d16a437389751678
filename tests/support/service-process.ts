import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'mocha';
import { eventually } from './eventually.ts';

const ROOT = join(import.meta.dirname, '../..');

const NODE_COMPILE_CACHE = join(ROOT, 'node_modules/.cache/wahook/compiled');

type Environment = Readonly<Record<string, string>>;

/** All the settings that the service requires, with made-up values. */
export const SETTINGS = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'EAAGtesttokentesttokentesttoken',
  WHATSAPP_VERIFY_TOKEN: 'verify-token-of-the-tests',
  WHATSAPP_WEBHOOK_SECRET: '0123456789abcdef0123456789abcdef',
} as const;

/** Limits that are never felt: more is answered than Meta would let through, also what was written long ago. */
const UNLIMITED = { SEND_PER_SECOND: '100000', SEND_PAIR_INTERVAL: '0s', SEND_OUTSIDE_WINDOW: 'try' } as const;

export interface SpawnOptions {
  /** Of the repository; the service itself if not given. */
  readonly file?: string;
  readonly args?: readonly string[];
  /** An empty folder if not given: the `.env` and the `.wahook` of whoever runs the tests are not for them. */
  readonly cwd?: string;
}

/** How a process ended, and all it wrote. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ServiceProcess>();
let emptyFolder: string | undefined;

function killAll(): void {
  for (const process of running) process.signal('SIGKILL');
  if (emptyFolder !== undefined) rmSync(emptyFolder, { recursive: true, force: true });
  emptyFolder = undefined;
}

// Of spec files that share a process only the first has this hook; what the others leave ends with the process.
after(async () => {
  const left = [...running];
  killAll();
  await Promise.all(left.map((process) => process.exit()));
});
process.once('exit', killAll);

/** The service, or one of the commands, in a process of its own, as a user runs it. None outlives the tests. */
export class ServiceProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  /** What it wrote so far. */
  stdout = '';
  stderr = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close');
    running.add(this);
    child.once('close', () => running.delete(this));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /**
   * Nothing of this process's environment but PATH and HOME reaches it, apart from the collection of coverage. BOT counts
   * from the repository, one that greets is the default; empty, it is not set.
   */
  static spawn(env: Environment, { file = 'src/main.ts', args = [], cwd }: SpawnOptions = {}): ServiceProcess {
    const { PATH, HOME, NODE_V8_COVERAGE } = process.env;
    // A start takes half the time with the cache, but functions from there are missing in the coverage.
    const inherited = { PATH, HOME, ...(NODE_V8_COVERAGE ? { NODE_V8_COVERAGE } : { NODE_COMPILE_CACHE }) };
    emptyFolder ??= mkdtempSync(join(tmpdir(), 'wahook-cwd-'));
    const { BOT = 'tests/fixtures/bots/greeting.ts', ...settings } = env;
    const bot = BOT === '' ? {} : { BOT: resolve(ROOT, BOT) };
    const options = { cwd: cwd ?? emptyFolder, env: { ...inherited, ...settings, ...bot } };
    return new ServiceProcess(spawn(process.execPath, [join(ROOT, file), ...args], options));
  }

  /** As `spawn`, for what ends by itself; the process is killed if that takes longer than a minute. */
  static async run(env: Environment, options: SpawnOptions = {}): Promise<Ended> {
    const started = ServiceProcess.spawn(env, options);
    const killed = setTimeout(() => started.signal('SIGKILL'), 60_000);
    const exitCode = await started.exit();
    clearTimeout(killed);
    return { exitCode, stdout: started.stdout, stderr: started.stderr };
  }

  /** `npm run quarantine` with these arguments, on this database. */
  static quarantine(databaseUrl: string, ...args: readonly string[]): Promise<Ended> {
    return ServiceProcess.run({ DATABASE_URL: databaseUrl }, { file: 'src/cli/quarantine.ts', args });
  }

  /** Starts the service and resolves to it and its URL once it listens; its store may be down. */
  static async listen(env: Environment): Promise<{ service: ServiceProcess; url: string }> {
    const service = ServiceProcess.spawn({
      ...{ ...SETTINGS, ...UNLIMITED, LOG_FORMAT: 'json', PORT: '0', HOST: '127.0.0.1' },
      ...env,
    });
    const line = await service.line((text) => text.includes('"message":"Listening"'));
    return { service, url: (JSON.parse(line) as { url: string }).url };
  }

  /** Starts the service and resolves to it and its URL once it is ready. */
  static async start(env: Environment): Promise<{ service: ServiceProcess; url: string }> {
    const started = await ServiceProcess.listen(env);
    await started.service.line((text) => text.includes('"message":"Ready"'));
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The first line of its standard output for which `found` is true, as soon as it is there. */
  async line(found: (line: string) => boolean, withinMs = 60_000): Promise<string> {
    const search = () => this.stdout.split('\n').slice(0, -1).find(found);
    await eventually(() => search() !== undefined || !running.has(this), withinMs).catch(() => {});
    const line = search();
    if (line === undefined) throw new Error(`the process did not get that far:\n${this.stdout}${this.stderr}`);
    return line;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves to the exit code once it has ended, by itself or by what was sent to it; null if a signal ended it. */
  async exit(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }

  /** Asks it to stop and resolves to the exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return await this.exit();
  }
}
