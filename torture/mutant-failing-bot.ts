import { defineBot } from 'wahook';

/** As bot.ts, but the first run over every third message of a conversation fails after its first reply. */
// biome-ignore lint/style/noDefaultExport: a bot is what its file exports by default
export default defineBot({ session: { initial: () => ({ messages: 0 }) } }, (bot) => {
  bot.onText(/^(c\d+-(\d+)) x(\d)$/, async (ctx) => {
    const [, name, n, parts] = ctx.match;
    const run = crypto.randomUUID();
    const session = await ctx.session.get();
    session.messages += 1;
    for (let part = 1; part <= Number(parts); part += 1) {
      await ctx.reply.text(`re ${name} ${part}/${parts} run ${run} knows ${session.messages}`);
      if (ctx.attempt === 1 && Number(n) % 3 === 0) throw new Error('fails once');
    }
  });
});
