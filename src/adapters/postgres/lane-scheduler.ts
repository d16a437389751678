import { setTimeout as pause } from 'node:timers/promises';
import { type ConstructorOptions, PgBoss, type UpdateQueueOptions } from 'pg-boss';
import { QUEUE_NAMES } from '../../core/lanes.ts';
import type { Log } from '../../core/ports/observation.ts';
import type { QueueName } from '../../core/ports/queue.ts';
import { type BossConnection, openBossConnection } from './boss-connection.ts';
import { asBossDb } from './boss-db.ts';
import { isConflict } from './conflict-retry.ts';
import type { BossOptions, Queryable } from './database.ts';
import { type Attempt, beat, type Heartbeat } from './lane-heartbeat.ts';
import { toWahookError } from './sql-errors.ts';

/** One worker's hold on a lane: a job of pg-boss in the very attempt (`retryCount`) in which it was fetched. */
export interface LaneClaim {
  readonly id: string;
  readonly retryCount: number;
  readonly lane: string;
}

/**
 * In SQL the jobs of queue $1 among the ids $2 that some worker holds. All at once: a plan from the time when there were few jobs reads all of
 * them, and for each lane by itself it would do so again (old-plans.spec.ts).
 */
export const HELD_JOBS = `
  SELECT id, retry_count FROM pgboss.job WHERE name = $1 AND id = ANY ($2::uuid[]) AND state = 'active'`;

/** A worker that died or froze is found after this; 10 s is the least that pg-boss allows. */
export const HEARTBEAT_SECONDS = 10;

/**
 * A lane's job says only "something waits in this lane". `stately` with the lane as key: at most one of them waits and at
 * most one is active, so that inserting a wake-up twice is a no-op and no lane has two workers.
 */
const LANE_JOBS: UpdateQueueOptions = {
  heartbeatSeconds: HEARTBEAT_SECONDS,
  /**
   * A handler that beats but never returns loses its lane after this: only if the time limit of the bot itself failed. Longer
   * than the longest burst may take, which is 20 statuses at the greatest HANDLER_TIMEOUT, 10 minutes.
   */
  expireInSeconds: 6 * 3600,
  // Attempts and dead letters are counted on the rows. A lane must never be given up.
  retryLimit: 1_000_000_000,
  retryDelay: 1,
  retryBackoff: false,
  /** pg-boss deletes jobs that nobody fetched for so long; its default of 14 days would forget a lane in a long outage. */
  retentionSeconds: 365 * 24 * 3600,
  /** Settled lane jobs are deleted at once; this is for the few that pg-boss itself fails. 0 would mean never. */
  deleteAfterSeconds: 60,
  notify: true,
  /** A backlog shows in `depth` and its metrics; pg-boss would warn every second. */
  warningQueueSize: 2_000_000_000,
};

const SUPERVISION: ConstructorOptions = {
  monitorIntervalSeconds: 1,
  maintenanceIntervalSeconds: 60,
  useListenNotify: true,
};

/** Wake-ups a statement: 75 ms for 1,000 new ones, 25 ms if all lanes are awake already (measured 2026-11). */
const WAKE_BATCH = 1_000;

/** Between the beginnings of two statements that wake lanes, so that under load one wakes several. */
const WAKE_PACE_MS = 5;

/**
 * 1,000 lanes among 100,000 jobs take 4 ms (measured 2026-11). A plan from the time when there were few jobs finds every index that begins with
 * the name of the queue as cheap as the one of waking, and with it each lane reads all jobs. So they are asked for in the order of that one, by
 * a range, since an order of constants is none: the connections of pg-boss to a server do not sort (boss-connection.ts), so no other plan will do.
 */
export const ASLEEP = `
  SELECT lane FROM unnest($2::text[]) AS given (lane)
  WHERE (SELECT true FROM pgboss.job
         WHERE name = $1 AND state = 'created' AND state <= 'active' AND policy = 'stately'
           AND COALESCE(singleton_key, '') BETWEEN given.lane AND given.lane
         ORDER BY COALESCE(singleton_key, '') LIMIT 1) IS NULL`;

export interface LaneSchedulerOptions {
  /** `Database.bossOptions()`. */
  readonly boss: BossOptions;
  readonly log: Log;
}

/**
 * pg-boss as the scheduler of lanes: publishes wake-ups, hands lanes to workers, takes them back from workers that died,
 * and fences. Everything that touches pg-boss is in here and in lane-heartbeat.ts.
 */
