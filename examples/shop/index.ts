import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { defineBot } from 'wahook';
import { menu } from './menu.ts';
import { orders } from './orders.ts';
import { newSession } from './session.ts';
import { silence } from './silence.ts';
import { stores } from './stores.ts';

/** How long `slow` takes: less than HANDLER_TIMEOUT, so that it succeeds. */
const SLOW_MS = 8_000;

export default defineBot({ session: { initial: newSession } }, (bot) => {
  bot.use(silence);

  bot.onText(/^(hi|hello|oi)\b/i, async (ctx) => {
    await ctx.reply.buttons(
      `Hello ${ctx.customer.name ?? 'there'}! What can I do for you?`,
      [
        { id: 'track', title: 'Track my order' },
        { id: 'menu', title: 'See the menu' },
        { id: 'agent', title: 'Talk to a person' },
      ],
      { footer: 'Or write "store". "stop" leaves you alone.' },
    );
  });

  orders(bot);
  menu(bot);
  stores(bot);

  // From here on the bot is silent; a person writes by POST /api/messages, or in whatever inbox the shop has.
  bot.onButton('agent', async (ctx) => {
    (await ctx.session.get()).answering = 'person';
    await ctx.reply.text('A person will write to you shortly. Write "bot" to talk to me again.');
  });

  bot.onImage(async (ctx) => {
    const picture = await ctx.media.buffer();
    const sha256 = createHash('sha256').update(picture).digest('hex');
    await ctx.reply.text(`Received, ${Math.ceil(picture.byteLength / 1024)} kB, sha256 ${sha256}`);
  });

  // Eight seconds, with the signal: if the run is cut off, the waiting ends too.
  bot.onText('slow', async (ctx) => {
    await ctx.typing();
    await wait(SLOW_MS, undefined, { signal: ctx.signal });
    await ctx.reply.text('That took a while.');
  });

  // Crashes on purpose, every time: shows the retries, and the dead letter in which they end.
  bot.onText('boom', () => {
    throw new Error('boom, as asked for');
  });

  bot.on('status.failed', (ctx) => {
    ctx.log.warn('a message was not delivered', { code: ctx.status.errors?.[0]?.code ?? null });
  });

  bot.onUnhandled((ctx) => ctx.reply.text('Sorry, I did not get that. Say "hi".'));
});
