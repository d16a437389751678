import type { TestService } from './test-service.ts';

/** How often a fault strikes. */
export interface Strikes {
  /** The next `times` calls. */
  next(times: number): void;
  /** Every call from now on. */
  always(): void;
}

/** What can go wrong between the bot, its service and Meta. Nothing fails unless a test asks for it. */
export class TestFaults {
  readonly #service: TestService;

  constructor(service: TestService) {
    this.#service = service;
  }

  /** Meta delivers the next message of a customer so many times in all: a correct service answers once. */
  duplicate(times: number): void {
    this.#service.meta.faults.arm({ on: 'webhook', do: 'duplicate', times: times - 1, match: { kind: 'message' } });
  }

  /** The next message of a customer arrives after the one that follows it. */
  reorder(): void {
    this.#service.mail.swapNext();
  }

  /** Sends fail with this code of Meta's: `faults.graph(131056).next(1)`. */
  graph(code: number): Strikes {
    return this.#strikes('error', code);
  }

  /** Meta takes messages and cannot deliver them: a status `failed` with this code, `faults.undelivered(131026).next(1)`. */
  undelivered(code: number): Strikes {
    return this.#strikes('accept_then_fail', code);
  }

  /** Meta takes the next message, but its answer is lost: a correct service does not send it again. */
  lostAnswer(): void {
    this.#service.meta.faults.arm({ on: 'graph', do: 'accept_then_reset', match: { kind: 'message' } });
  }

  /**
   * The process dies at the end of the bot's next run over a message, before anything of it is stored: the message runs again.
   * What a handler does outside of the service is then done twice.
   */
  crash(times = 1): void {
    this.#service.crashNext(times);
  }

  /** Disarms the faults of Meta that have not struck yet. */
  clear(): void {
    this.#service.meta.faults.clear();
  }

  #strikes(deed: 'error' | 'accept_then_fail', code: number): Strikes {
    const strike = (times: { readonly next: number } | 'always') =>
      void this.#service.meta.faults.arm({ on: 'graph', do: deed, code, for: times, match: { kind: 'message' } });
    return { next: (times) => strike({ next: times }), always: () => strike('always') };
  }
}
