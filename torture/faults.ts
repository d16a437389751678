import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Member } from './cluster.ts';
import type { FaultKind, FaultPlan } from './fault-plan.ts';
import type { NetworkFault, NetworkProxy } from './network-proxy.ts';
import { Random } from './random.ts';
import { redisCommand } from './redis-command.ts';
import type { Servers } from './servers.ts';

export interface FaultTargets {
  readonly cluster: Cluster;
  readonly servers: Servers;
  /** Of each process by its name: to Postgres, and to Redis if there is one. */
  readonly proxies: ReadonlyMap<string, readonly NetworkProxy[]>;
}

/** More than the 10 s after which a worker that says nothing loses its conversations. */
const FREEZE_MS = { least: 10_500, most: 14_000 };
const ROLL_LIMIT_MS = 30_000;
const READY_LIMIT_MS = 15_000;
const LOOK_MS = 50;
/** Of the memory that Redis uses, so much is left to it when it must evict. */
const EVICTION_SHARE = 0.95;
/** Of the kills so many hit a process that may still be starting. */
const KILLS_AT_START = 0.1;
/** A victim may just have ended by itself, or Redis not have answered in time. */
const TRIES = 3;

/** Injects the faults of a plan, each kind one after the other, the kinds beside each other. */
export class Faults {
  readonly #targets: FaultTargets;
  readonly #seed: number;
  /** What has happened, by what it was. */
  readonly #done = new Map<string, number>();
  /** How many of each kind are planned, and how many of them have happened. */
  readonly #tally = new Map<FaultKind, { readonly planned: number; happened: number }>();
  readonly #stopped = new AbortController();
  readonly #badExits: string[] = [];
  readonly #loops: Promise<void>[] = [];
  #outstanding = 0;
  /** A roll proves something only while the database is there. */
  #postgresTurn: Promise<unknown> = Promise.resolve();

  constructor(targets: FaultTargets, seed: number) {
    this.#targets = targets;
    this.#seed = seed;
  }

  get areDone(): boolean {
    return this.#outstanding === 0;
  }

  /** How often each has happened. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#done].sort());
  }

  /** Each kind of which less has happened than was planned, by the name of its option: what was not broken proves nothing. */
  get missed(): readonly string[] {
    const short = [...this.#tally].filter(([, { planned, happened }]) => happened < planned);
    return short.map(([kind, { planned, happened }]) => `${happened} of ${planned} ${optionOf(kind)} happened`);
  }

  /** Processes that did not end in order when they were asked to. */
  get badExits(): readonly string[] {
    return this.#badExits;
  }

  /**
   * A fault happens when its moment has come and `progress`, from 0 to 1, has got to its share of the whole: where the sender is
   * slower than planned, the faults spread over its longer time.
   */
  run(plan: FaultPlan, progress: () => number): void {
    const startedAt = performance.now();
    for (const [kind, moments] of Object.entries(plan.moments) as [FaultKind, readonly number[]][]) {
      this.#outstanding += moments.length;
      this.#tally.set(kind, { planned: moments.length, happened: 0 });
      const isDue = (moment: number) =>
        performance.now() - startedAt >= moment && progress() >= Math.min(1, moment / plan.loadMs);
      this.#loops.push(this.#runKind(kind, moments, isDue));
    }
  }

  /** No fault begins any more; resolves when those that run have healed. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#loops);
    for (const proxies of this.#targets.proxies.values()) for (const proxy of proxies) proxy.heal();
  }

  async #runKind(kind: FaultKind, moments: readonly number[], isDue: (moment: number) => boolean): Promise<void> {
    // One for each kind, which then repeats its choices whatever the others do meanwhile.
    const random = Random.of(this.#seed, `fault ${kind}`);
    for (const moment of moments) {
      while (!isDue(moment) && !this.#stopped.signal.aborted) await this.#sleep(LOOK_MS);
      if (this.#stopped.signal.aborted) return;
      let what: string | undefined;
      for (let tries = 0; what === undefined && tries < TRIES && !this.#stopped.signal.aborted; tries += 1)
        what = await this.#inject(kind, random);
      if (what !== undefined) this.#count(kind, what);
      this.#outstanding -= 1;
    }
  }

  /** Resolves to what has happened; to undefined if nothing has. */
  #inject(kind: FaultKind, random: Random): Promise<string | undefined> {
    switch (kind) {
      case 'kills':
        return this.#kill(random);
      case 'postgresStops':
        return this.#alone(() => this.#stopPostgres(random));
      case 'freezes':
        return this.#freeze(random);
      case 'redisFaults':
        return this.#breakRedis(random);
      case 'networkFaults':
        return this.#breakNetwork(random);
      case 'rolls':
        return this.#alone(() => this.#roll(random));
    }
  }

