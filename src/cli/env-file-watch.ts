import { type FSWatcher, watch } from 'node:fs';
import { readEnvironment } from '../environment.ts';

const SETTLE_MS = 20;

/** Tells which variables of `.env` are others than at the start, by their names alone: settings are read once. */
export class EnvFileWatch {
  readonly #atStart = readEnvironment({});
  readonly #changed: (names: readonly string[]) => void;
  readonly #watcher: FSWatcher;
  #timer: NodeJS.Timeout | undefined;
  #told = '';

  constructor(changed: (names: readonly string[]) => void) {
    this.#changed = changed;
    this.#watcher = watch('.', (_event, name) => {
      if (name !== '.env') return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#compare(), SETTLE_MS);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher.close();
  }

  /** Once for each state of the file; a file that is back as it was is no change. */
  #compare(): void {
    const now = readEnvironment({});
    const names = [...new Set([...Object.keys(this.#atStart), ...Object.keys(now)])];
    const different = names.filter((name) => this.#atStart[name] !== now[name]).sort();
    const state = JSON.stringify(different.map((name) => [name, now[name]]));
    if (state === this.#told) return;
    this.#told = state;
    if (different.length > 0) this.#changed(different);
  }
}
