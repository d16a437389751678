import type { QueueName } from '../../core/ports/queue.ts';
import type { Database, Queryable } from './database.ts';
import type { LaneScheduler } from './lane-scheduler.ts';
import { freeLanesOfLaterTime, moveRetriesBack } from './set-back-clock.ts';

/** A wake-up arrives within milliseconds; lanes whose first row is younger than this need no help. */
const GRACE_MS = 500;

/** In SQL: nor one that will be accepted, by a clock that was set back since. */
const NO_LONGER_NEW = `accepted_at NOT BETWEEN now() - interval '${GRACE_MS} ms' AND now() + interval '${GRACE_MS} ms'`;

/** Lanes looked at per second and queue: 25 ms of PostgreSQL at 100,000 waiting lanes (measured 2026-11). */
const WALK = 500;

/** Retries woken per second and queue; more are woken in the next seconds, in the order in which they were due. */
const RETRIES = 2_000;

/** How far back to look again for retries whose transaction committed after they were due. */
const OVERLAP_MS = 2_000;

/**
 * In SQL: nobody has swept for a second. A sweep that is yet to come is of before the clock was set back. By the moment of the statement,
 * since others have swept meanwhile if the process stood still after its BEGIN, of which `now()` is the moment.
 */
export const SWEEP_IS_DUE = `
  swept_at NOT BETWEEN statement_timestamp() - interval '900 ms' AND statement_timestamp() + interval '900 ms'`;

interface Position {
  readonly due_until: Date;
  readonly after_lane: string;
  readonly swept_at: Date;
  /** More than 0: how far the clock was set back. */
  readonly set_back_ms: number;
}

/**
 * Wakes the lanes that nobody else wakes: those with a retry that is due, and those whose wake-up was lost because the
 * process died between COMMIT and wake-up. Waking a lane that needs none is harmless and mostly free: pg-boss has its job
 * already.
 *
 * Two cursors keep it as cheap with 100,000 waiting lanes as with none: one over the times at which retries are due, and
 * one that walks through the lanes, 500 a second. So with up to 500 waiting lanes a lost wake-up is found within 1.5 s;
 * with 100,000 within minutes, but then the lanes that have their wake-up wait for as long.
 *
 * The cursors lie in the database: any number of processes may call `sweep`, one a second does the work. If the clock of the database
 * was ahead and is set back, it also mends what then lies in the future.
 */
export class LaneSweep {
  readonly #database: Database;
  readonly #scheduler: LaneScheduler;
  readonly #queue: QueueName;
  readonly #table: 'inbox' | 'outbox';
  readonly #holds: boolean;

  /** @param holds lanes whose first row stands behind a dead one need nobody */
  constructor(database: Database, scheduler: LaneScheduler, queue: QueueName, { holds = false } = {}) {
    this.#database = database;
    this.#scheduler = scheduler;
    this.#queue = queue;
    this.#table = queue === 'outbound' ? 'outbox' : 'inbox';
    this.#holds = holds;
  }

  /** @throws WahookError `storage_unavailable`; the next call makes up for it. */
  async sweep(): Promise<void> {
    await this.#database.transaction(async (tx) => {
      const position = await this.#takeTurn(tx);
      if (position === undefined) return;
      await freeLanesOfLaterTime(tx, this.#queue);
      await moveRetriesBack(tx, this.#queue, { sweptAt: position.swept_at, setBackMs: position.set_back_ms });
      const retries = await this.#dueRetries(tx, position.due_until);
      const walked = await this.#walk(tx, position.after_lane);
      await this.#scheduler.wakeInside(tx, this.#queue, [...new Set([...retries.lanes, ...walked.lanes])]);
      await this.#moveOn(tx, retries.until, walked.after);
    });
  }

  async #takeTurn(tx: Queryable): Promise<Position | undefined> {
    const [position] = await tx.query<Position>({
      name: `${this.#queue}-sweep-turn`,
      text: `SELECT after_lane, CASE WHEN due_until <= moment THEN due_until ELSE '-infinity' END AS due_until, swept_at,
               (CASE WHEN swept_at > moment THEN extract(epoch FROM swept_at - moment) * 1000 ELSE 0 END)::float8 AS set_back_ms
             FROM wahook.sweep, statement_timestamp() AS moment
             WHERE queue = $1 AND ${SWEEP_IS_DUE} FOR UPDATE OF sweep SKIP LOCKED`,
      values: [this.#queue],
    });
    return position;
  }

  /** `until` undefined: none is left that was due before now. */
  async #dueRetries(tx: Queryable, after: Date): Promise<{ lanes: readonly string[]; until: Date | undefined }> {
    const rows = await tx.query<{ lane: string; next_attempt_at: Date }>({
      name: `${this.#queue}-sweep-retries`,
      text: `SELECT lane, next_attempt_at FROM wahook.${this.#table}
             WHERE queue = $1 AND state = 'waiting' AND next_attempt_at > $2 AND next_attempt_at <= now()
             ORDER BY next_attempt_at LIMIT $3`,
      values: [this.#queue, after, RETRIES],
    });
    return {
      lanes: rows.map(({ lane }) => lane),
      until: rows.length === RETRIES ? rows.at(-1)?.next_attempt_at : undefined,
    };
  }

  /** Looks at the first waiting row of each of the next lanes, by one probe of the index a lane. */
  async #walk(tx: Queryable, after: string): Promise<{ lanes: readonly string[]; after: string }> {
    const first = (lane: string) => `
      SELECT lane, seq, next_attempt_at, accepted_at FROM wahook.${this.#table}
      WHERE queue = $1 AND state = 'waiting' AND lane > ${lane} ORDER BY lane, seq LIMIT 1`;
    const held = this.#holds
      ? `AND NOT EXISTS (SELECT FROM wahook.${this.#table} AS dead WHERE dead.queue = $1 AND dead.lane = walk.lane
                         AND dead.state = 'dead' AND dead.seq < walk.seq)`
      : '';
    const rows = await tx.query<{ lane: string; due: boolean }>({
      name: `${this.#queue}-sweep-walk${this.#holds ? '-held' : ''}`,
      text: `
        WITH RECURSIVE walk AS (
          (SELECT *, 1 AS place FROM (${first('$2')}) AS start)
          UNION ALL
          SELECT next.*, walk.place + 1 FROM walk, LATERAL (${first('walk.lane')}) AS next WHERE walk.place < $3::integer
        )
        SELECT lane, CASE WHEN next_attempt_at IS NULL THEN ${NO_LONGER_NEW} ELSE next_attempt_at <= now() END ${held} AS due
        FROM walk`,
      values: [this.#queue, after, WALK],
    });
    return {
      lanes: rows.filter(({ due }) => due).map(({ lane }) => lane),
      after: rows.length === WALK ? (rows.at(-1)?.lane ?? '') : '',
    };
  }

  async #moveOn(tx: Queryable, until: Date | undefined, afterLane: string): Promise<void> {
    await tx.query({
      name: `${this.#queue}-sweep-move`,
      text: `UPDATE wahook.sweep SET swept_at = now(), after_lane = $2,
               due_until = COALESCE($3, now() - $4::float8 * interval '1 ms')
             WHERE queue = $1`,
      values: [this.#queue, afterLane, until ?? null, OVERLAP_MS],
    });
  }
}