  async #kill(random: Random): Promise<string | undefined> {
    const member = await this.#claim(random, random.chance(KILLS_AT_START));
    if (member === undefined) return undefined;
    const exit = member.exit();
    member.signal('SIGKILL');
    const { signal } = await exit;
    member.isBusy = false;
    return signal === 'SIGKILL' ? `kill -9 of a ${member.role}` : undefined;
  }

  async #stopPostgres(random: Random): Promise<string> {
    const { postgres } = this.#targets.servers;
    await postgres.crash();
    await pause(random.logInt(20, 1_500));
    await postgres.restart();
    return 'Postgres stop -m immediate';
  }

  /** A worker that was frozen for longer than its lease goes on in the middle of what another one does by now. */
  async #freeze(random: Random): Promise<string | undefined> {
    const member = await this.#claim(random);
    if (member === undefined) return undefined;
    member.signal('SIGSTOP');
    await this.#sleep(random.between(FREEZE_MS.least, FREEZE_MS.most));
    member.signal('SIGCONT');
    member.isBusy = false;
    // Cut short by the end of the run it was no longer than a worker may be silent.
    return this.#stopped.signal.aborted ? undefined : `SIGSTOP of a ${member.role}`;
  }

  async #breakRedis(random: Random): Promise<string | undefined> {
    const { redis, keepsRedis } = this.#targets.servers;
    if (redis === undefined) return undefined;
    // A queue asks for a Redis that neither forgets nor evicts; it gets one, and is spared what only a cache must stand.
    const kinds = keepsRedis ? (['kill', 'freeze'] as const) : (['kill', 'FLUSHALL', 'freeze', 'eviction'] as const);
    switch (random.pick(kinds)) {
      case 'kill':
        await redis.crash();
        await this.#sleep(random.between(100, 2_000));
        await redis.restart();
        return 'Redis kill -9';
      case 'FLUSHALL':
        return (await redisCommand(redis.port, 'FLUSHALL'))?.startsWith('+OK') ? 'Redis FLUSHALL' : undefined;
      case 'freeze':
        redis.process.signal('SIGSTOP');
        await this.#sleep(random.between(500, 3_000));
        redis.process.signal('SIGCONT');
        return 'Redis SIGSTOP';
      case 'eviction':
        return await this.#evict(redis.port, random);
    }
  }

  /** Gives Redis less memory than it uses: it evicts what it holds, and refuses what it then has no room for. */
  async #evict(port: number, random: Random): Promise<string | undefined> {
    const before = await figureOf(port, 'used_memory');
    const evicted = await figureOf(port, 'evicted_keys');
    // Without a figure there would be no limit.
    if (before === undefined || evicted === undefined) return undefined;
    await redisCommand(port, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
    await redisCommand(port, 'CONFIG', 'SET', 'maxmemory', String(Math.floor(before * EVICTION_SHARE)));
    await this.#sleep(random.between(500, 3_000));
    const isEvicting = ((await figureOf(port, 'evicted_keys')) ?? 0) > evicted;
    await redisCommand(port, 'CONFIG', 'SET', 'maxmemory', '0');
    return isEvicting ? 'Redis eviction' : 'Redis full';
  }

  async #breakNetwork(random: Random): Promise<string | undefined> {
    const member = await this.#claim(random);
    if (member === undefined) return undefined;
    const proxy = random.pick(this.#targets.proxies.get(member.name) as readonly NetworkProxy[]);
    const kind = random.pick<NetworkFault>(['latency', 'blackhole', 'reset', 'half-open']);
    switch (kind) {
      case 'latency':
        proxy.latency(random.logInt(20, 500));
        break;
      case 'blackhole':
        proxy.blackhole(true);
        break;
      case 'reset':
        proxy.reset();
        break;
      case 'half-open':
        proxy.halfOpen();
        break;
    }
    if (kind === 'latency' || kind === 'blackhole') await this.#sleep(random.between(2_000, 7_000));
    proxy.heal();
    member.isBusy = false;
    return `network ${kind}`;
  }

  async #roll(random: Random): Promise<string | undefined> {
    const member = await this.#claim(random);
    if (member === undefined) return undefined;
    const exit = member.exit();
    member.signal('SIGTERM');
    const limit = setTimeout(() => member.signal('SIGKILL'), ROLL_LIMIT_MS);
    const { exitCode, signal } = await exit;
    clearTimeout(limit);
    member.isBusy = false;
    if (exitCode !== 0) this.#badExits.push(`${member.name} ended with ${exitCode ?? signal} after SIGTERM`);
    return `SIGTERM of a ${member.role}`;
  }

  /**
   * A process on which no other fault is at work, and from now on this one; it is ready, unless `anyTime`. Undefined if the run
   * ends before there is one.
   */
  async #claim(random: Random, anyTime = false): Promise<Member | undefined> {
    const { members } = this.#targets.cluster;
    const deadline = performance.now() + READY_LIMIT_MS;
    while (!this.#stopped.signal.aborted) {
      const idle = members.filter(({ isBusy, isAlive }) => isAlive && !isBusy);
      const ready = idle.filter(({ isReady }) => isReady || anyTime);
      // Whatever keeps them from being ready, the fault happens.
      const choice = ready.length > 0 || performance.now() < deadline ? ready : idle;
      if (choice.length > 0) {
        const member = random.pick(choice);
        member.isBusy = true;
        return member;
      }
      await pause(50);
    }
    return undefined;
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#postgresTurn.then(work);
    this.#postgresTurn = turn.catch(() => {});
    return turn;
  }

  async #sleep(ms: number): Promise<void> {
    await pause(Math.max(0, ms), undefined, { signal: this.#stopped.signal }).catch(() => {});
  }

  #count(kind: FaultKind, what: string): void {
    this.#done.set(what, (this.#done.get(what) ?? 0) + 1);
    const tally = this.#tally.get(kind);
    if (tally !== undefined) tally.happened += 1;
  }
}

/** `postgres-stops` for `postgresStops`. */
function optionOf(kind: FaultKind): string {
  return kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Undefined if Redis does not answer. */
async function figureOf(port: number, name: string): Promise<number | undefined> {
  const info = await redisCommand(port, 'INFO', 'all');
  const figure = new RegExp(`^${name}:(\\d+)`, 'm').exec(info ?? '')?.[1];
  return figure === undefined ? undefined : Number(figure);
}
