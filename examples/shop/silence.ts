import type { Middleware } from 'wahook';
import type { Session } from './session.ts';

/**
 * Runs around all handlers: `stop` and `start` count at any time, also in the middle of a question, and while a person answers
 * the bot says nothing. What is not handed on here ends here, and counts as handled.
 */
export const silence: Middleware<Session> = async (ctx, next) => {
  if (ctx.kind !== 'message') return await next();
  const session = await ctx.session.get();
  const word = ctx.text?.trim().toLowerCase();
  if (word === 'stop') {
    ctx.cancelAsk();
    if (session.answering !== 'nobody') await ctx.reply.text('We leave you alone. Write "start" if you want us back.');
    session.answering = 'nobody';
    return;
  }
  if (session.answering === 'nobody' && word === 'start') {
    delete session.answering;
    await ctx.reply.text('Welcome back! Say "hi".');
    return;
  }
  if (session.answering === 'person' && word === 'bot') {
    delete session.answering;
    await ctx.reply.text('This is the bot again. Say "hi".');
    return;
  }
  if (session.answering === undefined) await next();
};
