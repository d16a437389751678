import type { Job, JobError, NewJob, QueueDepth, QueueName } from '../../core/ports/queue.ts';
import { type Queryable, TextArray } from './database.ts';
import { HELD_JOBS, type LaneClaim } from './lane-scheduler.ts';

/** One probe of the index of dead rows. */
const BEFORE_THE_DEAD = `AND seq < COALESCE(
  (SELECT min(seq) FROM wahook.inbox WHERE queue = $1 AND lane = visit.lane AND state = 'dead'), 9223372036854775807)`;

/**
 * Asked as a range, so that the order by lane and number is no order by number alone: for that one the planner likes to walk
 * along the primary key, through all that is done, in search of the lane. 950 ms in place of 4 with 20,000 rows (2026-11).
 */
const IN_THE_LANE = 'lane BETWEEN visit.lane AND visit.lane';

/**
 * The state of a row found by its `seq`, asked in a way that the planner does not recognise as the condition of the index of
 * waiting rows: by statistics that know of no backlog it would read that whole index in place of the primary key.
 */
export const STILL_WAITS = `item.state || '' = 'waiting'`;

/** A lane to claim rows of. */
export interface LaneRequest {
  readonly claim: LaneClaim;
  /** Rows at most. */
  readonly burst: number;
}

/** One claimed row. */
export interface ClaimedRow {
  readonly seq: number;
  readonly job: Job;
  /** The claim before this one ended without a word while a handler was at work. */
  readonly wasUnderWay: boolean;
}

/** What a claim found in a lane. */
export interface ClaimedRows {
  /** The first rows of the lane that are due, in order. */
  readonly rows: readonly ClaimedRow[];
  /** True if the lane has rows after these that are due. */
  readonly more: boolean;
}

interface ClaimedRecord {
  /** In the list of requests, from 1. */
  readonly place: number;
  readonly seq: number;
  readonly event_key: string;
  readonly event_day: number;
  readonly payload: unknown;
  readonly failures: number;
  readonly claims: number;
  readonly interrupted: boolean;
  readonly was_under_way: boolean;
  readonly interruptions: number;
  readonly accepted_at: Date;
  readonly last_error: JobError | null;
  readonly more: boolean;
}

/**
 * The rows of one queue: SQL and nothing else, each statement for as many lanes as there are to serve. Waiting rows of a lane
 * are looked for by all columns of their index, rows that are known by their primary key.
 */
export class LaneRows {
  readonly #queue: QueueName;
  readonly #table: 'inbox' | 'outbox';
  readonly #holds: boolean;

  /** @param holds rows behind a dead one of their lane are not claimed */
  constructor(queue: QueueName, { holds = false }: { readonly holds?: boolean } = {}) {
    this.#queue = queue;
    this.#holds = holds;
    this.#table = queue === 'outbound' ? 'outbox' : 'inbox';
  }

