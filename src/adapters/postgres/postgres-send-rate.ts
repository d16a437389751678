import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../core/ports/observation.ts';
import type { Route, SendLimit, SendPermit, SendRate } from '../../core/ports/sending.ts';
import {
  HEADROOM,
  HORIZON_MS,
  LEAST_PACE,
  LOOK_AGAIN_MS,
  longestWaitMs,
  ONE_COMPLAINT_MS,
  PAUSE,
  PLACE_LASTS_MS,
  PROBE,
  RECOVERY_MS,
  type SendLimits,
  TELL_RECEIVED_MS,
} from '../../core/send-limits.ts';
import type { Database } from './database.ts';
import { NumberPlaces } from './number-places.ts';
import { PairRate } from './pair-rate.ts';
import { setBack, WITHOUT_DISK } from './send-rate-sql.ts';

/** Between 0 and 1: the pace of a number that recovers since it was slowed down. A slowing down that is yet to come is of before the clock was set back. */
export const PACE = `(CASE WHEN slowed_at <= clock_timestamp()
  THEN LEAST(1, slowed_to + extract(epoch FROM clock_timestamp() - slowed_at) * 1000 / ${RECOVERY_MS}) ELSE 1 END)::float8`;

/**
 * Takes $2 places, if the next one is near enough; of a stopped number none, but the right to probe it if it is time. The row is
 * locked first, and the clock is read then, so that nobody's place is in the past because he waited for his turn.
 */
const TAKE = `
  WITH number AS MATERIALIZED (
    SELECT phone_number_id, clock_timestamp() AS at,
           CASE WHEN ${setBack('free_at', '$5::float8')} THEN clock_timestamp()
                ELSE GREATEST(free_at, clock_timestamp()) END AS start,
           $3::float8 * ${PACE} AS rate, stopped IS NOT NULL AS stopped, probe_at, probes,
           (SELECT max(until) FROM wahook.sending_pause
            WHERE scope = ANY ($4::text[]) AND until > clock_timestamp() AND NOT ${setBack('until', PAUSE.mostMs)}) AS paused_until
    FROM wahook.sending_number WHERE phone_number_id = $1 FOR UPDATE
  ), taken AS (
    UPDATE wahook.sending_number AS item SET
      free_at = CASE WHEN number.stopped THEN item.free_at
                     ELSE number.start + $2::integer / number.rate * interval '1 second' END,
      probe_at = CASE WHEN number.stopped
                      THEN number.at + LEAST(${PROBE.mostMs}, ${PROBE.leastMs} * power(2, LEAST(number.probes, 20) + 1)) * interval '1 ms'
                      ELSE item.probe_at END,
      probes = item.probes + number.stopped::integer
    FROM number
    WHERE item.phone_number_id = number.phone_number_id
      AND CASE WHEN number.stopped THEN number.probe_at <= number.at OR ${setBack('number.probe_at', PROBE.mostMs)}
               ELSE number.paused_until IS NULL AND number.start <= number.at + interval '${HORIZON_MS} ms' END
    RETURNING item.probe_at
  )
  SELECT ${WITHOUT_DISK}, EXISTS (SELECT FROM taken) AS taken, stopped, rate,
    (extract(epoch FROM CASE WHEN stopped
                             THEN LEAST(COALESCE((SELECT probe_at FROM taken), probe_at), at + interval '${LOOK_AGAIN_MS} ms')
                             ELSE GREATEST(start, paused_until) END - at) * 1000)::float8 AS in_ms,
    paused_until IS NOT NULL AS paused
  FROM number`;

const ADD = `INSERT INTO wahook.sending_number (phone_number_id) VALUES ($1) ON CONFLICT DO NOTHING`;

const SLOW_DOWN = `
  UPDATE wahook.sending_number SET slowed_to = GREATEST(${LEAST_PACE}, ${PACE} / 2), slowed_at = clock_timestamp(),
    free_at = GREATEST(free_at, clock_timestamp() + interval '1 second')
  WHERE phone_number_id = $1
    AND (slowed_at IS NULL OR slowed_at < clock_timestamp() - interval '${ONE_COMPLAINT_MS} ms' OR slowed_at > clock_timestamp())`;

