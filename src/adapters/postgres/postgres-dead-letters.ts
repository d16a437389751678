import type {
  DeadLetter,
  DeadLetterCount,
  DeadLetterFilter,
  DeadLetters,
  JobError,
  QueueName,
} from '../../core/ports/queue.ts';
import type { Database, Queryable } from './database.ts';
import type { LaneWaker } from './postgres-message-queue.ts';

/** Letters a transaction: some 100 ms each, so that nobody who publishes into their lanes waits for longer. */
const BATCH = 1_000;

/** Reading all of some 100,000 letters takes longer than an answer to a webhook may. */
const STATEMENT_MS = 60_000;

/**
 * Reads every dead letter, by the small indexes that hold nothing else. The id of the installation makes the hash of a lane
 * worthless to whoever would try all phone numbers.
 */
const FOUND = `
  WITH letter AS (
    SELECT seq, queue, lane, last_error, failures, claims, accepted_at, settled_at,
           left(encode(sha256(convert_to(installation.id::text || lane, 'UTF8')), 'hex'), 12) AS conversation
    FROM (SELECT seq, queue, lane, last_error, failures, claims, accepted_at, settled_at
          FROM wahook.inbox WHERE state = 'dead'
          UNION ALL
          SELECT seq, queue, lane, last_error, failures, claims, accepted_at, settled_at
          FROM wahook.outbox WHERE state = 'dead') AS dead, wahook.installation
  ), found AS (
    SELECT * FROM letter
    WHERE ($1::text[] IS NULL OR queue || '-' || seq = ANY ($1::text[])) AND ($2::text IS NULL OR queue = $2::text)
      AND ($3::text IS NULL OR last_error ->> 'code' = $3::text) AND ($4::text IS NULL OR conversation = $4::text)
  )`;

const LIST = `${FOUND} SELECT * FROM found ORDER BY settled_at DESC, seq DESC LIMIT $5`;

/** In the order of acceptance as far as there is one over both tables; in a lane it is exact. */
const PLACES = `${FOUND} SELECT queue, seq, lane, now() AS at FROM found ORDER BY queue = 'outbound', seq`;

interface LetterRow {
  readonly seq: number;
  readonly queue: QueueName;
  readonly conversation: string;
  readonly last_error: JobError | null;
  readonly failures: number;
  readonly claims: number;
  readonly accepted_at: Date;
  readonly settled_at: Date;
}

interface Place {
  readonly queue: QueueName;
  readonly seq: number;
  readonly lane: string;
}

/** What became of some letters. */
interface Changed {
  readonly queue: QueueName;
  readonly lane: string;
  /** False: the sweep wakes the lane when its time has come, or nothing waits for this one. */
  readonly due: boolean;
}

/** A change of the dead among `seqs` of one table; rows that are not dead (any more) stay as they are. */
type Change = (
  tx: Queryable,
  table: 'inbox' | 'outbox',
  seqs: readonly number[],
  from: number,
) => Promise<readonly Changed[]>;

/** What was given up, in the rows of the queues. */
export class PostgresDeadLetters implements DeadLetters {
  readonly #database: Database;
  readonly #lanes: LaneWaker;

  constructor(database: Database, lanes: LaneWaker) {
    this.#database = database;
    this.#lanes = lanes;
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    const statement = { text: LIST, values: [...valuesOf(filter), limit] };
    const rows = await this.#reading((tx) => tx.query<LetterRow>(statement));
    return rows.map(letterOf);
  }

