import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, ServiceProcess, type SpawnOptions } from './service-process.ts';

/** What `npm run dev` leaves for the other commands. */
export interface WrittenState {
  readonly pid: number;
  readonly url: string;
  readonly simulatorUrl: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A folder in which a development server runs, as a user starts it, on ports of its own. */
export class DevFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'wahook-dev-'));
  server: ServiceProcess | undefined;

  get env(): Readonly<Record<string, string>> {
    return { DATA_DIR: this.path, PORT: '0', SIM_PORT: '0' };
  }

  /** Does not wait for anything. */
  spawn(env: Readonly<Record<string, string>> = {}, options: Pick<SpawnOptions, 'cwd'> = {}): ServiceProcess {
    this.server = ServiceProcess.spawn({ ...this.env, ...env }, { file: 'src/cli/dev.ts', ...options });
    return this.server;
  }

  /** Resolves to the last line of what it says when it is ready. */
  async start(env: Readonly<Record<string, string>> = {}, options: Pick<SpawnOptions, 'cwd'> = {}): Promise<string> {
    return await this.spawn(env, options).line((line) => line.startsWith('ready in '));
  }

  get state(): WrittenState {
    return JSON.parse(readFileSync(join(this.path, 'dev.json'), 'utf8')) as WrittenState;
  }

  /** Runs another command in this folder to its end. */
  run(command: 'dev' | 'trigger' | 'verify' | 'dead-letters', args: readonly string[] = [], env = {}): Promise<Ended> {
    return ServiceProcess.run({ ...this.env, ...env }, { file: `src/cli/${command}.ts`, args });
  }

  /** Ends the server, if it still runs, and removes the folder. */
  async remove(): Promise<void> {
    this.server?.signal('SIGKILL');
    await this.server?.exit();
    rmSync(this.path, { recursive: true, force: true });
  }
}
