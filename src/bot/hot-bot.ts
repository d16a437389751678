import { resolve } from 'node:path';
import type { WebhookEvent } from '../core/model.ts';
import type { BurstTurn, EventHandler, HandlerRun } from '../core/ports/bot.ts';
import type { Bot } from './bot.ts';
import { BotHandler } from './bot-handler.ts';
import { BotModules } from './bot-modules.ts';
import { loadBot, shownPath } from './load-bot.ts';

/** What became of a reload. */
export type Reload =
  | { readonly outcome: 'reloaded'; readonly handlers: number; readonly ms: number }
  /** The version before it goes on. `problem` is what `loadBot` threw, and says where it broke. */
  | { readonly outcome: 'broken'; readonly problem: unknown; readonly stillFrom: Date };

/** A bot whose file can be loaded anew while it runs. What is running when that happens ends with the version it began with. */
export class HotBot implements EventHandler {
  readonly #path: string;
  readonly #modules: BotModules;
  #handler: BotHandler;
  #loadedAt = new Date();
  #generation = 0;
  #isBroken = false;

  private constructor(path: string, modules: BotModules, bot: Bot) {
    this.#path = path;
    this.#modules = modules;
    this.#handler = new BotHandler(bot);
  }

  /** @throws WahookError `invalid_bot`, as `loadBot` */
  static async open(path: string): Promise<HotBot> {
    const modules = new BotModules(resolve(path));
    try {
      return new HotBot(path, modules, await loadBot(path, modules.url(0)));
    } catch (error) {
      modules.close();
      throw error;
    }
  }

  /** Whose files are loaded anew. */
  get folder(): string {
    return this.#modules.folder;
  }

  /** The bot's file was broken when it was loaded the last time. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Files outside of the folder that the bot imports: a change of theirs needs a restart. */
  get outside(): readonly string[] {
    return this.#modules.outside.map(shownPath);
  }

  /** Of the version that is current; how many messages are handed over at once is fixed when the worker starts. */
  get turn(): BurstTurn | undefined {
    return this.#handler.turn;
  }

  listensTo(event: WebhookEvent): boolean {
    return this.#handler.listensTo(event);
  }

  handle(event: WebhookEvent, run: HandlerRun): Promise<void> {
    return this.#handler.handle(event, run);
  }

  /** Loads the bot as its files are now. One call at a time. */
  async reload(): Promise<Reload> {
    const startedMs = performance.now();
    this.#generation += 1;
    try {
      const bot = await loadBot(this.#path, this.#modules.url(this.#generation));
      this.#handler = new BotHandler(bot);
      this.#loadedAt = new Date();
      this.#isBroken = false;
      return { outcome: 'reloaded', handlers: bot.handlerCount, ms: performance.now() - startedMs };
    } catch (problem) {
      this.#isBroken = true;
      return { outcome: 'broken', problem, stillFrom: this.#loadedAt };
    }
  }

  close(): void {
    this.#modules.close();
  }
}
