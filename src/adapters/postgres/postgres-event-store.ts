import type { DedupResult, EventStore, KeyedEvent } from '../../core/ports/receiving.ts';
import { type EventJob, eventJobs } from '../../core/store-events.ts';
import { BytesArray, type Database, TextArray } from './database.ts';
import { digestOf, RECORD_KEYS } from './postgres-dedup-store.ts';
import type { LaneWaker } from './postgres-message-queue.ts';

/**
 * Keys, locks and rows, one after the other: `fresh` is read whole by `held` before that locks anything, so all keys are
 * recorded, in sorted order, before the first lane is locked, in sorted order too; and rows are numbered only after that,
 * since the condition on `held` is evaluated once, before the first row (see `LaneRows.insert`). So two such statements
 * never wait for each other in a circle, and within a lane the order of `seq` is the order of becoming visible.
 *
 * Statuses are not locked: see `LaneRows.insert`.
 *
 * `IS TRUE` keeps the planner from turning the look-up into a join: by its guess of 10 keys it may choose to compare each
 * with each, 250,000 times for a commit of 500. This way it always makes a hash table.
 */
const ACCEPT = `
  WITH recorded AS (${RECORD_KEYS}
  ), fresh AS MATERIALIZED (
    SELECT queue, lane, event_key, event_day, payload, place
    FROM unnest($1::integer[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[])
      WITH ORDINALITY AS given (event_day, digest, queue, lane, event_key, payload, place)
    WHERE (digest IN (SELECT digest FROM recorded)) IS TRUE
  ), held AS (
    INSERT INTO wahook.lane (queue, lane)
    SELECT DISTINCT queue COLLATE "C", lane COLLATE "C" FROM fresh WHERE queue <> 'statuses' ORDER BY 1, 2
    ON CONFLICT (queue, lane) DO UPDATE SET lane = EXCLUDED.lane WHERE false
    RETURNING 1
  )
  INSERT INTO wahook.inbox (queue, lane, event_key, event_day, payload)
  SELECT queue, lane, event_key, event_day, payload::jsonb FROM fresh
  WHERE (SELECT count(*) FROM held) >= 0
  ORDER BY place
  RETURNING event_key`;

/**
 * What `PostgresDedupStore` around `PostgresMessageQueue` does, in one statement that is a transaction of its own: one round
 * trip and one commit in place of five, so that a webhook on an idle system waits for little more than the disk, and no lock
 * is held while a message travels between this process and the server. A process that freezes holds nobody up.
 *
 * Workers are woken after the commit, off the way of the answer; a process that dies in between leaves that to the sweep.
 */
export class PostgresEventStore implements EventStore {
  readonly #database: Database;
  readonly #lanes: Pick<LaneWaker, 'wake'>;

  constructor(database: Database, lanes: Pick<LaneWaker, 'wake'>) {
    this.#database = database;
    this.#lanes = lanes;
  }

  async store(events: readonly KeyedEvent[]): Promise<DedupResult> {
    const jobs = eventJobs(events);
    if (jobs.length === 0) return { fresh: [], duplicate: [], busy: [] };
    const stored = await this.#database.query<{ readonly event_key: string }>({
      name: 'events-accept',
      text: ACCEPT,
      values: valuesOf(jobs),
    });
    const fresh = new Set(stored.map(({ event_key: id }) => id));
    this.#wake(jobs.filter(({ key }) => fresh.has(key.id)));
    const ids = jobs.map(({ key }) => key.id);
    return { fresh: ids.filter((id) => fresh.has(id)), duplicate: ids.filter((id) => !fresh.has(id)), busy: [] };
  }

  #wake(jobs: readonly EventJob[]): void {
    for (const [queue, own] of Map.groupBy(jobs, (job) => job.queue))
      this.#lanes.wake(queue, new Set(own.map(({ lane }) => lane)));
  }
}

function valuesOf(jobs: readonly EventJob[]): readonly unknown[] {
  return [
    jobs.map(({ key }) => key.day),
    new BytesArray(jobs.map(({ key }) => digestOf(key))),
    new TextArray(jobs.map(({ queue }) => queue)),
    new TextArray(jobs.map(({ lane }) => lane)),
    new TextArray(jobs.map(({ key }) => key.id)),
    new TextArray(jobs.map(({ payload }) => JSON.stringify(payload))),
  ];
}
