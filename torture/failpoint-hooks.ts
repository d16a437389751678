/**
 * How the methods of the real classes are watched from outside, before the service starts. Every class and method is named
 * in a way that `tsc` checks; statements go by the names under which the service prepares them.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { type ClientRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import pg from 'pg';
import type { Queryable, Statement } from '../src/adapters/postgres/database.ts';
import { PostgresDatabase } from '../src/adapters/postgres/postgres-database.ts';

/** Called whenever the process gets to a point; whether it gets on from there is decided inside. */
export type Reach = () => void;

type AnyMethod = (...args: never[]) => unknown;
type MethodName<Type> = { [Name in keyof Type]: Type[Name] extends AnyMethod ? Name : never }[keyof Type];
type Method<Type, Name extends keyof Type> = Extract<Type[Name], AnyMethod>;

/** Has every call of a method go through `run`, which gets the original, bound to its object. */
export function around<Type, Name extends MethodName<Type>>(
  { prototype }: { readonly prototype: Type },
  name: Name,
  run: (original: Method<Type, Name>, ...args: Parameters<Method<Type, Name>>) => ReturnType<Method<Type, Name>>,
): void {
  const original = prototype[name] as Method<Type, Name>;
  function wrapped(this: Type, ...args: Parameters<Method<Type, Name>>) {
    return run(original.bind(this) as Method<Type, Name>, ...args);
  }
  prototype[name] = wrapped as Type[Name];
}

/** Named statements that the transaction around us has run so far. */
const inTransaction = new AsyncLocalStorage<Set<string>>();

interface StatementWatch {
  readonly before?: (name: string) => void;
  readonly after?: (name: string, rows: readonly object[]) => void;
  /** The work of a transaction is done, COMMIT is not written yet. */
  readonly beforeCommit?: (names: ReadonlySet<string>) => void;
  readonly afterCommit?: (names: ReadonlySet<string>) => void;
}

/** Watches the statements of our own pool, inside and outside of transactions; pg-boss's pool is not ours. */
function watchStatements(watch: StatementWatch): void {
  const seen = async <Row extends object>(query: Queryable['query'], statement: Statement): Promise<readonly Row[]> => {
    const name = statement.name ?? '';
    watch.before?.(name);
    const rows = await query<Row>(statement);
    inTransaction.getStore()?.add(name);
    watch.after?.(name, rows);
    return rows;
  };
  around(PostgresDatabase, 'query', (query, statement) => seen(query, statement) as ReturnType<typeof query>);
  around(PostgresDatabase, 'transaction', (transaction, work, options) => {
    const names = new Set<string>();
    const watched = async (tx: Queryable) => {
      // It may run again after a deadlock, and then nothing of the run before is left.
      names.clear();
      const result = await work({ query: (statement) => seen((given) => tx.query(given), statement) });
      watch.beforeCommit?.(names);
      return result;
    };
    return inTransaction.run(names, async () => {
      const result = await transaction(watched, options);
      watch.afterCommit?.(names);
      return result;
    }) as ReturnType<typeof transaction>;
  });
}

export function beforeStatement(name: string, reach: Reach): void {
  watchStatements({ before: (given) => given === name && reach() });
}

/** After the answer to a statement was read; `withRows`: only if it brought any, `whose`: one of which is such a one. */
export function afterStatement(
  name: string,
  reach: Reach,
  { withRows = false, whose = () => true }: { withRows?: boolean; whose?: (row: object) => boolean } = {},
): void {
  watchStatements({ after: (given, rows) => given === name && (!withRows || rows.some(whose)) && reach() });
}

/** A statement is in the kernel's hands, its answer is not read. */
export function statementWritten(name: string, reach: Reach): void {
  around(pg.Client, 'query', (query, ...args) => {
    const result = query(...args);
    // pg writes what it is given at once on a connection that waits for nothing, and the pool gives out no others.
    if ((args[0] as { readonly name?: string } | undefined)?.name === name) reach();
    return result;
  });
}

/** A transaction that has run this statement is about to write COMMIT. */
export function beforeCommitOf(name: string, reach: Reach): void {
  watchStatements({ beforeCommit: (names) => names.has(name) && reach() });
}

/** COMMIT of such a transaction is in the kernel's hands, its answer is not read: nobody here knows whether it happened. */
export function commitWrittenOf(name: string, reach: Reach): void {
  watchStatements({});
  around(pg.Client, 'query', (query, ...args) => {
    const result = query(...args);
    // pg writes what it is given at once on a connection that waits for nothing, and ours waits for nothing at COMMIT.
    if ((args[0] as unknown) === 'COMMIT' && inTransaction.getStore()?.has(name)) reach();
    return result;
  });
}

/** The answer to COMMIT of such a transaction was read. */
export function afterCommitOf(name: string, reach: Reach): void {
  watchStatements({ afterCommit: (names) => names.has(name) && reach() });
}

const isWebhook = ({ method, url }: IncomingMessage): boolean =>
  method === 'POST' && url?.startsWith('/webhook/') === true;

/** Bytes of a request have arrived, of which nothing is parsed yet. */
export function onBytes(reach: Reach): void {
  subscribe('net.server.socket', (message) => {
    const { socket } = message as { socket: Socket };
    // The HTTP parser reads the handle itself as long as nobody else listens for data.
    socket.on('data', () => {});
    socket.prependListener('data', (chunk: Buffer) => chunk.toString('latin1', 0, 14) === 'POST /webhook/' && reach());
  });
}

/** The headers of a webhook are read, its body is not. */
export function onHeaders(reach: Reach): void {
  subscribe('http.server.request.start', (message) => {
    if (isWebhook((message as { request: IncomingMessage }).request)) reach();
  });
}

/** The use case has said 200, and nothing of it is written. */
export function beforeAnswer(reach: Reach): void {
  const { end } = ServerResponse.prototype;
  ServerResponse.prototype.end = function (this: ServerResponse, ...args: Parameters<typeof end>) {
    if (this.statusCode === 200 && isWebhook(this.req)) reach();
    return end.apply(this, args);
  } as typeof end;
}

/** A webhook's 200 is in the kernel's hands. */
export function afterAnswer(reach: Reach): void {
  subscribe('http.server.response.finish', (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (response.statusCode === 200 && isWebhook(request)) reach();
  });
}

/** The Graph API has answered a send, so it has taken or refused the message; what it says is not read. */
export function onGraphAnswer(reach: Reach): void {
  subscribe('http.client.response.finish', (message) => {
    const { request } = message as { request: ClientRequest };
    if (request.method === 'POST' && request.path.endsWith('/messages')) reach();
  });
}
