import { WahookError } from '../../core/errors.ts';

/**
 * What to do about an error of the database.
 *
 * - `conflict` another transaction stood in the way: run it again
 * - `unstorable` the values can never be stored
 * - `unavailable` the rest; nothing was stored as far as we know
 */
export type SqlFailure = 'conflict' | 'unstorable' | 'unavailable';

/**
 * A row was about to go into the default partition while another process made the partition of its day. Unlike the
 * violation of a CHECK it names no constraint.
 */
const PARTITION_CHANGED = '23514';

/** By SQLSTATE (https://www.postgresql.org/docs/18/errcodes-appendix.html), the first match counts. */
const FAILURES: readonly (readonly [pattern: RegExp, failure: SqlFailure, meaning: string])[] = [
  [/^40P01$/, 'conflict', 'deadlock'],
  [/^40001$/, 'conflict', 'serialization failure'],
  [/^22/, 'unstorable', 'the value does not fit its type'],
  [/^54/, 'unstorable', 'the value exceeds a limit of the database'],
  [/^08/, 'unavailable', 'connection failure'],
  [/^25006$/, 'unavailable', 'the database is read-only'],
  [/^25P03$/, 'unavailable', 'the transaction was idle for too long'],
  [/^28/, 'unavailable', 'login refused'],
  [/^3D000$/, 'unavailable', 'the database does not exist'],
  [/^42501$/, 'unavailable', 'permission denied'],
  [/^42/, 'unavailable', 'the schema does not fit this version; were the migrations applied?'],
  [/^53100$/, 'unavailable', 'the disk is full'],
  [/^53300$/, 'unavailable', 'too many connections'],
  [/^53/, 'unavailable', 'out of resources'],
  [/^55P03$/, 'unavailable', 'timeout while waiting for a lock'],
  [/^57014$/, 'unavailable', 'statement timeout'],
  [/^57P0/, 'unavailable', 'the database shuts down or starts'],
];

/**
 * After these the connection has no transaction to roll back, is not worth the wait, or has prepared statements that will never
 * work again (0A000: a table changed its shape under them; 26000: somebody discarded them): it is closed instead of reused. So
 * are connections whose error has no SQLSTATE, i.e. did not come from the server. A statement that took too long (57014) leaves
 * its connection whole, and closing it would only bring a wave of new ones.
 */
const CONNECTION_IS_DONE = /^(08|25P03|57P|0A000|26000)/;

/** Class and condition as the server named them; undefined for an error that did not come from the server. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

export function sqlFailure(error: unknown): SqlFailure {
  return describe(error).failure;
}

export function connectionIsDone(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || CONNECTION_IS_DONE.test(state);
}

/**
 * The error that leaves this folder. The server's own words (`message`, `detail`, `where`, `query`, `params`) may quote
 * values, that is phone numbers and texts, so none of them is kept, not even as `cause`: a logger that prints causes would
 * print them. What remains is the SQLSTATE, the names of the constraint and the table, and the network's error code.
 *
 * What is neither unstorable nor known, such as a missing table, is `storage_unavailable` too: nothing was stored, and
 * after the mistake is mended Meta's repetition finds a working service.
 */
export function toWahookError(error: unknown): WahookError {
  if (error instanceof WahookError) return error;
  const { failure, meaning } = describe(error);
  const names = (['table', 'constraint'] as const).map((kind) => [kind, named(error, kind)] as const);
  const facts = [
    sqlState(error) ?? networkCode(error),
    ...names.map(([kind, name]) => (name === undefined ? undefined : `${kind} ${name}`)),
  ].filter((fact) => fact !== undefined);
  return new WahookError(
    failure === 'unstorable' ? 'unstorable' : 'storage_unavailable',
    `database: ${meaning}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`,
  );
}

function describe(error: unknown): { readonly failure: SqlFailure; readonly meaning: string } {
  const state = sqlState(error);
  if (state === undefined) return { failure: 'unavailable', meaning: 'no connection, or no answer in time' };
  if (state === PARTITION_CHANGED && named(error, 'constraint') === undefined) {
    return { failure: 'conflict', meaning: 'the partitions changed' };
  }
  const row = FAILURES.find(([pattern]) => pattern.test(state));
  return { failure: row?.[1] ?? 'unavailable', meaning: row?.[2] ?? 'unexpected error' };
}

/** What the server's error is about; names of ours, never values. */
function named(error: unknown, kind: 'table' | 'constraint'): string | undefined {
  const name = sqlState(error) === undefined ? undefined : (error as Partial<Record<typeof kind, unknown>>)[kind];
  return typeof name === 'string' ? name : undefined;
}

/** Such as ECONNREFUSED. */
function networkCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[A-Z_]{3,40}$/.test(error.code) ? error.code : undefined;
}