const PAUSE_SCOPE = `
  INSERT INTO wahook.sending_pause AS pause (scope, until, times)
  VALUES ($1, now() + interval '${PAUSE.leastMs} ms', 1)
  ON CONFLICT (scope) DO UPDATE SET
    times = CASE WHEN pause.until < now() - interval '${PAUSE.forgottenMs} ms' THEN 1 ELSE pause.times + 1 END,
    until = now() + interval '1 ms' * CASE WHEN pause.until < now() - interval '${PAUSE.forgottenMs} ms'
      THEN ${PAUSE.leastMs} ELSE LEAST(${PAUSE.mostMs}, ${PAUSE.leastMs} * power(2, LEAST(pause.times, 20))) END
  WHERE pause.until < now() OR ${setBack('pause.until', PAUSE.mostMs)}`;

/** Never further ahead than a second: what customers write must slow sending down, not end it. */
const RECEIVED = `
  WITH told AS (
    INSERT INTO wahook.sending_number AS number (phone_number_id, free_at)
    SELECT phone_number_id, now() + LEAST(1, seconds) * interval '1 second'
    FROM unnest($1::text[], $2::float8[]) AS given (phone_number_id, seconds) ORDER BY phone_number_id COLLATE "C"
    ON CONFLICT (phone_number_id) DO UPDATE SET free_at = GREATEST(number.free_at, LEAST(
      clock_timestamp() + interval '1 second',
      GREATEST(number.free_at, clock_timestamp()) + (EXCLUDED.free_at - now())))
  )
  SELECT ${WITHOUT_DISK}`;

interface Taken {
  readonly taken: boolean;
  readonly stopped: boolean;
  readonly paused: boolean;
  readonly rate: number;
  readonly in_ms: number;
}

type Place = { readonly kind: 'place'; readonly atMs: number } | SendPermit;

/**
 * The limits in rows that all processes share. The throughput of a number is taken in slices of a tenth of a second, so that it costs
 * ten statements a second and process and not one a message; what one person may get is in `PairRate`.
 */
