import { setTimeout as pause } from 'node:timers/promises';
import { defineBot } from 'wahook';

const TAKES_MS = 300;

/** As bot.ts, but slow: a worker that takes over a conversation in which some messages wait has it for seconds. */
// biome-ignore lint/style/noDefaultExport: a bot is what its file exports by default
export default defineBot({ session: { initial: () => ({ messages: 0 }) } }, (bot) => {
  bot.onText(/^(c\d+-\d+) x(\d)$/, async (ctx) => {
    const [, name, parts] = ctx.match;
    const run = crypto.randomUUID();
    const session = await ctx.session.get();
    session.messages += 1;
    await pause(TAKES_MS);
    for (let part = 1; part <= Number(parts); part += 1)
      await ctx.reply.text(`re ${name} ${part}/${parts} run ${run} knows ${session.messages}`);
  });
});