  /**
   * Stores jobs in the order given, and resolves to their lanes. Inside a transaction: the lanes' rows stay locked to its
   * end, in sorted order against deadlocks, and rows are numbered only after the lock is held (the condition on `held` is
   * evaluated once, before the first row). So of two transactions with one lane the second numbers after the first has
   * committed, and `seq` order is the order of becoming visible.
   *
   * `DO UPDATE … WHERE false` locks the lane's row without writing a new version of it. The lock takes 10 µs of PostgreSQL a job
   * for a lane that exists and 16 µs for a new one, on top of 30 µs for the row (in commits of 50, measured 2026-11).
   *
   * Statuses need no such order (what is applied only rises), and their few lanes are in every commit of the intake: locked, they
   * would make each wait for the one before. So they are numbered as they come, in the order of the calls of one process.
   *
   * A send that is stored already is left out; for the inbox the caller has seen to it that the keys are fresh.
   */
  async insert(tx: Queryable, jobs: readonly NewJob[]): Promise<readonly string[]> {
    const lanes = [...new Set(jobs.map(({ lane }) => lane))];
    await tx.query({
      name: `${this.#queue}-insert`,
      text: `
        WITH held AS (
          INSERT INTO wahook.lane (queue, lane)
          SELECT $1, lane FROM unnest($2::text[]) AS given (lane) ORDER BY lane COLLATE "C"
          ON CONFLICT (queue, lane) DO UPDATE SET lane = EXCLUDED.lane WHERE false
          RETURNING 1
        )
        INSERT INTO wahook.${this.#table} (queue, lane, event_key, event_day, payload)
        SELECT $1, lane, event_key, event_day, payload::jsonb
        FROM unnest($3::text[], $4::text[], $5::integer[], $6::text[])
          WITH ORDINALITY AS given (lane, event_key, event_day, payload, place)
        WHERE (SELECT count(*) FROM held) >= 0
        ORDER BY place
        ${this.#table === 'outbox' ? 'ON CONFLICT (event_key) DO NOTHING' : ''}`,
      values: [
        this.#queue,
        new TextArray(this.#queue === 'statuses' ? [] : lanes),
        new TextArray(jobs.map(({ lane }) => lane)),
        new TextArray(jobs.map(({ key }) => key.id)),
        jobs.map(({ key }) => key.day),
        new TextArray(jobs.map(({ payload }) => JSON.stringify(payload))),
      ],
    });
    return lanes;
  }

  /**
   * Claims the first rows of each lane, at most its `burst`, up to the first that is not due yet; one that was interrupted
   * comes alone, and is under way only when it is marked so. Committed before the handlers run, so that a process that dies
   * over a message leaves a trace of it. Resolves to what it found, in the order of the requests.
   *
   * The rows are found by the list of their numbers, and `+ 0` keeps the planner from finding them by the join: by a plan from the time when there
   * were few that would read all of them (decision 11).
   *
   * Nothing is claimed in a lane that was given to another worker meanwhile: a healthy send of that one would look as if it
   * had been cut short. Looked up, not locked: a lane that is given away in the very millisecond of the claim is not noticed.
   */
  async claim(db: Queryable, requests: readonly LaneRequest[]): Promise<readonly ClaimedRows[]> {
    const records = await db.query<ClaimedRecord>({
      name: `${this.#queue}-claim${this.#holds ? '-held' : ''}`,
      text: `
        WITH held AS MATERIALIZED (${HELD_JOBS}
        ), visit AS (
          SELECT * FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::integer[])
            WITH ORDINALITY AS given (id, retry_count, lane, burst, place)
          WHERE ((id, retry_count) IN (SELECT id, retry_count FROM held)) IS TRUE
        ), head AS (
          SELECT place, seq, claimed AS interrupted, under_way AS was_under_way,
                 bool_and(next_attempt_at IS NULL OR next_attempt_at <= now()) OVER up_to_here AS due,
                 row_number() OVER up_to_here = 1 OR row_number() OVER up_to_here <= burst
                   AND NOT bool_or(under_way OR interruptions > 0) OVER up_to_here AS fits
          FROM visit, LATERAL (
            SELECT seq, claimed, under_way, interruptions, next_attempt_at FROM wahook.${this.#table}
            WHERE queue = $1 AND ${IN_THE_LANE} AND state = 'waiting' ${this.#holds ? BEFORE_THE_DEAD : ''}
            ORDER BY lane, seq LIMIT burst + 1) AS waiting
          WINDOW up_to_here AS (PARTITION BY place ORDER BY seq)
        ), ahead AS (
          SELECT *, bool_or(due AND NOT fits) OVER (PARTITION BY place) AS more FROM head
        )
        UPDATE wahook.${this.#table} AS item SET claims = claims + 1, claimed = true,
          interruptions = interruptions + was_under_way::integer,
          under_way = interruptions = 0 AND NOT was_under_way
        FROM ahead
        WHERE item.seq + 0 = ahead.seq AND item.seq = ANY (ARRAY(SELECT seq FROM ahead WHERE due AND fits)) AND ${STILL_WAITS}
        RETURNING ahead.place, item.seq, item.event_key, item.event_day, item.payload, item.failures, item.claims,
                  ahead.interrupted, ahead.was_under_way, item.interruptions, item.accepted_at, item.last_error, ahead.more`,
      values: [
        this.#queue,
        requests.map(({ claim }) => claim.id),
        requests.map(({ claim }) => claim.retryCount),
        requests.map(({ claim }) => claim.lane),
        requests.map(({ burst }) => burst),
      ],
    });
    const found = requests.map(() => [] as ClaimedRecord[]);
    for (const record of records) found[record.place - 1]?.push(record);
    return requests.map(({ claim: { lane } }, place) => {
      const own = (found[place] ?? []).sort((a, b) => a.seq - b.seq);
      return { rows: own.map((record) => claimed(lane, record)), more: own[0]?.more ?? false };
    });
  }

  /** Takes back the claim of rows that were not started. One whose claim before was cut short is still such a one. */
  async unclaim(tx: Queryable, rows: readonly ClaimedRow[]): Promise<void> {
    await tx.query({
      name: `${this.#queue}-unclaim`,
      text: `UPDATE wahook.${this.#table} AS item
             SET claims = claims - 1, claimed = seq = ANY ($2::bigint[]), under_way = false
             WHERE seq = ANY ($1::bigint[]) AND ${STILL_WAITS}`,
      values: [rows.map(({ seq }) => seq), rows.filter(({ job }) => job.interrupted).map(({ seq }) => seq)],
    });
  }

  /** Says whether a handler is at work on claimed rows; if the process dies while none is, that is no interruption. */
  async mark(tx: Queryable, seqs: readonly number[], underWay: boolean): Promise<void> {
    await tx.query({
      name: `${this.#queue}-mark`,
      text: `UPDATE wahook.${this.#table} AS item SET under_way = $2 WHERE seq = ANY ($1::bigint[]) AND ${STILL_WAITS}`,
      values: [seqs, underWay],
    });
  }

  /** Reads the index of the waiting rows once: 15 ms at 100,000 waiting (measured 2026-11). */
  async depth(db: Queryable): Promise<QueueDepth> {
    const ready = `FROM wahook.${this.#table} WHERE queue = $1 AND state = 'waiting'`;
    const counted = this.#holds
      ? `SELECT count(*) AS waiting, min(seq) FILTER (WHERE holder IS NULL OR seq < holder) AS oldest
         FROM (SELECT seq, lane ${ready}) AS item LEFT JOIN
              (SELECT lane, min(seq) AS holder FROM wahook.${this.#table} WHERE queue = $1 AND state = 'dead' GROUP BY lane)
                AS hold USING (lane)`
      : `SELECT count(*) AS waiting, min(seq) AS oldest ${ready}`;
    const [row] = await db.query<{ waiting: number; dead: number; held: number; oldest_ms: number }>({
      name: `${this.#queue}-depth${this.#holds ? '-held' : ''}`,
      text: `
        SELECT waiting, dead, held,
          COALESCE((SELECT GREATEST(extract(epoch FROM now() - accepted_at) * 1000, 0)
                    FROM wahook.${this.#table} WHERE seq = oldest), 0)::float8 AS oldest_ms
        FROM (${counted}) AS w,
             (SELECT count(*) AS dead, ${this.#holds ? 'count(DISTINCT lane)' : '0'} AS held
              FROM wahook.${this.#table} WHERE queue = $1 AND state = 'dead') AS d`,
      values: [this.#queue],
    });
    const { waiting = 0, dead = 0, held = 0, oldest_ms: oldestMs = 0 } = row ?? {};
    return { waiting, dead, held, oldestMs };
  }
}

function claimed(lane: string, record: ClaimedRecord): ClaimedRow {
  return {
    seq: record.seq,
    wasUnderWay: record.was_under_way,
    job: {
      id: String(record.seq),
      key: { id: record.event_key, day: record.event_day },
      lane,
      payload: record.payload,
      attempt: record.failures + 1,
      claims: record.claims,
      interrupted: record.interrupted,
      interruptions: record.interruptions,
      acceptedAtMs: record.accepted_at.getTime(),
      ...(record.last_error !== null && { lastError: record.last_error }),
    },
  };
}