export class PostgresSendRate implements SendRate {
  readonly #database: Database;
  readonly #limits: SendLimits;
  readonly #log: Log;
  readonly #pairs: PairRate;
  readonly #places = new Map<string, NumberPlaces>();
  readonly #received = new Map<string, number>();
  #telling: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(database: Database, limits: SendLimits, log: Log) {
    this.#database = database;
    this.#limits = limits;
    this.#log = log;
    this.#pairs = new PairRate(database, limits.pair);
  }

  async reserve(route: Route, signal?: AbortSignal): Promise<SendPermit> {
    let place = await this.#place(route.phoneNumberId);
    if (place.kind !== 'place') return place;
    const waitMs = await this.#pairs.book(route);
    if (waitMs > 0) {
      this.#placesOf(route.phoneNumberId).giveBack(place.atMs);
      return { kind: 'later', inMs: waitMs, because: 'recipient' };
    }
    // A process that was busy can wake up too late for its place.
    while (place.kind === 'place') {
      const inMs = place.atMs - performance.now();
      if (inMs > 0 && !(await slept(inMs, signal))) return { kind: 'later', inMs: 0, because: 'number' };
      if (performance.now() <= place.atMs + PLACE_LASTS_MS) return { kind: 'go', probe: false };
      place = await this.#place(route.phoneNumberId);
    }
    return place;
  }

  async exceeded(route: Route, limit: SendLimit): Promise<void> {
    const { phoneNumberId } = route;
    switch (limit) {
      case 'recipient':
        return await this.#pairs.useUp(route);
      case 'number':
        this.#placesOf(phoneNumberId).clear();
        await this.#database.query({ name: 'send-rate-add', text: ADD, values: [phoneNumberId] });
        return void (await this.#database.query({ text: SLOW_DOWN, values: [phoneNumberId] }));
      case 'account':
      case 'app':
        this.#placesOf(phoneNumberId).clear();
        return void (await this.#database.query({ text: PAUSE_SCOPE, values: [this.#scope(phoneNumberId, limit)] }));
    }
  }

  received(phoneNumberId: string, messages: number): void {
    if (this.#closed) return;
    this.#received.set(phoneNumberId, (this.#received.get(phoneNumberId) ?? 0) + messages);
    this.#telling ??= setTimeout(() => void this.#tellReceived(), TELL_RECEIVED_MS).unref();
  }

  /** What was not told yet is lost: less than a second of it. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#telling);
  }

  async #tellReceived(): Promise<void> {
    const received = [...this.#received];
    this.#received.clear();
    this.#telling = undefined;
    const seconds = received.map(([id, messages]) => messages / this.#rateOf(id));
    await this.#database
      .query({ name: 'send-rate-received', text: RECEIVED, values: [received.map(([id]) => id), seconds] })
      .catch(() => this.#log.debug('Inbound messages were not counted against the throughput', {}));
  }

  /** One of the places that this process has, or one of a new slice, which is taken for all that wait. */
  async #place(phoneNumberId: string): Promise<Place> {
    const places = this.#placesOf(phoneNumberId);
    for (;;) {
      const atMs = places.next(performance.now());
      if (atMs !== undefined) return { kind: 'place', atMs };
      if (places.taking !== undefined) {
        places.waiting += 1;
        await places.taking.catch(() => {}).finally(() => (places.waiting -= 1));
        continue;
      }
      const taken = this.#take(phoneNumberId, places);
      places.taking = taken.then(
        () => {},
        () => {},
      );
      const refusal = await taken.finally(() => (places.taking = undefined));
      if (refusal !== undefined) return refusal;
    }
  }

  async #take(phoneNumberId: string, places: NumberPlaces): Promise<SendPermit | undefined> {
    const { perSecond } = this.#limits.limitsOf(phoneNumberId);
    // One turn later, so that all callers of this moment are among those that wait.
    await Promise.resolve();
    const count = places.needed(perSecond, performance.now());
    const scopes = [this.#scope(phoneNumberId, 'app'), this.#scope(phoneNumberId, 'account')];
    const take = () =>
      this.#database.query<Taken>({
        name: 'send-rate-take',
        text: TAKE,
        values: [phoneNumberId, count, this.#rateOf(phoneNumberId), scopes, longestWaitMs(perSecond)],
      });
    let [row] = await take();
    if (row === undefined) {
      await this.#database.query({ name: 'send-rate-add', text: ADD, values: [phoneNumberId] });
      [row] = await take();
    }
    if (row === undefined) throw new Error('a row that was added is not there');
    const inMs = Math.ceil(row.in_ms);
    if (row.stopped) return row.taken ? { kind: 'go', probe: true, nextInMs: inMs } : { kind: 'stopped', inMs };
    if (!row.taken) return { kind: 'later', inMs, because: row.paused ? 'account' : 'number' };
    const nowMs = performance.now();
    places.add(nowMs + row.in_ms, 1_000 / row.rate, count, nowMs);
    return undefined;
  }

  #rateOf(phoneNumberId: string): number {
    return this.#limits.limitsOf(phoneNumberId).perSecond * HEADROOM;
  }

  #scope(phoneNumberId: string, limit: 'account' | 'app'): string {
    return limit === 'app' ? 'app' : `account ${this.#limits.limitsOf(phoneNumberId).account ?? ''}`;
  }

  #placesOf(phoneNumberId: string): NumberPlaces {
    const places = this.#places.get(phoneNumberId) ?? new NumberPlaces();
    this.#places.set(phoneNumberId, places);
    return places;
  }
}

/** False if it was told to stop. */
async function slept(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  return delay(ms, true, signal && { signal }).catch(() => false);
}
