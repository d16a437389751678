import { AssertionError } from 'node:assert';
import { expect } from 'chai';
import { defineBot } from 'wahook';
import { testBot } from 'wahook/testing';
import greetingBot from '../fixtures/bots/greeting.ts';
import { rejection } from '../simulator/rejection.ts';

const echo = defineBot((bot) => {
  bot.on('message.text', async (ctx) => {
    await ctx.reply.text(`You said: ${ctx.text}`, { quote: true });
  });
});

describe('testBot', () => {
  it('runs a conversation: what a customer does resolves when the bot has answered and the answer is delivered', async () => {
    const t = await testBot(greetingBot);
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hi');
    ana
      .expectReply()
      .text('Hello Ana! What can I do for you?')
      .buttons('track', 'Talk to a person')
      .times(1)
      .within('1s');
    await ana.taps('Track my order');
    ana.expectReply().text(/tomorrow/);
    ana.expectNoReply();
    t.expectNothingPending();
    expect(t.transcript.match(/\(delivered\)/g)).to.have.length(2);
  });

  it('takes no time, however long the pauses: a message that fails runs again until it is a dead letter', async () => {
    const t = await testBot(greetingBot, { env: { HANDLER_RETRIES: '3' } });
    const ana = t.customer({ name: 'Ana' });
    const startedMs = t.clock.now();
    await ana.says('boom');
    ana.expectNoReply();
    expect(t.errors.map(String)).to.deep.equal(Array(3).fill('Error: boom, as asked for'));
    expect(t.deadLetters).to.have.length(1);
    expect(t.deadLetters[0]).to.include({ queue: 'messages', reason: 'handler_failed', attempts: 3 });
    expect(t.clock.now() - startedMs).to.be.within(3_000, 10_000);
    expect(() => t.expectNothingPending()).to.throw(AssertionError, /a dead letter in messages \(handler_failed\)/);
  });

  it('keeps customers and worlds apart', async () => {
    const [one, other] = [await testBot(echo), await testBot(echo)];
    const [ana, kim] = [one.customer({ name: 'Ana' }), one.customer({ name: 'Kim', userId: 'US.4711' })];
    await Promise.all([ana.says('I am Ana'), kim.says('I am Kim')]);
    ana.expectReply().text('You said: I am Ana').quoting('I am Ana').times(1);
    kim.expectReply().text('You said: I am Kim').times(1);
    expect(kim.waId).to.equal(undefined);
    expect(other.transcript).to.contain('nothing was said');
  });

  it('waits for a handler that waits for something real', async () => {
    const t = await testBot(
      defineBot((bot) => {
        bot.on('message', async (ctx) => {
          await new Promise((resolve) => setTimeout(resolve, 60));
          await ctx.reply.text('done');
        });
      }),
    );
    const ana = t.customer({ name: 'Ana' });
    await ana.says('go');
    ana.expectReply().text('done');
  });

  it('gives up on a handler that never ends, and says so', async () => {
    const stuck = defineBot((bot) => {
      bot.on('message', () => new Promise<void>(() => {}));
    });
    const t = await testBot(stuck, { patience: '50ms' });
    const error = await rejection(t.customer({ name: 'Ana' }).says('hello'));
    expect(error)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/still at work.*patience/);
  });

  it('has the time limit of a handler on its clock', async () => {
    const started = Promise.withResolvers<void>();
    const stuck = defineBot((bot) => {
      bot.on('message', () => {
        started.resolve();
        return new Promise<void>(() => {});
      });
    });
    const t = await testBot(stuck, { env: { HANDLER_RETRIES: '1', HANDLER_TIMEOUT: '30s' } });
    const said = t.customer({ name: 'Ana' }).says('hello');
    await started.promise;
    await t.clock.advance('29s');
    expect(t.deadLetters).to.deep.equal([]);
    await t.clock.advance('1s');
    await said;
    expect(t.deadLetters).to.have.length(1);
    expect(t.deadLetters[0]).to.include({ reason: 'handler_timeout' });
  });

  it('lets a handler wait for the delivery of its reply, which waits for its place in the throughput of the number', async () => {
    const reached: string[] = [];
    const bot = defineBot((bot) => {
      bot.on('message.text', async (ctx) => {
        const sent = await ctx.reply.text('yes');
        reached.push(await sent.delivered().catch((error: Error) => error.message));
      });
    });
    const t = await testBot(bot);
    const ana = t.customer({ name: 'Ana' });
    await ana.says('hi');
    t.faults.undelivered(131026).next(1);
    await ana.says('hi again');
    expect(reached).to.deep.equal(['delivered', 'Meta could not deliver it (error 131026)']);
  });

  it("has the number's throughput on its clock: what waits for a place in it takes no real time", async () => {
    const t = await testBot(echo, { env: { SEND_PER_SECOND: '2' } });
    const [ana, kim] = [t.customer({ name: 'Ana' }), t.customer({ name: 'Kim' })];
    const [startedMs, reallyStartedMs] = [t.clock.now(), performance.now()];
    await Promise.all([ana, kim, ana, kim, ana].map((customer) => customer.says('hi')));
    for (const [customer, replies] of [
      [ana, 3],
      [kim, 2],
    ] as const)
      expect(customer.replies).to.have.length(replies);
    t.expectNothingPending();
    expect(t.clock.now() - startedMs).to.be.within(2_000, 5_000);
    expect(performance.now() - reallyStartedMs).to.be.lessThan(1_000);
  });

  it('refuses what is no bot, and a setting that is wrong', async () => {
    expect(await rejection(testBot({} as never))).to.be.instanceOf(TypeError);
    const error = await rejection(testBot(echo, { env: { HANDLER_TIMEOUT: 'soon' } }));
    expect(error).to.be.instanceOf(TypeError).with.property('message').that.contains('HANDLER_TIMEOUT');
  });
});
