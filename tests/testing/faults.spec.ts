import { expect } from 'chai';
import { defineBot, type MessageHandlerContext } from 'wahook';
import { testBot } from 'wahook/testing';
import { rejection } from '../simulator/rejection.ts';

function countingBot() {
  const runs: string[] = [];
  const bot = defineBot((bot) => {
    bot.on('message.text', async (ctx) => {
      runs.push(ctx.text);
      await ctx.reply.text(`You said: ${ctx.text}`);
    });
  });
  return { bot, runs };
}

describe('Faults in the test of a bot', () => {
  it('duplicate: a webhook that comes three times is answered once', async () => {
    const { bot, runs } = countingBot();
    const t = await testBot(bot);
    const ana = t.customer({ name: 'Ana' });
    t.faults.duplicate(3);
    await ana.says('hello');
    ana.expectReply().times(1);
    expect(runs).to.deep.equal(['hello']);
  });

  it('reorder: the message after the next comes first, and nothing is lost', async () => {
    const { bot, runs } = countingBot();
    const t = await testBot(bot);
    const ana = t.customer({ name: 'Ana' });
    t.faults.reorder();
    await ana.says('one');
    ana.expectNoReply();
    expect(() => t.expectNothingPending()).to.throw(/held back/);
    await ana.says('two');
    expect(runs).to.deep.equal(['two', 'one']);
    ana.expectReply().text('You said: two').times(2);
    t.expectNothingPending();
  });

  it('graph: a send that Meta puts off is repeated, one that it refuses is given up', async () => {
    const { bot, runs } = countingBot();
    const t = await testBot(bot);
    const ana = t.customer({ name: 'Ana' });
    const startedMs = t.clock.now();
    t.faults.graph(131056).next(1);
    await ana.says('hello');
    ana.expectReply().text('You said: hello').times(1);
    expect(t.clock.now() - startedMs).to.be.at.least(3_000);
    expect(() => ana.expectReply()).to.throw();
    t.faults.graph(131026).always();
    await ana.says('again');
    ana.expectNoReply();
    expect(t.deadLetters[0]).to.include({ queue: 'outbound', reason: 'graph_131026' });
    t.faults.clear();
    await ana.says('and again');
    ana.expectReply();
    expect(runs).to.deep.equal(['hello', 'again', 'and again']);
  });

  it('undelivered: what Meta takes and cannot deliver is told to the bot, and sent again where the code allows it', async () => {
    const failed: (string | undefined)[] = [];
    const bot = defineBot((bot) => {
      bot.on('message.text', (ctx) => ctx.reply.text(`You said: ${ctx.text}`));
      bot.on('status.failed', (ctx) => void failed.push(`${ctx.status.failure?.kind} ${ctx.status.errors?.[0]?.code}`));
    });
    const t = await testBot(bot);
    const ana = t.customer({ name: 'Ana' });
    t.faults.undelivered(131026).next(1);
    await ana.says('hello');
    ana.expectReply().text('You said: hello').times(1);
    expect(failed).to.deep.equal(['never 131026']);
    expect(t.transcript).to.match(/You said: hello {2}\(failed\)$/);
    await ana.reads();
    expect(t.transcript).to.match(/\(failed\)$/);
    t.faults.undelivered(131000).next(1);
    await ana.says('again');
    ana.expectReply().text('You said: again').times(2);
    expect(t.transcript).to.match(/again {2}\(failed\)\n.*again {2}\(delivered\)$/);
    t.expectNothingPending();
  });

  it('lostAnswer: what Meta took is not sent again', async () => {
    const t = await testBot(countingBot().bot);
    const ana = t.customer({ name: 'Ana' });
    t.faults.lostAnswer();
    await ana.says('hello');
    ana.expectReply().times(1);
    t.expectNothingPending();
  });

  it('crash: the message runs again, and is answered once', async () => {
    const { bot, runs } = countingBot();
    const t = await testBot(bot);
    const ana = t.customer({ name: 'Ana' });
    t.faults.crash();
    await ana.says('hello');
    expect(runs).to.deep.equal(['hello', 'hello']);
    ana.expectReply().times(1);
    expect(t.errors).to.deep.equal([]);
    t.expectNothingPending();
  });

  it("Meta's window: 24 hours after the customer's last word only a template gets through", async () => {
    const t = await testBot(countingBot().bot);
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hello');
    expect(await t.send(ana, { type: 'text', text: 'still there?' })).to.include({
      state: 'sent',
      delivery: 'delivered',
    });
    await t.clock.advance('25h');
    expect(await t.send(ana, { type: 'text', text: 'still there?' })).to.include({ state: 'dead' });
    expect(t.deadLetters[0]).to.include({ queue: 'outbound', reason: 'window_closed' });
    expect(await t.send(ana, { type: 'template', name: 'come_back', language: 'en' })).to.include({ state: 'sent' });
    ana.expectReply().text('You said: hello').times(3);
    // Of somebody who never wrote nothing is known here: Meta decides.
    const stranger = t.customer({ name: 'Bo' });
    expect(await t.send(stranger, { type: 'text', text: 'hi' })).to.include({ state: 'dead' });
    expect(t.deadLetters.map(({ reason }) => reason)).to.include.members(['window_closed', 'graph_131047']);
  });

  it("Meta's limits: a message that breaks one fails in the handler, and the transcript says where", async () => {
    const t = await testBot(
      defineBot((bot) => {
        bot.on('message.text', (ctx: MessageHandlerContext) => ctx.reply.text('x'.repeat(4097)));
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hello');
    const error = await rejection(Promise.resolve().then(() => ana.expectReply()));
    expect(error.message).to.match(/the text must have 1 to 4096 characters.*this one has 4097/);
  });
});
