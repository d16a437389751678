import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'mocha';

const ROOT = join(import.meta.dirname, '../..');

/** All the settings that the service requires, with made-up values. */
export const SETTINGS = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'EAAGtesttokentesttokentesttoken',
  WHATSAPP_VERIFY_TOKEN: 'verify-token-of-the-tests',
  WHATSAPP_WEBHOOK_SECRET: '0123456789abcdef0123456789abcdef',
} as const;

const running = new Set<ChildProcess>();

after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** The service in a process of its own, as `npm start` runs it. */
export class ServiceProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  /** What it wrote so far, both streams. */
  output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, 'close');
    running.add(child);
    child.once('close', () => running.delete(child));
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
  }

  /** Starts `file`; nothing of this process's environment but PATH reaches it, apart from the collection of coverage. */
  static spawn(
    env: Readonly<Record<string, string>>,
    file = 'src/main.ts',
    args: readonly string[] = [],
  ): ServiceProcess {
    const { PATH, HOME, NODE_V8_COVERAGE } = process.env;
    const inherited = { PATH, HOME, ...(NODE_V8_COVERAGE && { NODE_V8_COVERAGE }) };
    const child = spawn(process.execPath, [join(ROOT, file), ...args], { cwd: ROOT, env: { ...inherited, ...env } });
    return new ServiceProcess(child);
  }

  /** Starts the service and resolves to it and its URL once it is ready. */
  static async start(env: Readonly<Record<string, string>>): Promise<{ service: ServiceProcess; url: string }> {
    const service = ServiceProcess.spawn({ ...SETTINGS, LOG_FORMAT: 'json', PORT: '0', HOST: '127.0.0.1', ...env });
    const line = await service.line((text) => text.includes('"message":"Ready"'));
    return { service, url: (JSON.parse(line) as { url: string }).url };
  }

  /** The first line of its standard output for which `found` is true. */
  async line(found: (line: string) => boolean, withinMs = 60_000): Promise<string> {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('the process has no output');
    const lines = createInterface({ input: stdout });
    const timer = setTimeout(() => lines.close(), withinMs);
    try {
      for await (const line of lines) if (found(line)) return line;
    } finally {
      clearTimeout(timer);
    }
    throw new Error(`the process did not get that far:\n${this.output}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves to the exit code once it has ended, by itself or by what was sent to it. */
  async exit(): Promise<number | null> {
    await this.#exit;
    return this.#child.exitCode;
  }

  /** Asks it to stop and resolves to the exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return await this.exit();
  }
}
