import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Member } from './cluster.ts';
import type { FaultKind, FaultPlan } from './fault-plan.ts';
import type { NetworkFault, NetworkProxy } from './network-proxy.ts';
import type { Random } from './random.ts';
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
/** Of the kills so many hit a process that may still be starting. */
const KILLS_AT_START = 0.1;

/** Injects the faults of a plan, each kind one after the other, the kinds beside each other. */
export class Faults {
  readonly #targets: FaultTargets;
  readonly #random: Random;
  readonly #done = new Map<string, number>();
  readonly #stopped = new AbortController();
  readonly #badExits: string[] = [];
  readonly #loops: Promise<void>[] = [];
  #outstanding = 0;
  /** A roll proves something only while the database is there. */
  #postgresTurn: Promise<unknown> = Promise.resolve();

  constructor(targets: FaultTargets, random: Random) {
    this.#targets = targets;
    this.#random = random;
  }

  get areDone(): boolean {
    return this.#outstanding === 0;
  }

  /** How many of each kind have happened. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#done].sort());
  }

  /** Processes that did not end in order when they were asked to. */
  get badExits(): readonly string[] {
    return this.#badExits;
  }

  run(plan: FaultPlan): void {
    const startedAt = performance.now();
    for (const [kind, moments] of Object.entries(plan.moments) as [FaultKind, readonly number[]][]) {
      this.#outstanding += moments.length;
      this.#loops.push(this.#runKind(kind, moments, startedAt));
    }
  }

  /** No fault begins any more; resolves when those that run have healed. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#loops);
    for (const proxies of this.#targets.proxies.values()) for (const proxy of proxies) proxy.heal();
  }

  async #runKind(kind: FaultKind, moments: readonly number[], startedAt: number): Promise<void> {
    for (const moment of moments) {
      await this.#sleep(moment - (performance.now() - startedAt));
      if (this.#stopped.signal.aborted) return;
      await this.#inject(kind);
      this.#outstanding -= 1;
    }
  }

  #inject(kind: FaultKind): Promise<void> {
    switch (kind) {
      case 'kills':
        return this.#kill();
      case 'postgresStops':
        return this.#alone(() => this.#stopPostgres());
      case 'freezes':
        return this.#freeze();
      case 'redisFaults':
        return this.#breakRedis();
      case 'networkFaults':
        return this.#breakNetwork();
      case 'rolls':
        return this.#alone(() => this.#roll());
    }
  }

  async #kill(): Promise<void> {
    const member = await this.#claim(this.#random.chance(KILLS_AT_START));
    this.#count(`kill -9 of a ${member.role}`);
    member.signal('SIGKILL');
    member.isBusy = false;
  }

  async #stopPostgres(): Promise<void> {
    const { postgres } = this.#targets.servers;
    this.#count('Postgres stop -m immediate');
    await postgres.crash();
    await pause(this.#random.logInt(20, 1_500));
    await postgres.restart();
  }

  /** A worker that was frozen for longer than its lease goes on in the middle of what another one does by now. */
  async #freeze(): Promise<void> {
    const member = await this.#claim(false);
    this.#count(`SIGSTOP of a ${member.role}`);
    member.signal('SIGSTOP');
    await this.#sleep(this.#random.between(FREEZE_MS.least, FREEZE_MS.most));
    member.signal('SIGCONT');
    member.isBusy = false;
  }

  async #breakRedis(): Promise<void> {
    const { redis } = this.#targets.servers;
    if (redis === undefined) return;
    switch (this.#random.pick(['kill', 'FLUSHALL', 'freeze', 'eviction'] as const)) {
      case 'kill':
        this.#count('Redis kill -9');
        await redis.crash();
        await this.#sleep(this.#random.between(100, 2_000));
        return await redis.restart();
      case 'FLUSHALL':
        this.#count('Redis FLUSHALL');
        return await redisCommand(redis.port, 'FLUSHALL');
      case 'freeze':
        this.#count('Redis SIGSTOP');
        redis.process.signal('SIGSTOP');
        await this.#sleep(this.#random.between(500, 3_000));
        return redis.process.signal('SIGCONT');
      case 'eviction':
        this.#count('Redis eviction');
        await redisCommand(redis.port, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
        await redisCommand(redis.port, 'CONFIG', 'SET', 'maxmemory', '1500kb');
        await this.#sleep(this.#random.between(500, 3_000));
        return await redisCommand(redis.port, 'CONFIG', 'SET', 'maxmemory', '0');
    }
  }

  async #breakNetwork(): Promise<void> {
    const member = await this.#claim(false);
    const proxy = this.#random.pick(this.#targets.proxies.get(member.name) as readonly NetworkProxy[]);
    const kind = this.#random.pick<NetworkFault>(['latency', 'blackhole', 'reset', 'half-open']);
    this.#count(`network ${kind}`);
    switch (kind) {
      case 'latency':
        proxy.latency(this.#random.logInt(20, 500));
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
    if (kind === 'latency' || kind === 'blackhole') await this.#sleep(this.#random.between(2_000, 7_000));
    proxy.heal();
    member.isBusy = false;
  }

  async #roll(): Promise<void> {
    const member = await this.#claim(false);
    this.#count(`SIGTERM of a ${member.role}`);
    const exit = member.exit();
    member.signal('SIGTERM');
    const limit = setTimeout(() => member.signal('SIGKILL'), ROLL_LIMIT_MS);
    const { exitCode, signal } = await exit;
    clearTimeout(limit);
    member.isBusy = false;
    if (exitCode !== 0) this.#badExits.push(`${member.name} ended with ${exitCode ?? signal} after SIGTERM`);
  }

  /** A process on which no other fault is at work, and from now on this one; it is ready, unless `anyTime`. */
  async #claim(anyTime: boolean): Promise<Member> {
    const { members } = this.#targets.cluster;
    const deadline = performance.now() + READY_LIMIT_MS;
    for (;;) {
      const idle = members.filter(({ isBusy, isAlive }) => isAlive && !isBusy);
      const ready = idle.filter(({ isReady }) => isReady || anyTime);
      // Whatever keeps them from being ready, the fault happens.
      const choice = ready.length > 0 || performance.now() < deadline ? ready : idle;
      if (choice.length > 0) {
        const member = this.#random.pick(choice);
        member.isBusy = true;
        return member;
      }
      await pause(50);
    }
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    const turn = this.#postgresTurn.then(work);
    this.#postgresTurn = turn.catch(() => {});
    await turn;
  }

  async #sleep(ms: number): Promise<void> {
    await pause(Math.max(0, ms), undefined, { signal: this.#stopped.signal }).catch(() => {});
  }

  #count(what: string): void {
    this.#done.set(what, (this.#done.get(what) ?? 0) + 1);
  }
}
