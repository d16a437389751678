import { type BotBuilder, defineBot, type MessageHandlerContext } from 'wahook';
import { DAYS, release, reserve, SERVICES, timeOf } from './calendar.ts';

interface Appointment {
  readonly service: string;
  readonly day: string;
  readonly time: string;
}

/** What the bot keeps about a conversation: how far the questions have come, and what came of them. */
interface Session {
  service?: string;
  day?: string;
  booked?: Appointment;
}

type Context = MessageHandlerContext<Message, Session>;
type Message = MessageHandlerContext['message'];

/** An answer that comes later is an ordinary message. */
const PATIENCE = { timeout: '15m' } as const;

/** Each step asks, and remembers in the session's store that it has asked: any worker takes the answer, also after a restart. */
const ask = {
  service: async (ctx: Context) => {
    await ctx.reply.buttons('What can we do for you?', choices(SERVICES));
    await ctx.ask('service', undefined, PATIENCE);
  },
  day: async (ctx: Context) => {
    await ctx.reply.list('Which day suits you?', 'Days', [{ rows: choices(DAYS) }]);
    await ctx.ask('day', undefined, PATIENCE);
  },
  time: async (ctx: Context, why = '') => {
    await ctx.ask('time', `${why}At what time? From 9:00 to 16:30, every half hour.`, PATIENCE);
  },
};

export default defineBot({ session: { initial: (): Session => ({}) } }, (bot) => {
  bot.onText('book', async (ctx) => {
    const session = await ctx.session.get();
    if (session.booked === undefined) await ask.service(ctx);
    else await ctx.reply.text(`You have one: ${spoken(session.booked)}. Write "cancel" to give it back.`);
  });

  questions(bot);

  bot.onText('cancel', async (ctx) => {
    const session = await ctx.session.get();
    const { booked } = session;
    if (booked === undefined) return await ctx.reply.text('There is nothing to cancel.');
    await release(slotOf(booked));
    delete session.booked;
    return await ctx.reply.text(`Cancelled: ${spoken(booked)}.`);
  });

  bot.onUnhandled((ctx) => ctx.reply.text('Write "book" for an appointment, "cancel" to give it back.'));
});

/** The steps, one after the other. What is no answer is asked again; "cancel" ends it at every step. */
function questions(bot: BotBuilder<Session>): void {
  bot.onAnswer('service', async (ctx) => {
    if (await gaveUp(ctx)) return;
    const service = chosen(ctx.message, SERVICES);
    if (service === undefined) return await ask.service(ctx);
    (await ctx.session.get()).service = service;
    await ask.day(ctx);
  });

  bot.onAnswer('day', async (ctx) => {
    if (await gaveUp(ctx)) return;
    const day = chosen(ctx.message, DAYS);
    if (day === undefined) return await ask.day(ctx);
    (await ctx.session.get()).day = day;
    await ask.time(ctx);
  });

  bot.onAnswer('time', async (ctx) => {
    if (await gaveUp(ctx)) return;
    const time = timeOf(ctx.text ?? '');
    if (time === undefined) return await ask.time(ctx, 'I did not get that. ');
    const session = await ctx.session.get();
    const { service = '', day = '' } = session;
    const appointment = { service, day, time };
    // If the handler runs again the calendar is not asked again; if it is, it knows us by the key.
    const isOurs = await ctx.once('reserve', () => reserve(slotOf(appointment), ctx.idempotencyKey));
    if (!isOurs) return await ask.time(ctx, 'Somebody was faster. ');
    session.booked = appointment;
    await ctx.reply.text(`See you: ${spoken(appointment)}.`);
  });
}

async function gaveUp(ctx: Context): Promise<boolean> {
  if (ctx.text?.trim().toLowerCase() !== 'cancel') return false;
  await ctx.reply.text('All right, nothing is booked.');
  return true;
}

/** What was tapped or picked, or written by its name. A button of another step, still in the chat, is none. */
function chosen(message: Message, among: ReadonlyMap<string, string>): string | undefined {
  if (message.type === 'text') {
    const name = message.text.trim().toLowerCase();
    return [...among].find(([, title]) => title.toLowerCase() === name)?.[0];
  }
  const isChoice = message.type === 'interactive' && 'id' in message.reply;
  return isChoice && among.has(message.reply.id) ? message.reply.id : undefined;
}

function choices(of: ReadonlyMap<string, string>): { readonly id: string; readonly title: string }[] {
  return [...of].map(([id, title]) => ({ id, title }));
}

function slotOf({ day, time }: Appointment): string {
  return `${day} ${time}`;
}

function spoken({ service, day, time }: Appointment): string {
  return `${SERVICES.get(service)} on ${DAYS.get(day)} at ${time}`;
}
