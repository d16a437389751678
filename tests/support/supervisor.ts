import { setTimeout as delay } from 'node:timers/promises';
import { ServiceProcess } from './service-process.ts';

/** How the supervised process ended: its exit code, or null if a signal ended it. */
export type Exit = number | null;

const RESTART_MS = 200;

/** Starts a process again whenever it ends, as systemd or a container platform does, until it is stopped. */
export class Supervisor {
  /** Of all processes so far that ended by themselves. */
  readonly exits: Exit[] = [];
  readonly #env: Readonly<Record<string, string>>;
  readonly #past: ServiceProcess[] = [];
  #service: ServiceProcess | undefined;
  #url = '';
  #stopped = false;

  private constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Resolves when the first process is ready. */
  static async start(env: Readonly<Record<string, string>>): Promise<Supervisor> {
    const supervisor = new Supervisor(env);
    const service = await supervisor.#start();
    await service.line((line) => line.includes('"message":"Ready"'));
    return supervisor;
  }

  /** Of the process that runs now. */
  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#service?.pid ?? 0;
  }

  /** The samples of `/metrics` of the process that runs now, by name with labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const page = await (await fetch(`${this.#url}/metrics`)).text();
    const samples = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  /** What all its processes wrote. */
  get output(): string {
    return this.#past.map(({ stdout, stderr }) => stdout + stderr).join('\n');
  }

  signal(name: NodeJS.Signals): void {
    this.#service?.signal(name);
  }

  /** Ends the process at once, for good. */
  async kill(): Promise<void> {
    this.#stopped = true;
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await this.#service?.exit();
  }

  async #start(): Promise<ServiceProcess> {
    const { service, url } = await ServiceProcess.listen(this.#env);
    this.#service = service;
    this.#past.push(service);
    this.#url = url;
    void service.exit().then((exit) => this.#ended(exit));
    return service;
  }

  async #ended(exit: Exit): Promise<void> {
    if (this.#stopped) return;
    this.exits.push(exit);
    await delay(RESTART_MS);
    const again = () => (this.#stopped ? undefined : this.#start());
    await again()?.catch(() => this.#ended(null));
  }
}
