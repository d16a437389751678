import { addressesOf } from '../../core/lanes.ts';
import type { Route } from '../../core/ports/sending.ts';
import { type PairLimit, toleranceMs } from '../../core/send-limits.ts';
import { type Database, TextArray } from './database.ts';
import { removeRows } from './remove-rows.ts';
import { setBack, WITHOUT_DISK } from './send-rate-sql.ts';

/**
 * 0 if booked, else how long until there is room for one. For all addresses of the recipient or for none: they are locked first. Only
 * what is new there at this very moment may be booked without the other: then one message was counted that did not go.
 */
const BOOK_PAIR = `
  WITH held AS MATERIALIZED (
    SELECT free_at FROM wahook.sending_pair WHERE lane = ANY ($1::text[]) ORDER BY lane FOR UPDATE
  ), full_for AS (
    SELECT max(extract(epoch FROM free_at - clock_timestamp()) * 1000) - $3::float8 AS ms
    FROM held WHERE NOT ${setBack('free_at', '$2::float8 + $3::float8')}
  ), booked AS (
    INSERT INTO wahook.sending_pair AS pair (lane, free_at)
    SELECT lane, now() + $2::float8 * interval '1 ms' FROM unnest($1::text[]) AS given (lane)
    WHERE COALESCE((SELECT ms FROM full_for), 0) <= 0 ORDER BY lane COLLATE "C"
    ON CONFLICT (lane) DO UPDATE SET
      free_at = GREATEST(LEAST(pair.free_at, clock_timestamp() + $3::float8 * interval '1 ms'), clock_timestamp())
        + $2::float8 * interval '1 ms'
    WHERE pair.free_at <= clock_timestamp() + $3::float8 * interval '1 ms'
      OR ${setBack('pair.free_at', '$2::float8 + $3::float8')}
    RETURNING 1
  )
  SELECT ${WITHOUT_DISK}, CASE WHEN (SELECT count(*) FROM booked) = cardinality($1::text[]) THEN 0
    ELSE GREATEST(1, ceil((SELECT ms FROM full_for))) END::float8 AS wait_ms`;

/** The burst is used up: by others with this number, or our account of it was wrong. */
const USE_UP_PAIR = `
  INSERT INTO wahook.sending_pair AS pair (lane, free_at)
  SELECT lane, now() + $2::float8 * interval '1 ms' FROM unnest($1::text[]) AS given (lane) ORDER BY lane COLLATE "C"
  ON CONFLICT (lane) DO UPDATE SET
    free_at = GREATEST(pair.free_at, clock_timestamp() + $2::float8 * interval '1 ms')`;

/**
 * What one person may get from one number, in rows that all processes share: one for each id of the person, of which a message books all
 * that it names. Messages to one id of a person count for those that name both.
 */
export class PairRate {
  readonly #database: Database;
  readonly #pair: PairLimit;

  constructor(database: Database, pair: PairLimit) {
    this.#database = database;
    this.#pair = pair;
  }

  /** 0 if booked, else how many milliseconds until there may be room. */
  async book(route: Route): Promise<number> {
    const { intervalMs } = this.#pair;
    if (intervalMs === 0 || route.to.groupId !== undefined) return 0;
    const [row] = await this.#database.query<{ wait_ms: number }>({
      name: 'send-rate-book-pair',
      text: BOOK_PAIR,
      values: [new TextArray(addressesOf(route)), intervalMs, toleranceMs(this.#pair)],
    });
    return row?.wait_ms ?? 0;
  }

  /** Meta says that the burst is used up. */
  async useUp(route: Route): Promise<void> {
    const values = [new TextArray(addressesOf(route)), toleranceMs(this.#pair) + this.#pair.intervalMs];
    await this.#database.query({ text: USE_UP_PAIR, values });
  }
}

/** Removes what says nothing any more. For every hour. */
export async function forgetPairs(database: Database): Promise<void> {
  await removeRows(database, 'wahook.sending_pair', 'free_at < now()');
}
