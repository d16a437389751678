import { expect } from 'chai';
import { defineBot } from 'wahook';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { RecordedRun, text } from './bot-run.ts';

describe('ctx.templates.reply', () => {
  it('queues unchecked, and logs it, while Meta does not tell the templates', async () => {
    const run = new RecordedRun();
    const bot = defineBot((bot) =>
      bot.on('message', (ctx) => ctx.templates.reply('order', 'en_US', { body: ['secret'] })),
    );
    await new BotHandler(bot).handle(text('hi'), run);
    expect(run.contents()).to.deep.equal([{ type: 'template', name: 'order', language: 'en_US', body: ['secret'] }]);
    expect(JSON.stringify(run.log)).to.contain('A template is sent unchecked').and.not.contain('secret');
  });

  it('does not queue what breaks a limit of Meta, checked or not', async () => {
    const run = new RecordedRun();
    const bot = defineBot((bot) => bot.on('message', (ctx) => ctx.templates.reply('order', 'en_US', { body: [''] })));
    const error = await new BotHandler(bot).handle(text('hi'), run).catch((reason: unknown) => reason);
    expect(String(error)).to.contain('value 1 in the body');
    expect(run.contents()).to.deep.equal([]);
  });
});
