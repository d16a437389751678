import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';

/** Editors write in several steps: truncate, write, rename. */
const SETTLE_MS = 20;

/**
 * Calls back with the files of a folder, at any depth, that were written, made, renamed or removed, once for what happens within
 * 20 ms. Each directory is watched by itself: it sees a file that an editor puts in the place of another one, and leaves out
 * `node_modules` and whatever begins with a dot, which Node's recursive watching would walk.
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #changed: (files: readonly string[]) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #files = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: string, changed: (files: readonly string[]) => void) {
    this.#folder = folder;
    this.#changed = changed;
    this.#watchAll();
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watchAll(): void {
    const directories = new Set(directoriesIn(this.#folder));
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      this.#watchers.delete(directory);
    }
    for (const directory of directories) if (!this.#watchers.has(directory)) this.#watch(directory);
  }

  #watch(directory: string): void {
    const watcher = watch(directory, (_event, name) => this.#note(directory, name ?? ''));
    // A directory that is removed; the one above it tells.
    watcher.on('error', () => {
      watcher.close();
      this.#watchers.delete(directory);
    });
    this.#watchers.set(directory, watcher);
  }

  #note(directory: string, name: string): void {
    if (isLeftOut(name)) return;
    this.#files.add(join(directory, name));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const files = [...this.#files];
      this.#files.clear();
      this.#watchAll();
      this.#changed(files);
    }, SETTLE_MS);
  }
}

function isLeftOut(name: string): boolean {
  return name === 'node_modules' || name.startsWith('.') || name.endsWith('~');
}

function directoriesIn(folder: string): readonly string[] {
  try {
    const inside = readdirSync(folder, { withFileTypes: true });
    const below = inside.filter((entry) => entry.isDirectory() && !isLeftOut(entry.name));
    return [folder, ...below.flatMap(({ name }) => directoriesIn(join(folder, name)))];
  } catch {
    // Removed in this moment.
    return [];
  }
}
