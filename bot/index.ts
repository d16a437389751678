/** The sample bot: try it, then make it yours. docs/bot.md explains every part. */
import { defineBot } from 'wahook';

export default defineBot((bot) => {
  bot.onText(/^(hi|hello|oi)\b/i, async (ctx) => {
    await ctx.reply.buttons(`Hello ${ctx.customer.name ?? 'there'}! What can I do for you?`, [
      { id: 'track', title: 'Track my order' },
      { id: 'agent', title: 'Talk to a person' },
    ]);
  });

  bot.onButton('track', async (ctx) => {
    await ctx.reply.text('Your order is on its way and arrives tomorrow.');
  });

  bot.onButton('agent', async (ctx) => {
    await ctx.reply.text('A person will write to you shortly.');
  });

  // Crashes on purpose, every time: shows the retries, and the dead letter in which they end.
  bot.onText('boom', () => {
    throw new Error('boom, as asked for');
  });

  bot.on('message.text', async (ctx) => {
    // An answer over Meta's 4096 characters would fail here, at every retry.
    const answer = ctx.text.length > 4000 ? 'That is a lot of text!' : `You said: ${ctx.text}`;
    await ctx.reply.text(answer, { quote: true });
  });

  bot.on('message.image', async (ctx) => {
    await ctx.reply.text('Thank you for the picture!');
  });

  bot.on('message.location', async (ctx) => {
    await ctx.reply.text('Thank you, now I know where you are.');
  });

  bot.on('status.failed', (ctx) => {
    ctx.log.warn('a message was not delivered', { code: ctx.status.errors?.[0]?.code ?? null });
  });
});
