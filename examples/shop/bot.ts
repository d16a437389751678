import { setTimeout as wait } from 'node:timers/promises';
import { defineBot } from 'wahook';
import { stateOfOrder } from './orders.ts';
import { nearestStore } from './stores.ts';

/** How long `slow` takes: less than HANDLER_TIMEOUT, so that it succeeds. */
const SLOW_MS = 8_000;

export default defineBot((bot) => {
  bot.onText(/^(hi|hello|oi)\b/i, async (ctx) => {
    await ctx.reply.buttons(
      `Hello ${ctx.customer.name ?? 'there'}! What can I do for you?`,
      [
        { id: 'track', title: 'Track my order' },
        { id: 'menu', title: 'See the menu' },
        { id: 'store', title: 'Find a store' },
      ],
      { footer: 'Demo Shop' },
    );
  });

  bot.onButton('track', (ctx) => ctx.reply.text('What is the number of your order? It has four digits.'));

  bot.onText(/^(?:order )?#?(\d{4})$/i, async (ctx) => {
    const [, number = ''] = ctx.match;
    const state = await stateOfOrder(number);
    const answer = state === undefined ? `There is no order #${number}.` : `Order #${number} ${state}.`;
    await ctx.reply.text(answer, { quote: true });
  });

  bot.onButton('menu', async (ctx) => {
    await ctx.reply.image('https://example.com/menu.png', { caption: 'Soup, bread, coffee' });
    await ctx.reply.text('Write what you would like.');
  });

  bot.onButton('store', (ctx) => ctx.reply.text('Send me your location: 📎 → Location.'));

  bot.on('message.location', async (ctx) => {
    const { store, km } = nearestStore(ctx.message.latitude, ctx.message.longitude);
    await ctx.reply.text(`Your nearest store is ${store.name}, ${Math.round(km)} km away.`);
  });

  bot.on('message.image', async (ctx) => {
    const { mimeType = 'a file', sha256 = 'unknown' } = ctx.message.media;
    await ctx.reply.text(`Received your picture (${mimeType}, sha256 ${sha256.slice(0, 12)}…). Thank you!`);
  });

  // Eight seconds, with the signal: if the run is cut off, the waiting ends too.
  bot.onText('slow', async (ctx) => {
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
