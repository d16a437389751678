import { defineBot } from 'wahook';
import { TOPICS } from './answers.ts';

const BUTTONS = TOPICS.map(({ id, title }) => ({ id, title }));

export default defineBot((bot) => {
  for (const { id, asked, answer } of TOPICS) {
    bot.onButton(id, (ctx) => ctx.reply.text(answer));
    bot.onText(asked, (ctx) => ctx.reply.text(answer, { quote: true }));
  }

  bot.onText(/^(hi|hello|help)\b/i, (ctx) => ctx.reply.buttons('What would you like to know?', BUTTONS));

  bot.on('message.text', (ctx) =>
    ctx.reply.buttons('I do not know that one. Perhaps one of these?', BUTTONS, { quote: true }),
  );

  bot.onUnhandled((ctx) => ctx.reply.buttons('I can answer questions. What would you like to know?', BUTTONS));
});
