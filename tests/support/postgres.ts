import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Database } from '../../src/adapters/postgres/database.ts';
import { LaneScheduler } from '../../src/adapters/postgres/lane-scheduler.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { startPostgresServer } from './postgres-server.ts';
import { silentLog } from './recording.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface TestDatabase {
  readonly url: string;
  /** Removes it, whoever is connected. */
  drop(): Promise<void>;
}

let serverUrl: Promise<string> | undefined;
let template: Promise<string> | undefined;
let pgliteDump: Promise<Blob> | undefined;

/**
 * The server of this process, started at the first call and gone with the process: TEST_DATABASE_URL (a role that may
 * create databases) if it is set, else one of our own. Several processes have a server each, or share the given one.
 */
function server(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL'];
  serverUrl ??= given ? Promise.resolve(given) : startPostgresServer().then(({ url }) => url);
  return serverUrl;
}

/** A database of its own for one test, prepared as at a start of the service, or an empty one if `blank`. */
export async function testDatabase({ blank = false } = {}): Promise<TestDatabase> {
  const url = await server();
  if (blank) return createDatabase(url);
  template ??= createTemplate(url);
  return createDatabase(url, await template);
}

async function createTemplate(url: string): Promise<string> {
  const created = await createDatabase(url);
  const database = new PostgresDatabase({
    url: created.url,
    poolSize: 1,
    applicationName: 'template',
    limits: TIME_LIMITS.postgres,
  });
  await prepare(database);
  await database.close();
  return new URL(created.url).pathname.slice(1);
}

/** As the service does at its start; pg-boss's own schema is most of the work, and no test has to wait for it again. */
async function prepare(database: Database): Promise<void> {
  await migrate(database);
  const scheduler = new LaneScheduler({ boss: database.bossOptions(), log: silentLog });
  await scheduler.start();
  await scheduler.close();
}

async function createDatabase(url: string, from?: string): Promise<TestDatabase> {
  const name = `wahook_test_${randomBytes(6).toString('hex')}`;
  await administer(url, `CREATE DATABASE ${name}${from === undefined ? '' : ` TEMPLATE ${from}`}`);
  const created = new URL(url);
  created.pathname = `/${name}`;
  return { url: created.href, drop: () => administer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function administer(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** An embedded Postgres in memory, prepared as at a start of the service, of its own for one test; close it. */
export async function freshPglite(): Promise<PgliteDatabase> {
  pgliteDump ??= dumpOfPglite();
  return PgliteDatabase.open({ from: await pgliteDump });
}

/**
 * Making an embedded Postgres takes 4 s and much more on a busy machine, opening the dump of one 0.5 s. So the dump is kept
 * from run to run, under a name that changes with the migrations and the versions of PGlite and pg-boss.
 */
async function dumpOfPglite(): Promise<Blob> {
  const folder = join(ROOT, 'node_modules/.cache/wahook');
  const file = join(folder, `pglite-${await pgliteVersion()}.tar`);
  const kept = await readFile(file).catch(() => undefined);
  if (kept !== undefined) return new Blob([kept]);
  const database = await PgliteDatabase.open();
  await prepare(database);
  const dump = await database.dump();
  await database.close();
  // Written aside first, so that nobody reads half a file. Where nothing may be written, each run makes its own.
  await mkdir(folder, { recursive: true })
    .then(() => writeFile(`${file}.${process.pid}`, dump.stream()))
    .then(() => rename(`${file}.${process.pid}`, file))
    .catch(() => {});
  return dump;
}

async function pgliteVersion(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of ['@electric-sql/pglite', 'pg-boss'])
    hash.update(await readFile(join(ROOT, 'node_modules', name, 'package.json')));
  for (const migration of (await readdir(join(ROOT, 'migrations'))).sort()) {
    hash.update(migration).update(await readFile(join(ROOT, 'migrations', migration)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** `before(startPostgres)` keeps the start of the server, about 2 s, out of the time of the first test. */
export async function startPostgres(this: Mocha.Context): Promise<void> {
  this.timeout(60_000);
  const { drop } = await testDatabase();
  await drop();
}

/** `before(startPglite)`: as `startPostgres`. */
export async function startPglite(this: Mocha.Context): Promise<void> {
  this.timeout(60_000);
  await (await freshPglite()).close();
}
