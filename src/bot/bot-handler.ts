import { WahookError } from '../core/errors.ts';
import type { WebhookEvent } from '../core/model.ts';
import type { EventHandler, HandlerRun } from '../core/ports.ts';
import type { Bot } from './define-bot.ts';

/** Runs a bot's handlers. Keeps nothing between two runs, so that any number of them may go on at once. */
export class BotHandler implements EventHandler {
  readonly #bot: Bot;

  constructor(bot: Bot) {
    this.#bot = bot;
  }

  /** Resolves without doing anything for an event that the bot has no handler for. */
  async handle(event: WebhookEvent, run: HandlerRun): Promise<void> {
    const handling = this.#bot.handlingOf(event);
    if (handling === undefined) return;
    let over = false;
    const whileItRuns: HandlerRun = {
      attempt: run.attempt,
      signal: run.signal,
      log: run.log,
      send: (message) => {
        if (over) throw late('had finished; did it miss an await?');
        if (run.signal.aborted) throw late('was aborted, because its time limit was over or its claim lost');
        run.send(message);
      },
    };
    try {
      await handling(whileItRuns);
    } finally {
      over = true;
    }
  }
}

function late(reason: string): WahookError {
  return new WahookError('fenced', `ctx.reply was used after the handler ${reason}. This reply is not sent`);
}
