import { expect } from 'chai';
import { defineBot, type MessageHandlerContext } from 'wahook';
import { testBot } from 'wahook/testing';
import { TestService } from '../../src/testing/test-service.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

type Ask = (ctx: MessageHandlerContext) => unknown;

/** Runs `ask` over a message of Ana's. */
async function asked(ask: Ask, options: Parameters<typeof testBot>[1] = {}) {
  const t = await testBot(
    defineBot((bot) => bot.on('message.text', (ctx) => ask(ctx))),
    { env: { HANDLER_RETRIES: '1' }, ...options },
  );
  const ana = t.customer({ name: 'Ana' });
  await ana.says('go');
  return { t, ana };
}

const SALE = {
  header: { image: { link: 'https://example.com/a.png' } },
  body: { customer: 'Ana', percent: '20 %' },
  buttons: [
    { type: 'url', text: 'spring' },
    { type: 'copyCode', code: 'SPRING20' },
  ],
} as const;

describe('ctx.templates', () => {
  it('lists what the account has, and gets one', async () => {
    const { ana } = await asked(async (ctx) => {
      const names = (await ctx.templates.list()).map(({ name, status }) => `${name} ${status}`);
      const one = await ctx.templates.get('order_status', 'en_US');
      const none = await ctx.templates.get('order_status', 'de');
      await ctx.reply.text([...names, one?.body?.places.join('+'), typeof none].join(', '));
    });
    ana
      .expectReply()
      .text('hello_world APPROVED, order_status APPROVED, spring_sale APPROVED, old_offer PAUSED, 1+2, undefined');
  });

  it('replies with a template whose parts fit, by number, by name, or without any', async () => {
    const { ana, t } = await asked(async (ctx) => {
      await ctx.templates.reply('order_status', 'en_US', { body: ['1042', 'has arrived'] });
      await ctx.templates.reply('spring_sale', 'en_US', SALE);
      await ctx.templates.reply('hello_world', 'en_US', {}, { quote: true });
    });
    ana.expectReply().template('order_status', 'en_US');
    ana.expectReply().template('spring_sale');
    ana.expectReply().template('hello_world').quoting('go');
    t.expectNothingPending();
  });

  it('says all that is wrong, and queues nothing', async () => {
    const { ana, t } = await asked(async (ctx) => {
      const { header: _, ...rest } = SALE;
      await ctx.templates.reply('spring_sale', 'en_US', { ...rest, body: { customer: 'Ana' } });
    });
    ana.expectNoReply();
    expect(String(t.errors[0])).to.contain(
      'The template spring_sale (en_US) cannot be sent: its header needs { image: … }, but none is given; its body lacks {{percent}}',
    );
  });

  it('says that there is none, that it is there in another language, or that it is paused', async () => {
    for (const [name, language, why] of [
      ['gone', 'en_US', 'the account has no template of this name'],
      ['hello_world', 'de', 'it is there in en_US only'],
      ['old_offer', 'en_US', 'its status is PAUSED'],
    ] as const) {
      const { t } = await asked((ctx) => ctx.templates.check(name, language));
      expect(String(t.errors[0])).to.contain(`The template ${name} (${language}) cannot be sent: ${why}`);
    }
  });

  it('is needed for that: Meta refuses what was not checked', async () => {
    const { t } = await asked((ctx) => ctx.reply.template('order_status', 'en_US', { body: ['1042'] }));
    expect(t.deadLetters[0]?.reason).to.equal('graph_132000');
  });

  it('asks Meta once, and again when a webhook says that a template has changed', async () => {
    const bot = defineBot((bot) => bot.onText('go', (ctx) => ctx.templates.reply('hello_world', 'en_US')));
    const limits = { settleMs: 120_000, patienceMs: 5_000 };
    const service = await TestService.start(bot, new VirtualClock(Date.now()), { env: {}, templates: [], ...limits });
    const lists = () => service.meta.requests.filter(({ path }) => path.endsWith('/message_templates')).length;
    const go = async () => {
      service.meta.customer('ana').sends({ type: 'text', text: 'go' });
      await service.settle();
    };
    await go();
    await go();
    expect(lists()).to.equal(1);
    const value = { event: 'PAUSED', message_template_name: 'hello_world', message_template_language: 'en_US' };
    const changes = [{ field: 'message_template_status_update', value }];
    const entry = [{ id: service.meta.business.businessAccountId, time: 1_790_000_000, changes }];
    service.meta.sendWebhook({ object: 'whatsapp_business_account', entry });
    await service.settle();
    await go();
    expect(lists()).to.equal(2);
    expect(service.errors).to.deep.equal([]);
  });

  it('knows the templates that the test has put there', async () => {
    const mine = {
      ...{ name: 'mine', language: 'pt_BR', status: 'APPROVED', category: 'UTILITY' },
      parameter_format: 'NAMED' as const,
      components: [{ type: 'BODY', text: 'Oi {{nome}}' }],
    };
    const { ana } = await asked((ctx) => ctx.templates.reply('mine', 'pt_BR', { body: { nome: 'Ana' } }), {
      templates: [mine],
    });
    ana.expectReply().template('mine', 'pt_BR');
  });
});
