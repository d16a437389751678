import { setTimeout as sleep } from 'node:timers/promises';
import { sqlFailure, toWahookError } from './sql-errors.ts';

/** Runs after the first. A transaction that loses four times in a row meets more than bad luck. */
const RETRIES = 3;

/** Apart enough that two that collided do not collide again, short against the budget of a webhook (4 s). */
const MAX_PAUSE_MS = 20;

/** Thrown by an attempt to have it repeated; holds the error that the caller gets if it cannot be. */
export class TransactionConflict extends Error {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super('transaction conflict');
    this.name = 'TransactionConflict';
    this.reason = reason;
  }
}

/** True if the server rolled back because of another transaction, so that the same again may well succeed. */
export function isConflict(error: unknown): boolean {
  return sqlFailure(error) === 'conflict';
}

/** Runs `attempt` until it is done or rejects with something else than a `TransactionConflict`, at most 4 times. */
export async function retryConflicts<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransactionConflict)) throw error;
      if (retries === RETRIES) throw toWahookError(error.reason);
      await sleep(Math.random() * MAX_PAUSE_MS);
    }
  }
}
