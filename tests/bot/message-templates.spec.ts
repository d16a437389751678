import { expect } from 'chai';
import sinon from 'sinon';
import { defineBot } from 'wahook';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import type { ListOptions } from '../../src/core/ports/channel.ts';
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

  it('can do without the templates; who asks for them alone cannot', async () => {
    const run = new RecordedRun();
    const asked = sinon.spy(run.channel.templates, 'list');
    const bot = defineBot((bot) =>
      bot.on('message', async (ctx) => {
        await ctx.templates.reply('order', 'en_US');
        await ctx.templates.check('order', 'en_US').catch(() => {});
        await ctx.templates.list().catch(() => {});
      }),
    );
    await new BotHandler(bot).handle(text('hi'), run);
    const options = asked.args.map(([, given]: readonly [unknown, ListOptions?]) => given?.optional ?? false);
    expect(options).to.deep.equal([true, false, false]);
  });

  it('does not queue what breaks a limit of Meta, checked or not', async () => {
    const run = new RecordedRun();
    const bot = defineBot((bot) => bot.on('message', (ctx) => ctx.templates.reply('order', 'en_US', { body: [''] })));
    const error = await new BotHandler(bot).handle(text('hi'), run).catch((reason: unknown) => reason);
    expect(String(error)).to.contain('value 1 in the body');
    expect(run.contents()).to.deep.equal([]);
  });
});
