import { setTimeout as pause } from 'node:timers/promises';
import { defineBot } from 'wahook';

/** How long the bot takes for a message; 0: as little as it can. */
const TAKES_MS = Number(process.env['BENCH_BOT_MS'] ?? 0);

/** Answers nobody: what is measured is the way of a message through the service. */
// biome-ignore lint/style/noDefaultExport: a bot is what its file exports by default
export default defineBot((bot) => {
  bot.on('message', async () => {
    if (TAKES_MS > 0) await pause(TAKES_MS);
  });
  if (process.env['BENCH_BOT_LISTENS'] === 'statuses') bot.on('status', () => {});
});
