import type { Clock } from '../../core/ports/observation.ts';
import type { ServiceWindows } from '../../core/ports/sending.ts';
import { WINDOW_MS, type WindowOpening, windowKeysOf } from '../../core/service-window.ts';

/** The windows in this process's memory, gone with it. */
export class MemoryServiceWindows implements ServiceWindows {
  readonly #opened = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  opened({ phoneNumberId, customer, openedAtMs }: WindowOpening): void {
    const atMs = Math.min(openedAtMs, this.#clock.now());
    for (const person of windowKeysOf(phoneNumberId, customer))
      this.#opened.set(person, Math.max(atMs, this.#opened.get(person) ?? 0));
  }

  async closesAtMs(
    phoneNumberId: string,
    person: Parameters<ServiceWindows['closesAtMs']>[1],
  ): Promise<number | undefined> {
    const times = windowKeysOf(phoneNumberId, person).flatMap((key) => this.#opened.get(key) ?? []);
    return times.length === 0 ? undefined : Math.max(...times) + WINDOW_MS;
  }
}
