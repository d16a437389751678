import { SimulatorError } from './simulator-error.ts';

interface Waiting {
  look(): void;
  fail(error: SimulatorError): void;
}

/** Lets callers wait for a change of the simulated world without polling. */
export class Watch {
  readonly #waiting = new Set<Waiting>();

  /** To be called after every change that somebody may wait for. */
  changed(): void {
    for (const one of [...this.#waiting]) one.look();
  }

  /**
   * Resolves to the first result of `look` that is not undefined: now, or after one of the next changes. What `look` throws
   * rejects. Time is real time, also where the world's clock is not.
   *
   * @throws SimulatorError `timeout` with the text of `describe`, or `closed`
   */
  until<Found>(look: () => Found | undefined, timeoutMs: number, describe: () => string): Promise<Found> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        finish();
      };
      const waiting: Waiting = {
        look: () => {
          try {
            const found = look();
            if (found !== undefined) settle(() => resolve(found));
          } catch (error) {
            settle(() => reject(error));
          }
        },
        fail: (error) => settle(() => reject(error)),
      };
      const timer = setTimeout(
        () => waiting.fail(new SimulatorError('timeout', `Nothing within ${timeoutMs} ms: ${describe()}`)),
        timeoutMs,
      );
      this.#waiting.add(waiting);
      waiting.look();
    });
  }

  /** Ends every wait with `closed`. */
  abandon(reason: string): void {
    for (const one of [...this.#waiting]) one.fail(new SimulatorError('closed', reason));
  }
}
