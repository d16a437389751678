import { defineBot } from 'wahook';

export default defineBot((bot) => {
  bot.on('message.text', async (ctx) => {
    await ctx.reply.text(ctx.text);
  });

  bot.onUnhandled((ctx) => ctx.reply.text('I can only say back what is written.'));
});
