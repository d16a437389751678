import { expect } from 'chai';
import type { Handler } from '../../src/bot/bot-builder.ts';
import type { MessageHandlerContext } from '../../src/bot/bot-context.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { isWahookError } from '../../src/core/errors.ts';
import type { InboundMessage, Recipient } from '../../src/core/model.ts';
import type { Fallback } from '../../src/core/outbound-content.ts';
import { RecordedRun, text } from './bot-run.ts';

type Talk = Handler<MessageHandlerContext>;

function handle(event: InboundMessage, run: RecordedRun, talk: Talk): Promise<void> {
  return new BotHandler(defineBot((bot) => bot.on('message', talk))).handle(event, run);
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('A reply', () => {
  it('says what it was told to, in the order of the calls', async () => {
    const run = new RecordedRun();
    const link = 'https://example.com/cat.png';
    const buttons = [{ id: 'yes', title: 'Yes' }];
    await handle(text('a'), run, async ({ reply }) => {
      await reply.text('one');
      await reply.text('two https://example.com', { previewUrl: true });
      await reply.image(link);
      await reply.image(link, { caption: 'a cat' });
      await reply.template('order_update', 'en_US');
      await reply.template('order_update', 'en_US', { body: ['Ana'] });
      await reply.buttons('sure?', buttons);
      await reply.buttons('sure?', buttons, { header: 'Order', footer: 'no hurry' });
    });
    expect(run.contents()).to.deep.equal([
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two https://example.com', previewUrl: true },
      { type: 'image', link },
      { type: 'image', link, caption: 'a cat' },
      { type: 'template', name: 'order_update', language: 'en_US' },
      { type: 'template', name: 'order_update', language: 'en_US', body: ['Ana'] },
      { type: 'buttons', text: 'sure?', buttons },
      { type: 'buttons', text: 'sure?', buttons, header: 'Order', footer: 'no hurry' },
    ]);
  });

  it('carries its fallback as it was when it was called, beside what it says', async () => {
    const run = new RecordedRun();
    const fallback = { template: 'we_miss_you', language: 'en_US', body: ['Ana'] };
    await handle(text('a'), run, async ({ reply, send }) => {
      await reply.text('one', { fallback, previewUrl: true, quote: true });
      await send.to({ waId: '15550100009' }).location({ latitude: 1, longitude: 2 }, { fallback });
      fallback.body[0] = 'changed';
      await reply.text('without');
    });
    const kept = { template: 'we_miss_you', language: 'en_US', body: ['Ana'] };
    expect(run.sent.map((sent) => sent.fallback)).to.deep.equal([kept, kept, undefined]);
    expect(run.contents()).to.deep.equal([
      { type: 'text', text: 'one', previewUrl: true },
      { type: 'location', latitude: 1, longitude: 2 },
      { type: 'text', text: 'without' },
    ]);
    expect(run.sent[0]?.replyTo).to.equal('wamid.in-1');
  });

  it('throws at its line for a fallback that Meta would not take, as an untyped bot may have it', async () => {
    const run = new RecordedRun();
    const failed = handle(text('a'), run, async ({ reply }) => {
      reply.text('one', { fallback: { template: 'we_miss_you', lang: 'en_US' } as unknown as Fallback });
    });
    expect(await failureOf(failed)).to.satisfy((error: unknown) => isWahookError(error, 'invalid_message'));
    expect(run.sent).to.deep.equal([]);
  });

  it('goes out by the number that was written to, under an id of its own', async () => {
    const run = new RecordedRun();
    await handle(text('a'), run, async ({ reply }) => {
      await reply.text('one');
      await reply.text('two');
    });
    expect(run.sent.map((sent) => sent.phoneNumberId)).to.deep.equal(['106540352242922', '106540352242922']);
    const ids = run.sent.map((sent) => sent.sendId);
    for (const id of ids) expect(id).to.match(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).to.equal(2);
  });

  const recipients: readonly [who: string, event: InboundMessage, to: Recipient][] = [
    ['a customer by phone number', text('a'), { waId: '16505551234' }],
    [
      'a customer by both ids where both are known',
      text('a', { customer: { waId: '16505551234', userId: 'US.13491208655302741918' } }),
      { waId: '16505551234', userId: 'US.13491208655302741918' },
    ],
    [
      'a customer without a phone number by user id',
      text('a', { customer: { userId: 'US.13491208655302741918', username: 'ana' } }),
      { userId: 'US.13491208655302741918' },
    ],
    ['the group that the message came from', text('a', { groupId: 'group-1' }), { groupId: 'group-1' }],
  ];
  for (const [who, event, to] of recipients) {
    it(`goes to ${who}`, async () => {
      const run = new RecordedRun();
      await handle(event, run, ({ reply }) => reply.text('hello'));
      expect(run.sent.map((sent) => sent.to)).to.deep.equal([to]);
    });
  }

  it('quotes the message if asked to, in every form', async () => {
    const run = new RecordedRun();
    await handle(text('a', { id: 'wamid.quoted' }), run, async ({ reply }) => {
      await reply.text('one', { quote: true });
      await reply.image('https://example.com/cat.png', { quote: true });
      await reply.template('order_update', 'en_US', undefined, { quote: true });
      await reply.buttons('sure?', [{ id: 'yes', title: 'Yes' }], { quote: true });
      await reply.text('plain', { quote: false });
      await reply.text('plain');
    });
    expect(run.sent.map((sent) => sent.replyTo)).to.deep.equal([
      ...Array(4).fill('wamid.quoted'),
      undefined,
      undefined,
    ]);
    for (const content of run.contents()) expect(content).not.to.have.property('quote');
  });

  it('is what it was when it was checked, whatever becomes of the objects', async () => {
    const run = new RecordedRun();
    const buttons = [{ id: 'yes', title: 'Yes' }];
    await handle(text('a'), run, async ({ reply }) => {
      await reply.buttons('sure?', buttons);
      buttons.push({ id: 'yes', title: 'x'.repeat(99) });
    });
    expect(run.contents()).to.deep.equal([{ type: 'buttons', text: 'sure?', buttons: [{ id: 'yes', title: 'Yes' }] }]);
  });

  it('is not lost for want of an await', async () => {
    const run = new RecordedRun();
    await handle(text('a'), run, ({ reply }) => {
      void reply.text('one');
      void reply.text('two');
    });
    expect(run.contents()).to.have.length(2);
  });

  describe('over a limit of Meta', () => {
    const tooLong: readonly [what: string, talk: Talk][] = [
      ['a text', ({ reply }) => reply.text('x'.repeat(4097))],
      ['a caption', ({ reply }) => reply.image('https://example.com/cat.png', { caption: 'x'.repeat(1025) })],
      ['the title of a button', ({ reply }) => reply.buttons('sure?', [{ id: 'yes', title: 'x'.repeat(21) }])],
      ['a text, not awaited', async ({ reply }) => void reply.text('x'.repeat(4097))],
    ];
    for (const [what, talk] of tooLong) {
      it(`fails the handler at its line: ${what}`, async () => {
        const run = new RecordedRun();
        const error = await failureOf(handle(text('a'), run, talk));
        expect(isWahookError(error, 'invalid_message'), String(error)).to.equal(true);
        expect(run.sent).to.deep.equal([]);
      });
    }

    it('can be answered by the handler itself', async () => {
      const run = new RecordedRun();
      await handle(text('a'), run, async ({ reply }) => {
        try {
          await reply.text('x'.repeat(4097));
        } catch {
          await reply.text('It is too long to say.');
        }
      });
      expect(run.contents()).to.deep.equal([{ type: 'text', text: 'It is too long to say.' }]);
    });
  });

  describe('that comes too late', () => {
    it('is refused once the handler has finished', async () => {
      const kept: MessageHandlerContext[] = [];
      const run = new RecordedRun();
      await handle(text('a'), run, (ctx) => void kept.push(ctx));
      expect(() => kept[0]?.reply.text('late'))
        .to.throw(/after the handler had finished; did it miss an await\?/)
        .with.property('code', 'fenced');
      expect(run.sent).to.deep.equal([]);
    });

    it('is refused once the handler has failed', async () => {
      const kept: MessageHandlerContext[] = [];
      const failed = handle(text('a'), new RecordedRun(), (ctx) => {
        kept.push(ctx);
        throw new Error('boom');
      });
      expect(await failureOf(failed)).to.have.property('message', 'boom');
      expect(() => kept[0]?.reply.text('late')).to.throw(/had finished/);
    });

    it('is refused once the run is aborted, and fails the handler', async () => {
      const run = new RecordedRun();
      const error = await failureOf(
        handle(text('a'), run, async ({ reply, signal }) => {
          await reply.text('in time');
          run.abort();
          expect(signal.aborted).to.equal(true);
          await reply.text('late');
        }),
      );
      expect(error)
        .to.be.an('error')
        .with.property('message')
        .that.matches(/was aborted/);
      expect(run.contents()).to.deep.equal([{ type: 'text', text: 'in time' }]);
    });
  });

  it('waits for the whole of an async handler, and passes its failure on', async () => {
    const run = new RecordedRun();
    await handle(text('a'), run, async ({ reply }) => {
      await new Promise((resume) => setImmediate(resume));
      await reply.text('after a while');
    });
    expect(run.contents()).to.have.length(1);
    const failed = handle(text('a'), run, async () => {
      await new Promise((resume) => setImmediate(resume));
      throw new Error('boom');
    });
    expect(await failureOf(failed)).to.have.property('message', 'boom');
  });
});
