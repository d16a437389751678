import type { HotBot, Reload } from '../bot/hot-bot.ts';
import { shownPath } from '../bot/load-bot.ts';
import { isWahookError } from '../core/errors.ts';
import { codeFrame } from './code-frame.ts';
import { FolderWatch } from './watch-folder.ts';

/** What a bot may be made of; anything else in its folder (a database, a log) is none of our business. */
const SOURCE = /\.([cm]?[jt]s|json)$/;

/** Loads the bot anew whenever a file of its folder is saved, and says what became of it. */
export class HotReload {
  readonly #bot: HotBot;
  readonly #say: (text: string) => void;
  readonly #watch: FolderWatch;
  readonly #told = new Set<string>();
  #changed = new Set<string>();
  #loading: Promise<void> | undefined;

  constructor(bot: HotBot, say: (text: string) => void) {
    this.#bot = bot;
    this.#say = say;
    this.#watch = new FolderWatch(bot.folder, (files) => this.#note(files));
    this.#tellOutside();
  }

  close(): void {
    this.#watch.close();
  }

  #note(files: readonly string[]): void {
    for (const file of files) if (SOURCE.test(file)) this.#changed.add(file);
    if (this.#changed.size === 0) return;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
  }

  /** Again if something is saved meanwhile. */
  async #load(): Promise<void> {
    while (this.#changed.size > 0) {
      const [file = '', ...others] = [...this.#changed].map(shownPath);
      this.#changed = new Set();
      const reload = await this.#bot.reload();
      this.#say(describeReload(reload, others.length === 0 ? file : `${file} and ${others.length} more`));
      this.#tellOutside();
    }
  }

  #tellOutside(): void {
    for (const file of this.#bot.outside) {
      if (this.#told.has(file)) continue;
      this.#told.add(file);
      this.#say(`${file} is outside of the bot's folder: a change of it needs a restart.`);
    }
  }
}

function describeReload(reload: Reload, files: string): string {
  if (reload.outcome === 'reloaded') {
    const { handlers, ms } = reload;
    return `reloaded ${files} in ${Math.round(ms)} ms, ${handlers} handler${handlers === 1 ? '' : 's'}`;
  }
  const { problem, stillFrom } = reload;
  const message = isWahookError(problem) ? problem.message : String(problem);
  const still = `Still running the version from ${stillFrom.toTimeString().slice(0, 8)}.`;
  return [`✗ ${message}`, codeFrame(message), still].filter((part) => part !== '').join('\n');
}
