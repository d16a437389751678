import type { WebhookEvent } from '../core/model.ts';
import type { BurstTurn, EventHandler, HandlerRun } from '../core/ports/bot.ts';
import type { Bot } from './bot.ts';

/** Runs a bot's handlers. Keeps nothing between two runs, so that any number of them may go on at once. */
export class BotHandler implements EventHandler {
  readonly #bot: Bot;
  readonly turn?: BurstTurn;

  constructor(bot: Bot) {
    this.#bot = bot;
    if (bot.turn !== undefined) this.turn = bot.turn;
  }

  listensTo(event: WebhookEvent): boolean {
    return this.#bot.listensTo(event);
  }

  /** Resolves without doing anything for an event that the bot has no handler for. */
  async handle(event: WebhookEvent, run: HandlerRun): Promise<void> {
    await this.#bot.handle(event, run);
  }
}
