import type { Unit } from '../../core/ports/receiving.ts';
import type { Database, Queryable } from './database.ts';

/** The units that this folder handed out; a unit of another adapter is not among them. */
const transactions = new WeakMap<Unit, Transaction>();

interface Transaction {
  readonly database: Database;
  readonly tx: Queryable;
  readonly afterCommit: (() => void)[];
}

/** A unit of work that is the transaction `tx` on `database`. Valid as long as `tx` is. */
export function unitOf(database: Database, tx: Queryable): Unit {
  const unit = Object.freeze({}) as Unit;
  transactions.set(unit, { database, tx, afterCommit: [] });
  return unit;
}

/**
 * The transaction that a unit stands for, to store something together with it. Undefined if the unit is none of a
 * transaction on `database`: it comes from another store (memory, Redis) or another database, and nothing can join it.
 */
export function queryableOf(unit: Unit, database: Database): Queryable | undefined {
  const found = transactions.get(unit);
  return found?.database === database ? found.tx : undefined;
}

/**
 * Has `callback` called once the transaction is committed, and not at all if it is rolled back: for what must neither be in
 * the transaction nor delay its COMMIT, such as waking workers. A process that dies in between never calls it.
 */
export function afterCommit(unit: Unit, callback: () => void): void {
  transactions.get(unit)?.afterCommit.push(callback);
}

/** For whoever made the unit: its transaction is committed. */
export function committed(unit: Unit): void {
  for (const callback of transactions.get(unit)?.afterCommit.splice(0) ?? []) callback();
}
