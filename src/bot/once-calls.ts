import { PermanentError, WahookError } from '../core/errors.ts';
import type { Json } from '../core/model.ts';
import type { HandlerRun, OnceCall } from '../core/ports/bot.ts';
import { storableCopy } from '../core/storable-state.ts';

export interface OnceOptions {
  /**
   * What to do if a run was cut off in the middle of the call, so that nobody knows whether it happened: call `again`, or
   * `fail` with an `InterruptedCall`. Default `again`.
   */
  readonly ifInterrupted?: 'again' | 'fail';
}

/** Calls a run may record: each is read at every run. */
const MOST_CALLS = 100;

/**
 * A call may or may not have happened in a run that was cut off, and `ifInterrupted` is `fail`. Uncaught it makes the event a
 * dead letter at once.
 */
export class InterruptedCall extends PermanentError {
  constructor(name: string) {
    super(`A run was cut off during the call ${JSON.stringify(name)}; it may or may not have happened`);
    this.name = 'InterruptedCall';
  }
}

type Recorder = Pick<HandlerRun, 'calls' | 'record' | 'signal'>;

/** The calls of one run that are not to be repeated by the next ones. */
export class OnceCalls {
  readonly #run: Recorder;
  readonly #made = new Map<string, Promise<unknown>>();
  #recorded: Promise<ReadonlyMap<string, OnceCall>> | undefined;

  constructor(run: Recorder) {
    this.#run = run;
  }

  /** The same name again in one run is the same call. */
  call(name: string, make: () => unknown, { ifInterrupted = 'again' }: OnceOptions): Promise<unknown> {
    if (typeof name !== 'string' || name === '' || name.length > 200)
      throw new WahookError('invalid_bot', 'ctx.once needs a key of 1 to 200 characters');
    const before = this.#made.get(name);
    if (before !== undefined) return before;
    const made = this.#call(name, make, ifInterrupted);
    this.#made.set(name, made);
    made.catch(() => this.#made.delete(name));
    return made;
  }

  async #call(name: string, make: () => unknown, ifInterrupted: 'again' | 'fail'): Promise<unknown> {
    this.#recorded ??= this.#run.calls();
    const recorded = await this.#recorded;
    const before = recorded.get(name);
    if (before?.state === 'done') return before.result;
    if (this.#made.size > MOST_CALLS || recorded.size >= MOST_CALLS)
      throw new PermanentError(`A handler may make ${MOST_CALLS} calls by ctx.once for one event`);
    const fails = ifInterrupted === 'fail';
    if (fails && before?.state === 'begun') throw new InterruptedCall(name);
    if (fails) await this.#run.record(name, { state: 'begun' });
    const result = await this.#make(name, make, fails);
    await this.#run.record(name, result === undefined ? { state: 'done' } : { state: 'done', result });
    return result;
  }

  async #make(name: string, make: () => unknown, isMarked: boolean): Promise<Json | undefined> {
    let value: unknown;
    try {
      value = await make();
    } catch (error) {
      // It says itself that it has failed; of one that was aborted nobody knows.
      if (isMarked && !this.#run.signal.aborted) await this.#run.record(name, null);
      throw error;
    }
    try {
      return storableCopy(value, `the result of ctx.once(${JSON.stringify(name)})`);
    } catch (error) {
      // The call has happened: at a next run it would happen again, with such a result again.
      throw new PermanentError((error as Error).message, { cause: error });
    }
  }
}
