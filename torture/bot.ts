import { setTimeout as pause } from 'node:timers/promises';
import { defineBot } from 'wahook';

/**
 * What every receiver under test does: to a text that ends with `x<parts>` it answers with that many texts, each of which
 * names the message, its part and this very run of the handler, so that two runs over one message show; and how many messages of
 * the conversation its session knows of, so that a session shows which misses one or has one twice.
 */
// biome-ignore lint/style/noDefaultExport: a bot is what its file exports by default
export default defineBot({ session: { initial: () => ({ messages: 0 }) } }, (bot) => {
  bot.onText(/^(c\d+-\d+) x(\d)$/, async (ctx) => {
    const [, name, parts] = ctx.match;
    const run = crypto.randomUUID();
    const session = await ctx.session.get();
    session.messages += 1;
    for (let part = 1; part <= Number(parts); part += 1) {
      await pause(Math.random() * 20);
      await ctx.reply.text(`re ${name} ${part}/${parts} run ${run} knows ${session.messages}`);
    }
  });
});
