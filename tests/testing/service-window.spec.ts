import { expect } from 'chai';
import { defineBot, type Fallback } from 'wahook';
import { testBot } from 'wahook/testing';

const fallback: Fallback = { template: 'we_are_back', language: 'en_US', body: ['Ana'] };

/** Answers at once, or a day later than Meta takes an answer. */
const slow = (options: { readonly fallback?: Fallback }) =>
  defineBot((bot) => {
    bot.onText('now', (ctx) => ctx.reply.text('at once', options));
    bot.on('message.text', async (ctx) => {
      if (ctx.window.open) ctx.defer('25h');
      else await ctx.reply.text('a day later', options);
    });
  });

describe('A reply after the customer service window is closed', () => {
  it('goes out as the template that it names', async () => {
    const t = await testBot(slow({ fallback }));
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hi');
    await t.clock.advance('26h');
    expect(ana.expectReply().request['template']).to.deep.equal({
      name: 'we_are_back',
      language: { code: 'en_US' },
      components: [{ type: 'body', parameters: [{ type: 'text', text: 'Ana' }] }],
    });
    expect(t.deadLetters).to.deep.equal([]);
  });

  it('goes out as it is while the window is open', async () => {
    const t = await testBot(slow({ fallback }));
    const ana = t.customer({ name: 'Ana' });
    await ana.says('now');
    ana.expectReply().text('at once').times(1);
  });

  it('goes out as it is if the customer has written again meanwhile, though that waits behind', async () => {
    const t = await testBot(slow({ fallback }));
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hi');
    await t.clock.advance('24h');
    await ana.says('are you there?');
    ana.expectNoReply();
    await t.clock.advance('2h');
    ana.expectReply().text('a day later');
    expect(t.deadLetters).to.deep.equal([]);
  });

  it('is a dead letter if it names none', async () => {
    const t = await testBot(slow({}));
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hi');
    await t.clock.advance('26h');
    ana.expectNoReply();
    expect(t.deadLetters.map(({ queue, reason }) => [queue, reason])).to.deep.equal([['outbound', 'window_closed']]);
  });
});
