import type { Log } from '../../core/ports/observation.ts';
import type { QueueName } from '../../core/ports/queue.ts';
import type { Database } from './database.ts';
import { HEARTBEAT_SECONDS } from './lane-scheduler.ts';
import { SWEEP_IS_DUE } from './lane-sweep.ts';
import { toWahookError } from './sql-errors.ts';

/** The floor under notifications, which are only a hint: what was missed is found after this, and so is a retry. */
const LOOK_MS = 500;

/**
 * Nobody can beat while the database is away, and after it all workers look dead until they have. They beat three times within a lease;
 * so lanes are taken from the dead only when the database has answered for so long.
 */
const ANSWERS_FOR_MS = (HEARTBEAT_SECONDS * 1000) / 2;

/** Between two passes of pg-boss over the jobs of a queue. A pass is seven statements, of which one counts all jobs. */
const HOUSEKEEPING_MS = 60_000;

/** In the order of the index of waiting rows, or the planner would rather read the table until it meets one. */
const firstWaiting = (table: 'inbox' | 'outbox') => `
  (SELECT true FROM wahook.${table} WHERE queue BETWEEN turn.queue AND turn.queue AND state = 'waiting'
   ORDER BY queue, lane, seq LIMIT 1)`;

/**
 * Tables of which the planner knows less than a tenth. Autovacuum would see it within a minute; until then plans may read all that waits for
 * each lane, pg-boss's too: 100 messages a second with 20,000 lanes in place of 7,000 (measured 2026-11). Counts reach this a second late.
 */
const OUTGROWN = `
  (SELECT array_agg(oid::regclass::text) FROM pg_class
   WHERE oid = ANY ('{wahook.inbox,wahook.outbox,pgboss.job_common}'::regclass[])
     AND pg_stat_get_live_tuples(oid) > 1000 + 10 * GREATEST(reltuples, 0))`;

/** A table may have millions of rows, of which 30,000 are looked at. It is tried again after so long, by those too who may not. */
const ANALYZE = { limitMs: 60_000, everyMs: 10_000 } as const;

/** One row a queue, by a few probes of indexes. */
const LOOK = `
  SELECT queue, ${OUTGROWN} AS outgrown,
    COALESCE((SELECT true FROM pgboss.job
              WHERE name = turn.queue AND state < 'active' AND NOT blocked AND start_after <= now()
              ORDER BY priority DESC, created_on LIMIT 1), false) AS awake,
    EXISTS (SELECT FROM pgboss.job WHERE name = turn.queue AND state = 'active'
              AND heartbeat_on < now() - interval '${HEARTBEAT_SECONDS} s') AS orphaned,
    ${SWEEP_IS_DUE}
      AND COALESCE(${firstWaiting('inbox')}, ${firstWaiting('outbox')}, false) AS unswept
  FROM wahook.sweep AS turn WHERE queue = ANY ($1::text[])`;

interface Seen {
  readonly queue: QueueName;
  /** The same for all queues. */
  readonly outgrown: readonly string[] | null;
  readonly awake: boolean;
  readonly orphaned: boolean;
  readonly unswept: boolean;
}

interface Watcher {
  /** A lane waits for a worker. */
  hint(): void;
  /** The worker of a lane has not been heard of for longer than its lease, or it is time for the housekeeping, which takes such lanes too. */
  supervise(): void;
  /** Rows wait, and nobody has swept for a second. */
  sweep(): void;
}

/** Looks twice a second, for all queues of a process in one statement, whether there is anything to do. */
export class LaneWatch {
  readonly #database: Database;
  readonly #log: Log;
  readonly #watchers = new Map<QueueName, Set<Watcher>>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #analyzeAgainAtMs = 0;
  /** When the first look succeeded since one failed, by `performance.now()`. */
  #answersSinceMs: number | undefined;
  /** When the last pass over each queue began. */
  readonly #supervisedAtMs = new Map<QueueName, number>();

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** Returns how to end it. */
  join(queue: QueueName, watcher: Watcher): () => void {
    this.#watchers.set(queue, (this.#watchers.get(queue) ?? new Set()).add(watcher));
    this.#timer ??= setInterval(() => void this.#look(), LOOK_MS);
    return () => this.#leave(queue, watcher);
  }

  #leave(queue: QueueName, watcher: Watcher): void {
    const watchers = this.#watchers.get(queue);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(queue);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const values = [[...this.#watchers.keys()]];
      const seen = await this.#database.query<Seen>({ name: 'lane-watch', text: LOOK, values });
      this.#answersSinceMs ??= performance.now();
      for (const one of seen) this.#tell(one);
      if (seen[0]?.outgrown && performance.now() >= this.#analyzeAgainAtMs) void this.#analyze(seen[0].outgrown);
    } catch (error) {
      this.#answersSinceMs = undefined;
      this.#log.warn('looking for lanes failed', { reason: toWahookError(error).message });
    } finally {
      this.#isLooking = false;
    }
  }

  /** New statistics also make every connection forget the plans that it keeps. What another process is at work on is left to that one. */
  async #analyze(tables: readonly string[]): Promise<void> {
    const text = `ANALYZE (SKIP_LOCKED) ${tables.join(', ')}`;
    this.#analyzeAgainAtMs = Number.POSITIVE_INFINITY;
    await this.#database
      .transaction((tx) => tx.query({ text }), { statementMs: ANALYZE.limitMs })
      .catch((error: unknown) => this.#log.warn('new statistics failed', { reason: toWahookError(error).message }));
    this.#analyzeAgainAtMs = performance.now() + ANALYZE.everyMs;
  }

  get #hasHeardTheLiving(): boolean {
    return this.#answersSinceMs !== undefined && performance.now() - this.#answersSinceMs >= ANSWERS_FOR_MS;
  }

  #mustTidyUp(queue: QueueName): boolean {
    const lastMs = this.#supervisedAtMs.get(queue) ?? Number.NEGATIVE_INFINITY;
    return performance.now() - lastMs >= HOUSEKEEPING_MS;
  }

  #tell({ queue, awake, orphaned, unswept }: Seen): void {
    const watchers = [...(this.#watchers.get(queue) ?? [])];
    // One is enough for all consumers of a queue.
    if (this.#hasHeardTheLiving && (orphaned || this.#mustTidyUp(queue))) {
      this.#supervisedAtMs.set(queue, performance.now());
      watchers[0]?.supervise();
    }
    if (unswept) watchers[0]?.sweep();
    if (awake) for (const watcher of watchers) watcher.hint();
  }
}