export class LaneScheduler {
  readonly #options: LaneSchedulerOptions;
  readonly #connection: BossConnection;
  readonly #boss: PgBoss;
  readonly #wanted = new Map<QueueName, Set<string>>();
  readonly #bells = new Map<QueueName, Set<() => void>>();
  #flushing: Promise<void> | undefined;
  #flushedAtMs = Number.NEGATIVE_INFINITY;
  #supervisor: Promise<PgBoss> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LaneSchedulerOptions) {
    this.#options = options;
    this.#connection = openBossConnection(options.boss, (reason) =>
      this.#warn('lane scheduler lost a connection', reason),
    );
    this.#connection.onBell((queue) => this.#ring(queue));
    this.#boss = this.#newBoss();
  }

  /** Makes the queues, and gives queues made by another version the options of this one: creating changes no existing one. */
  async start(): Promise<void> {
    try {
      await this.#boss.start();
      for (const queue of QUEUE_NAMES) {
        await this.#boss.createQueue(queue, { policy: 'stately', ...LANE_JOBS } as Parameters<
          PgBoss['createQueue']
        >[1]);
        await this.#boss.updateQueue(queue, LANE_JOBS);
      }
    } catch (error) {
      throw toWahookError(error);
    }
  }

  /** Listens for wake-ups, and is ready to supervise. Only processes that consume do it. */
  async listen(): Promise<void> {
    this.#supervisor ??= this.#newBoss({ ...SUPERVISION, migrate: false })
      .start()
      .catch((error: unknown) => {
        this.#supervisor = undefined;
        throw toWahookError(error);
      });
    await this.#supervisor;
  }

  /** Takes the lanes of workers that died from them; some other worker gets each a second later. Tidies up what pg-boss has made of the queue. */
  async supervise(queue: QueueName): Promise<void> {
    await (await this.#supervisor)?.supervise(queue);
  }

  /**
   * Wakes lanes soon, off the caller's path: what comes in while a statement is under way goes into the next one. If it
   * fails or the process dies first, the sweep wakes them.
   */
  wake(queue: QueueName, lanes: Iterable<string>): void {
    if (this.#closed !== undefined) return;
    const wanted = this.#wanted.get(queue) ?? new Set();
    for (const lane of lanes) wanted.add(lane);
    this.#wanted.set(queue, wanted);
    this.#flushing ??= this.#flush();
  }

  /** Wakes lanes with the transaction: neither lost nor seen before its COMMIT. */
  async wakeInside(tx: Queryable, queue: QueueName, lanes: readonly string[]): Promise<void> {
    if (lanes.length > 0) await this.#boss.insert(queue, wakeUps(lanes), { db: asBossDb(tx) });
  }

  /** At most `limit` lanes that wait for a worker, longest waiting first; they are the caller's now. */
  async fetch(queue: QueueName, limit: number): Promise<readonly LaneClaim[]> {
    const jobs = await this.#boss.fetch<{ lane: string }>(queue, { batchSize: limit });
    return jobs.map(({ id, retryCount, data }) => ({ id, retryCount, lane: data.lane }));
  }

  beat(queue: QueueName, claims: readonly LaneClaim[]): Promise<Heartbeat<LaneClaim>> {
    return beat(this.#connection.db, queue, claims);
  }

  /** Those that are still the caller's, and then until the transaction ends: whoever wants to take one waits so long. */
  async hold(tx: Queryable, queue: QueueName, claims: readonly LaneClaim[]): Promise<ReadonlySet<LaneClaim>> {
    return affected(claims, (attempts) => this.#boss.touch(queue, attempts, { db: asBossDb(tx) }));
  }

  /**
   * Gives lanes up with the transaction; resolves to those that were still the caller's. Deleting instead of completing: a
   * settled lane job is of no use to anybody, and at one a message they would be most of the database's work (vacuum,
   * retention, pg-boss's statistics read them every second).
   */
  async release(tx: Queryable, queue: QueueName, claims: readonly LaneClaim[]): Promise<ReadonlySet<LaneClaim>> {
    return affected(claims, (attempts) => this.#boss.deleteJob(queue, attempts, { db: asBossDb(tx) }));
  }

  /** Gives lanes up without a transaction around it, for the next worker to try in a second. */
  async giveBack(queue: QueueName, claims: readonly LaneClaim[]): Promise<void> {
    await affected(claims, (attempts) => this.#boss.fail(queue, attempts, { message: 'the handler rejected' }));
  }

  /** Calls back whenever a lane of the queue may wait for a worker; returns how to end it. */
  onBell(queue: QueueName, bell: () => void): () => void {
    const bells = this.#bells.get(queue) ?? new Set();
    this.#bells.set(queue, bells.add(bell));
    return () => bells.delete(bell);
  }

  /** Stops at once; lanes still held become free after the heartbeat. Wake-ups asked for before go out first. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#flushing;
    const supervisor = await this.#supervisor?.catch(() => undefined);
    await supervisor?.stop({ graceful: false });
    await this.#boss.stop({ graceful: false });
    await this.#connection.close();
  }

  async #flush(): Promise<void> {
    // What else is woken in this turn goes along.
    await Promise.resolve();
    for (;;) {
      const next = [...this.#wanted].find(([, lanes]) => lanes.size > 0);
      if (next === undefined) break;
      const waitMs = this.#flushedAtMs + WAKE_PACE_MS - performance.now();
      if (waitMs > 0) await pause(waitMs);
      this.#flushedAtMs = performance.now();
      const [queue, wanted] = next;
      const lanes = [...wanted].slice(0, WAKE_BATCH);
      for (const lane of lanes) wanted.delete(lane);
      await this.#insert(queue, lanes, wanted);
    }
    this.#flushing = undefined;
  }

  /** What lost against another process, which may have had other lanes among its own, goes into the next statement. */
  async #insert(queue: QueueName, lanes: readonly string[], wanted: Set<string>): Promise<void> {
    try {
      const asleep = await this.#asleep(queue, lanes);
      if (asleep.length > 0) await this.#boss.insert(queue, wakeUps(asleep));
    } catch (error) {
      if (isConflict(error)) for (const lane of lanes) wanted.add(lane);
      else this.#warn('waking lanes failed; the sweep will wake them', toWahookError(error).message);
    }
  }

  /**
   * Those of the lanes that no worker is about to be given. A job that is found waiting will be fetched later than this, and so
   * later than the COMMIT that the wake-up is for. Looking is a fraction of an insert that meets the waiting job: with a backlog
   * nearly all lanes are awake, and such inserts were half of what PostgreSQL did for a message.
   */
  async #asleep(queue: QueueName, lanes: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#connection.db.executeSql(ASLEEP, [queue, lanes]);
    return (rows as { readonly lane: string }[]).map(({ lane }) => lane);
  }

  #ring(bossQueue: string | undefined): void {
    for (const [queue, bells] of this.#bells) {
      if (bossQueue === undefined || bossQueue === queue) for (const bell of bells) bell();
    }
  }

  /**
   * Without a timer for its housekeeping: that takes lanes from workers that have not been heard of, and only `LaneWatch` knows whether the
   * database has answered for long enough that the living could be.
   */
  #newBoss(options: ConstructorOptions = {}): PgBoss {
    const { db } = this.#connection;
    const { backend } = this.#options.boss;
    const boss = new PgBoss({
      ...(backend && { backend }),
      db,
      schedule: false,
      supervise: false,
      registerInstance: false,
      ...options,
    });
    // Without a listener an error of its background work would end the process. Its text may quote the keys of lanes.
    boss.on('error', (error) => this.#warn('lane scheduler: background work failed', toWahookError(error).message));
    return boss;
  }

  #warn(message: string, reason: string): void {
    this.#options.log.warn(message, { reason });
  }
}

/**
 * Those of the claims whose jobs a call of pg-boss found in their very attempt. It answers with bare ids, so of two attempts of
 * one job only the later is asked about: the earlier was taken back, or there would be no later one.
 */
async function affected(
  claims: readonly LaneClaim[],
  call: (attempts: Attempt[]) => Promise<object>,
): Promise<ReadonlySet<LaneClaim>> {
  if (claims.length === 0) return new Set();
  const latest = new Map<string, LaneClaim>();
  for (const claim of claims)
    if (claim.retryCount >= (latest.get(claim.id)?.retryCount ?? 0)) latest.set(claim.id, claim);
  const asked = [...latest.values()].map(({ id, retryCount }) => ({ id, retryCount }));
  // The types of pg-boss leave open what its calls resolve to.
  const { settled } = (await call(asked)) as { readonly settled: readonly string[] };
  return new Set(settled.flatMap((id) => latest.get(id) ?? []));
}

/** Sorted: two processes that insert the same lanes in different orders wait for each other (a deadlock, 1 s each). */
function wakeUps(lanes: readonly string[]): { singletonKey: string; data: { lane: string } }[] {
  return [...lanes].sort().map((lane) => ({ singletonKey: lane, data: { lane } }));
}
