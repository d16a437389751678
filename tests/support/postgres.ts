import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { startPostgresServer } from './postgres-server.ts';

export interface TestDatabase {
  readonly url: string;
  /** Removes it, whoever is connected. */
  drop(): Promise<void>;
}

let serverUrl: Promise<string> | undefined;
let template: Promise<string> | undefined;
let pgliteTemplate: Promise<Blob> | undefined;

/**
 * The server of this process, started at the first call and gone with the process: TEST_DATABASE_URL (a role that may
 * create databases) if it is set, else one of our own. Several processes have a server each, or share the given one.
 */
function server(): Promise<string> {
  const given = process.env['TEST_DATABASE_URL'];
  serverUrl ??= given ? Promise.resolve(given) : startPostgresServer().then(({ url }) => url);
  return serverUrl;
}

/** A database of its own for one test, with all migrations applied, or an empty one if `blank`. */
export async function testDatabase({ blank = false } = {}): Promise<TestDatabase> {
  const url = await server();
  if (blank) return createDatabase(url);
  template ??= createTemplate(url);
  return createDatabase(url, await template);
}

async function createTemplate(url: string): Promise<string> {
  const created = await createDatabase(url);
  const database = new PostgresDatabase({ url: created.url, poolSize: 1, applicationName: 'template' });
  await migrate(database);
  await database.close();
  return new URL(created.url).pathname.slice(1);
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

/** An embedded Postgres in memory with all migrations applied, of its own for one test; close it. */
export async function freshPglite(): Promise<PgliteDatabase> {
  pgliteTemplate ??= dumpOfPglite();
  return PgliteDatabase.open({ from: await pgliteTemplate });
}

async function dumpOfPglite(): Promise<Blob> {
  const database = await PgliteDatabase.open();
  await migrate(database);
  const dump = await database.dump();
  await database.close();
  return dump;
}
