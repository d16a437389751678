import type { Database, Queryable } from './database.ts';
import { removeRows } from './remove-rows.ts';

/**
 * How long a key is kept after it was recorded. Meta repeats a webhook for up to 7 days (its page on webhook endpoints,
 * 2026-09-11); twice that, and a day for clocks and time zones, costs little and forgives a week of our own downtime.
 */
export const RETAIN_DAYS = 15;

/** Partitions ahead of today: the hourly call may fail for a week before keys go to the default partition. */
const DAYS_AHEAD = 7;

/** Creating and dropping lock the table for a moment; whoever waits for that lock holds up every webhook behind it. */
const LOCK_MS = 250;

/** Looking for young keys in an old partition reads an index of a few pages, at worst the whole partition. */
const STATEMENT_MS = 30_000;

export interface EventKeyMaintenance {
  /** Days since 1970-01-01. */
  readonly created: readonly number[];
  readonly dropped: readonly number[];
  /** Rows of the default partition. */
  readonly deleted: number;
}

/**
 * Keeps the keys of accepted elements for `RETAIN_DAYS` and no longer: makes the partitions of yesterday to a week from
 * now, drops those whose keys all are too old, and deletes such keys from the default partition. To be called at the start
 * and every hour, by each process if need be: they take turns, and with nothing to do it is two short queries. Days are
 * those of the database's clock.
 *
 * A step that does not get its lock at once rejects and undoes itself; the next call tries again.
 *
 * @throws WahookError `storage_unavailable`
 */
export async function maintainEventKeys(database: Database): Promise<EventKeyMaintenance> {
  const { today, days } = await partitions(database);
  const wanted = Array.from({ length: DAYS_AHEAD + 2 }, (_, index) => today - 1 + index);
  const created: number[] = [];
  for (const day of wanted.filter((wantedDay) => !days.includes(wantedDay))) {
    if (await alone(database, (tx) => create(tx, day))) created.push(day);
  }
  const dropped: number[] = [];
  for (const day of days.filter((existing) => existing + RETAIN_DAYS < today)) {
    if (await alone(database, (tx) => dropIfOld(tx, day))) dropped.push(day);
  }
  return { created, dropped, deleted: await deleteFromDefault(database) };
}

async function partitions(database: Queryable): Promise<{ readonly today: number; readonly days: readonly number[] }> {
  const [row] = await database.query<{ readonly today: number; readonly days: readonly number[] }>({
    text: `
      SELECT CURRENT_DATE - DATE '1970-01-01' AS today,
        ARRAY(
          SELECT substring(relname FROM '^event_key_day_(\\d+)$')::integer
          FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
          WHERE inhparent = 'wahook.event_key'::regclass AND relname ~ '^event_key_day_\\d+$'
        ) AS days`,
  });
  if (row === undefined) throw new Error('a query without FROM gave no row');
  return row;
}

/** Runs `change` while no other process does so. */
function alone(database: Database, change: (tx: Queryable) => Promise<boolean>): Promise<boolean> {
  return database.transaction(
    async (tx) => {
      await tx.query({ text: `SELECT pg_advisory_xact_lock(hashtext('wahook.event_key'))` });
      await tx.query({ text: `SET LOCAL lock_timeout = ${LOCK_MS}` });
      return change(tx);
    },
    { statementMs: STATEMENT_MS },
  );
}

/**
 * Attaching a finished table locks the parent less than `CREATE TABLE … PARTITION OF` would: inserts go on. Only the
 * default partition is locked, so that no key of that day gets in between moving and attaching.
 */
async function create(tx: Queryable, day: number): Promise<boolean> {
  const name = partitionName(day);
  if (await exists(tx, day)) return false;
  await tx.query({
    text: `
      LOCK TABLE wahook.event_key_default IN ACCESS EXCLUSIVE MODE;
      CREATE TABLE ${name} (LIKE wahook.event_key INCLUDING ALL);
      WITH moved AS (DELETE FROM wahook.event_key_default WHERE day = ${day} RETURNING day, digest, seen_on)
        INSERT INTO ${name} (day, digest, seen_on) SELECT day, digest, seen_on FROM moved;
      ALTER TABLE wahook.event_key ATTACH PARTITION ${name} FOR VALUES FROM (${day}) TO (${day + 1})`,
  });
  return true;
}

/**
 * A key's day is the one of its element, which may have come days later, so the day alone does not tell that all keys are
 * old. The lock keeps a late one from coming in between looking and dropping.
 */
async function dropIfOld(tx: Queryable, day: number): Promise<boolean> {
  const name = partitionName(day);
  if (!(await exists(tx, day)) || (await hasYoungKeys(tx, name))) return false;
  await tx.query({ text: `LOCK TABLE wahook.event_key, ${name} IN ACCESS EXCLUSIVE MODE` });
  if (await hasYoungKeys(tx, name)) return false;
  await tx.query({ text: `DROP TABLE ${name}` });
  return true;
}

async function hasYoungKeys(tx: Queryable, name: string): Promise<boolean> {
  const [row] = await tx.query<{ readonly young: boolean }>({
    text: `SELECT EXISTS (SELECT FROM ${name} WHERE seen_on >= CURRENT_DATE - ${RETAIN_DAYS}) AS young`,
  });
  return row?.young !== false;
}

/** Keys of the API's callers have no day and all are here: two a message. */
function deleteFromDefault(database: Database): Promise<number> {
  return removeRows(database, 'wahook.event_key_default', `seen_on < CURRENT_DATE - ${RETAIN_DAYS}`);
}

/** Reads the catalog as a table: `to_regclass` may answer from a cache that is older than the lock we waited for. */
async function exists(tx: Queryable, day: number): Promise<boolean> {
  const [row] = await tx.query<{ readonly found: boolean }>({
    text: `SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'wahook' AND tablename = $1) AS found`,
    values: [`event_key_day_${day}`],
  });
  return row?.found === true;
}

function partitionName(day: number): string {
  return `wahook.event_key_day_${day}`;
}
