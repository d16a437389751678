import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WahookError } from '../../core/errors.ts';
import type { Database, Queryable } from './database.ts';

const MIGRATIONS = join(import.meta.dirname, '../../../migrations');

/** Of the advisory lock that lets one process migrate at a time: any number that no other application uses. */
const LOCK = 7_236_904_110;

/**
 * A change of a table waits for everybody who reads it, a backup for one, and whoever comes later waits behind it: webhooks too. So
 * it gives up before they do (2 s), and the service tries again.
 */
const LOCK_MS = 500;

/** An index over a large table takes its time; the other processes wait as long for the lock. */
const STATEMENT_MS = 10 * 60_000;

interface Migration {
  readonly number: number;
  readonly name: string;
  /** SHA-256 in hex of the file with `\n` at the ends of its lines. */
  readonly checksum: string;
  readonly text: string;
}

type Applied = Pick<Migration, 'number' | 'name' | 'checksum'>;

/**
 * Brings the schema `wahook` up to date: applies the files `NNNN-name.sql` of `folder` that were not applied before, in
 * order, each in a transaction of its own, and records them in `wahook.migration`. Any number of processes may do it at
 * once; with nothing to do it only reads, so that a role without the right to create tables may call it. Resolves to the
 * names of the migrations that this call applied.
 *
 * @throws WahookError `schema_too_new` if the database has a migration that is not in the folder, or had another text when
 *   it was applied; `storage_unavailable` if one fails, whose changes are then undone, or if others use its tables; try again.
 */
export async function migrate(database: Database, folder: string = MIGRATIONS): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  const done: string[] = [];
  for (const migration of await pending(database, migrations)) {
    if (await database.transaction((tx) => apply(tx, migration), { statementMs: STATEMENT_MS })) {
      done.push(migration.name);
    }
  }
  return done;
}

/** The names of the migrations that `migrate` would apply; only reads. @throws as `migrate` does */
export async function pendingMigrations(database: Database, folder: string = MIGRATIONS): Promise<readonly string[]> {
  return (await pending(database, await readMigrations(folder))).map(({ name }) => name);
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const number = Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(file)?.[1]);
      if (number !== index + 1) throw new Error(`${file}: migrations are named 0001-name.sql, 0002-name.sql, …`);
      const text = (await readFile(join(folder, file), 'utf8')).replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number, name: file.slice(0, -'.sql'.length), checksum, text };
    }),
  );
}

async function pending(database: Queryable, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  const applied = await appliedMigrations(database);
  for (const { number, name, checksum } of applied) {
    const ours = migrations.find((migration) => migration.number === number);
    if (ours === undefined) {
      throw new WahookError('schema_too_new', `the database has migration ${name}, which this version does not know`);
    }
    if (ours.checksum !== checksum) {
      throw new WahookError('schema_too_new', `migration ${ours.name} is not the one that was applied to the database`);
    }
  }
  return migrations.filter(({ number }) => !applied.some((row) => row.number === number));
}

async function appliedMigrations(database: Queryable): Promise<readonly Applied[]> {
  const [found] = await database.query<{ exists: boolean }>({
    text: `SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'wahook' AND tablename = 'migration') AS exists`,
  });
  return found?.exists ? readApplied(database) : [];
}

function readApplied(database: Queryable): Promise<readonly Applied[]> {
  return database.query<Applied>({ text: 'SELECT number, name, checksum FROM wahook.migration ORDER BY number' });
}

/** False if another process was faster. */
async function apply(tx: Queryable, { number, name, checksum, text }: Migration): Promise<boolean> {
  // Held to the end of the transaction, so it cannot be left behind. What was read before it may be out of date.
  await tx.query({ text: 'SELECT pg_advisory_xact_lock($1)', values: [LOCK] });
  await tx.query({
    text: `
      CREATE SCHEMA IF NOT EXISTS wahook;
      CREATE TABLE IF NOT EXISTS wahook.migration (
        number integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`,
  });
  if ((await readApplied(tx)).some((row) => row.number === number)) return false;
  await tx.query({ text: `SET LOCAL lock_timeout = ${LOCK_MS}` });
  await tx.query({ text });
  await tx.query({
    text: 'INSERT INTO wahook.migration (number, name, checksum) VALUES ($1, $2, $3)',
    values: [number, name, checksum],
  });
  return true;
}
