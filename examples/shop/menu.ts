import type { BotBuilder } from 'wahook';
import type { Session } from './session.ts';

interface Dish {
  readonly name: string;
  readonly cents: number;
}

const KITCHEN: readonly (readonly [section: string, dishes: Readonly<Record<string, Dish>>])[] = [
  ['Hot', { soup: { name: 'Soup of the day', cents: 450 }, coffee: { name: 'Coffee', cents: 180 } }],
  ['Cold', { salad: { name: 'Salad', cents: 590 }, lemonade: { name: 'Lemonade', cents: 320 } }],
];

const DISHES = new Map(KITCHEN.flatMap(([, dishes]) => Object.entries(dishes)));

const SECTIONS = KITCHEN.map(([title, dishes]) => ({
  title,
  rows: Object.entries(dishes).map(([id, { name, cents }]) => ({
    ...{ id: `dish:${id}`, title: name, description: euros(cents) },
  })),
}));

/** The menu as a list with sections, and a basket in the session. */
export function menu(bot: BotBuilder<Session>): void {
  bot.onButton('menu', async (ctx) => {
    await ctx.reply.list('What would you like?', 'See the menu', SECTIONS, { footer: 'Pick as often as you like' });
  });

  bot.onList(/^dish:(.+)$/, async (ctx) => {
    const [, id = ''] = ctx.match;
    const dish = DISHES.get(id);
    // A list stays in the chat for ever, and what can be picked from it with it.
    if (dish === undefined)
      return await ctx.reply.text('We do not have that any more. Say "hi" for the menu of today.');
    const session = await ctx.session.get();
    const basket = [...(session.basket ?? []), id];
    session.basket = basket;
    const sum = basket.reduce((cents, one) => cents + (DISHES.get(one)?.cents ?? 0), 0);
    return await ctx.reply.text(`${dish.name}, with pleasure. ${basket.length} in your basket, ${euros(sum)}.`);
  });
}

function euros(cents: number): string {
  return `${(cents / 100).toFixed(2)} €`;
}
