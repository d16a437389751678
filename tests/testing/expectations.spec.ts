import { AssertionError } from 'node:assert';
import { expect } from 'chai';
import { defineBot } from 'wahook';
import { testBot } from 'wahook/testing';

const bot = defineBot((bot) => {
  bot.onText('menu', async (ctx) => {
    await ctx.reply.buttons('What can I do?', [
      { id: 'track', title: 'Track' },
      { id: 'agent', title: 'A person' },
    ]);
    await ctx.reply.image('https://example.com/menu.png', { caption: 'Our menu' });
    await ctx.reply.template('order_update', 'en_US');
  });
  bot.onText('boom', () => {
    throw new TypeError('no such thing');
  });
});

async function afterMenu() {
  const t = await testBot(bot);
  const ana = t.customer({ name: 'Ana' });
  await ana.says('menu');
  return { t, ana };
}

function failure(check: () => unknown): AssertionError {
  try {
    check();
  } catch (error) {
    expect(error).to.be.instanceOf(AssertionError);
    return error as AssertionError;
  }
  throw new Error('nothing was thrown');
}

describe('What a test expects of a bot', () => {
  it('holds for message after message, in the order in which they came', async () => {
    const { ana } = await afterMenu();
    ana.expectReply().text('What can I do?').buttons('track', 'A person').times(3).within('1s').type('interactive');
    ana.expectReply().image('https://example.com/menu.png').image(/menu/).image().text(/menu/i);
    ana.expectReply().template('order_update', 'en_US').template('order_update');
    ana.expectNoReply();
  });

  it('fails with the conversation, the line that is not as expected, and what was expected of it', async () => {
    const { ana } = await afterMenu();
    const { message, actual, expected } = failure(() => ana.expectReply().text('What can I do for you?'));
    expect(message.split('\n').map((line) => line.replace(/\d\d:\d\d:\d\d/, 'hh:mm:ss'))).to.deep.equal([
      'The reply is not as expected: text "What can I do for you?", but it is "What can I do?"',
      '',
      '  hh:mm:ss  Ana  menu',
      '> hh:mm:ss  bot  What can I do?  [Track (track)] [A person (agent)]  (delivered)',
      '>                expected: text "What can I do for you?"',
      '  hh:mm:ss  bot  [image] Our menu  (delivered)',
      '  hh:mm:ss  bot  [template] order_update  (delivered)',
      '',
    ]);
    expect({ actual, expected }).to.deep.equal({ actual: 'What can I do?', expected: 'What can I do for you?' });
  });

  it('fails at the line of the test, not in this library', async () => {
    const { ana } = await afterMenu();
    const [first] = (failure(() => ana.expectReply().text('?')).stack ?? '').match(/^ +at .*$/m) ?? [];
    expect(first).to.contain('expectations.spec.ts');
  });

  for (const [name, check] of Object.entries({
    'a text that differs': (reply) => reply.text(/dog/),
    'buttons that differ': (reply) => reply.buttons('track'),
    'buttons in another order': (reply) => reply.buttons('agent', 'track'),
    'a list where there is none': (reply) => reply.list('track', 'agent'),
    'an image where there is none': (reply) => reply.image(),
    'a template where there is none': (reply) => reply.template('order_update'),
    'another type': (reply) => reply.type('video'),
    'another number of messages': (reply) => reply.times(1),
    'a quotation where there is none': (reply) => reply.quoting('menu'),
    'less time': (reply) => reply.within(-1 as never),
  } satisfies Record<
    string,
    (reply: ReturnType<Awaited<ReturnType<typeof afterMenu>>['ana']['expectReply']>) => unknown
  >))
    it(`refuses ${name}`, async () => {
      const { ana } = await afterMenu();
      const reply = ana.expectReply();
      expect(() => check(reply)).to.throw(name === 'less time' ? TypeError : AssertionError);
    });

  it('refuses the wrong image and the wrong template', async () => {
    const { ana } = await afterMenu();
    ana.expectReply();
    failure(() => ana.expectReply().image('https://example.com/other.png'));
    failure(() => ana.expectReply().template('order_update', 'pt_BR'));
  });

  it('misses a reply that did not come, and shows what the bot threw instead', async () => {
    const { ana } = await afterMenu();
    await ana.says('boom');
    const error = failure(() => ana.expectReply());
    expect(error.message).to.match(/^Ana was expected to get a reply\n/);
    expect(error.message).to.match(
      /^! .*the handler failed \(attempt 1\): TypeError: no such thing \(testing\/expectations\.spec\.ts:\d+:\d+\)$/m,
    );
    expect(error.message).to.match(/^> +expected: a reply$/m);
    expect(error.cause).to.be.instanceOf(TypeError);
  });

  it('finds a reply that should not have come, and leaves old ones alone', async () => {
    const { ana } = await afterMenu();
    expect(failure(() => ana.expectNoReply()).message).to.match(/^> .*What can I do\?/m);
    await ana.says('what nobody answers');
    ana.expectNoReply();
  });
});
