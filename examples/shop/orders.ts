import type { BotBuilder, MessageHandlerContext } from 'wahook';
import type { Session } from './session.ts';

/** Stands for the shop's own system. */
const ORDERS: ReadonlyMap<string, string> = new Map([
  ['1042', 'is on its way and arrives tomorrow'],
  ['1043', 'is being packed'],
]);

const NUMBER = /^(?:order )?#?(\d{4})$/i;

const QUESTION = 'What is the number of your order? It has four digits.';

/** Tells where an order is: asked for by a button, or known to the customer already. */
export function orders(bot: BotBuilder<Session>): void {
  bot.onButton('track', (ctx) => ctx.ask('orderNumber', QUESTION, { timeout: '1h' }));

  // Everything that is said after the question comes here first, a tap on an old button too.
  bot.onAnswer('orderNumber', async (ctx) => {
    const number = NUMBER.exec(ctx.text?.trim() ?? '')?.[1];
    if (number !== undefined) return await tell(ctx, number);
    if (/^\W*\d/.test(ctx.text ?? ''))
      return await ctx.ask('orderNumber', `That is none. ${QUESTION}`, { timeout: '1h' });
    return await ctx.next();
  });

  bot.onText(NUMBER, (ctx) => tell(ctx, ctx.match[1] ?? ''));
}

async function tell(ctx: MessageHandlerContext, number: string): Promise<void> {
  // Not asked again if the handler runs again.
  const state = await ctx.once('order', () => stateOfOrder(number));
  if (state === undefined) {
    await ctx.reply.text(`There is no order #${number}.`, { quote: true });
    return;
  }
  // More than 24 hours after a customer has written Meta takes nothing but templates: so when the question came late.
  const fallback = { template: 'order_status', language: 'en_US', body: [number, state] };
  await ctx.reply.text(`Order #${number} ${state}.`, { quote: true, fallback });
}

/** What there is to say about an order; undefined: there is none with this number. */
async function stateOfOrder(number: string): Promise<string | undefined> {
  return ORDERS.get(number);
}