  async redrive(
    filter: DeadLetterFilter,
    { perSecond, dryRun = false }: { readonly perSecond?: number; readonly dryRun?: boolean } = {},
  ): Promise<DeadLetterCount> {
    const { places, at } = await this.#find(filter);
    if (dryRun) return countOf(places);
    const stepMs = perSecond === undefined ? null : 1000 / perSecond;
    return this.#change(places, (tx, table, seqs, from) =>
      tx.query<Changed>({
        text: `
          WITH locked AS (
            SELECT seq FROM wahook.${table} WHERE seq = ANY ($1::bigint[]) AND state = 'dead' ORDER BY seq FOR UPDATE
          )
          UPDATE wahook.${table} AS item SET
            state = 'waiting', failures = 0, claims = 0, claimed = false, last_error = NULL, settled_at = NULL,
            next_attempt_at = $2::timestamptz + ($3 + given.place - 1) * $4::float8 * interval '1 ms'
          FROM locked JOIN unnest($1::bigint[]) WITH ORDINALITY AS given (seq, place) USING (seq)
          WHERE item.seq = locked.seq
          RETURNING item.queue, item.lane, COALESCE(item.next_attempt_at <= now(), true) AS due`,
        values: [seqs, at, from, stepMs],
      }),
    );
  }

  async discard(
    filter: DeadLetterFilter,
    { dryRun = false }: { readonly dryRun?: boolean } = {},
  ): Promise<DeadLetterCount> {
    const { places } = await this.#find(filter);
    if (dryRun) return countOf(places);
    return this.#change(places, (tx, table, seqs) =>
      tx.query<Changed>({
        text: `
          WITH locked AS (
            SELECT seq FROM wahook.${table} WHERE seq = ANY ($1::bigint[]) AND state = 'dead' ORDER BY seq FOR UPDATE
          )
          UPDATE wahook.${table} AS item SET state = 'discarded' FROM locked WHERE item.seq = locked.seq
          RETURNING item.queue, item.lane, item.queue = 'messages' AS due`,
        values: [seqs],
      }),
    );
  }

  /** `at`: by the clock of the database; what becomes due later is counted from here. */
  async #find(filter: DeadLetterFilter): Promise<{ places: readonly Place[]; at: Date | null }> {
    const statement = { text: PLACES, values: valuesOf(filter) };
    const rows = await this.#reading((tx) => tx.query<Place & { at: Date }>(statement));
    return { places: rows, at: rows[0]?.at ?? null };
  }

  #reading<Result>(work: (tx: Queryable) => Promise<Result>): Promise<Result> {
    return this.#database.transaction(work, { statementMs: STATEMENT_MS });
  }

  /** Batch after batch, each with the wake-ups of its lanes in one transaction. */
  async #change(places: readonly Place[], change: Change): Promise<DeadLetterCount> {
    const changed: Changed[] = [];
    for (let from = 0; from < places.length; from += BATCH) {
      const batch = places.slice(from, from + BATCH);
      const inbox = batch.filter(({ queue }) => queue !== 'outbound').map(({ seq }) => seq);
      const outbox = batch.filter(({ queue }) => queue === 'outbound').map(({ seq }) => seq);
      const done = await this.#database.transaction(async (tx) => {
        const risen = [
          ...(inbox.length > 0 ? await change(tx, 'inbox', inbox, from) : []),
          ...(outbox.length > 0 ? await change(tx, 'outbox', outbox, from + inbox.length) : []),
        ];
        for (const [queue, lanes] of lanesOf(risen.filter(({ due }) => due)))
          await this.#lanes.wakeInside(tx, queue, [...lanes]);
        return risen;
      });
      for (const one of done) changed.push(one);
    }
    return countOf(changed);
  }
}

function valuesOf({ ids, queue, reason, conversation }: DeadLetterFilter): readonly unknown[] {
  return [ids ?? null, queue ?? null, reason ?? null, conversation ?? null];
}

function lanesOf(rows: readonly Pick<Place, 'queue' | 'lane'>[]): ReadonlyMap<QueueName, ReadonlySet<string>> {
  const lanes = new Map<QueueName, Set<string>>();
  for (const { queue, lane } of rows) lanes.set(queue, (lanes.get(queue) ?? new Set()).add(lane));
  return lanes;
}

function countOf(rows: readonly Pick<Place, 'queue' | 'lane'>[]): DeadLetterCount {
  const conversations = [...lanesOf(rows).values()].reduce((sum, { size }) => sum + size, 0);
  return { letters: rows.length, conversations };
}

function letterOf(row: LetterRow): DeadLetter {
  const error = row.last_error ?? { code: 'unknown', message: '' };
  return {
    ...{ id: `${row.queue}-${row.seq}`, queue: row.queue, reason: error.code, error, claims: row.claims },
    ...{ attempts: row.failures + 1, conversation: row.conversation },
    ...{ acceptedAtMs: row.accepted_at.getTime(), diedAtMs: row.settled_at.getTime() },
  };
}
