import { expect } from 'chai';
import type { BotBuilder } from '../../src/bot/bot-builder.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import type { EventKind } from '../../src/bot/event-names.ts';
import type { InboundMessage, WebhookEvent } from '../../src/core/model.ts';
import { account, answers, image, interactive, message, RecordedRun, status, text } from './bot-run.ts';

/** The names of the handlers that ran over the events, one for each event; `-`: none. */
async function taken(events: readonly WebhookEvent[], define: (bot: BotBuilder, seen: string[]) => void) {
  const seen: string[] = [];
  const handler = new BotHandler(defineBot((bot) => define(bot, seen)));
  for (const [index, event] of events.entries()) {
    await handler.handle(event, new RecordedRun());
    seen[index] ??= '-';
  }
  return seen;
}

function takenBy(kind: EventKind, events: readonly WebhookEvent[]): Promise<string[]> {
  return taken(events, (bot, seen) => bot.on(kind, () => void seen.push(kind)));
}

const buttonTap = interactive({ kind: 'button_reply', id: 'track', title: 'Track my order' });
const listChoice = interactive({ kind: 'list_reply', id: 'track', title: 'Track my order' });
const templateTap = message({ type: 'button', payload: 'track', text: 'Track my order' });

describe('A bot', () => {
  describe('that listens to a kind', () => {
    it('takes every event of a wide kind', async () => {
      expect(await takenBy('message', [text('a'), image(), listChoice])).to.deep.equal(Array(3).fill('message'));
      expect(await takenBy('status', [status('sent'), status('failed')])).to.deep.equal(Array(2).fill('status'));
      expect(await takenBy('account', [account('calls'), account('security')])).to.deep.equal(Array(2).fill('account'));
    });

    it('takes of a narrow kind only its events', async () => {
      const events = [text('a'), image(), buttonTap, listChoice, status('failed'), account('security')];
      for (const [kind, index] of [
        ['message.text', 0],
        ['message.image', 1],
        ['message.interactive.button_reply', 2],
        ['message.interactive.list_reply', 3],
        ['status.failed', 4],
        ['account.security', 5],
      ] as const) {
        const only = events[index] as WebhookEvent;
        expect(await takenBy(kind, [only]), kind).to.deep.equal([kind]);
        const others = events.filter((event) => event !== only);
        expect(await takenBy(kind, others), `not ${kind}`).to.deep.equal(Array(5).fill('-'));
      }
    });

    it('takes every reply to an interactive message as message.interactive', async () => {
      expect(await takenBy('message.interactive', [buttonTap, listChoice, templateTap])).to.deep.equal([
        'message.interactive',
        'message.interactive',
        '-',
      ]);
    });

    it('gets the event with what belongs to it', async () => {
      const run = new RecordedRun(3);
      const bot = defineBot((b) => {
        b.on('message.text', (ctx) => ctx.log.info(ctx.text, { attempt: ctx.attempt, conversation: ctx.conversation }));
        b.on('message', (ctx) => ctx.log.info('no text', { text: ctx.text ?? null, name: ctx.customer.name }));
        b.on('status.failed', (ctx) => ctx.log.warn('failed', { code: ctx.status.errors?.[0]?.code }));
        b.on('account.security', (ctx) => ctx.log.warn('account', { value: ctx.account.value }));
      });
      for (const event of [text('a'), image(), status('failed'), account('security')]) {
        await new BotHandler(bot).handle(event, run);
      }
      expect(run.log.lines.map((line) => [line.message, line.fields])).to.deep.equal([
        ['a', { attempt: 3, conversation: '106540352242922|16505551234' }],
        ['no text', { text: null, name: 'Ana' }],
        ['failed', { code: 131047 }],
        ['account', { value: { event: 'APPROVED' } }],
      ]);
    });
  });

  describe('with several handlers for one event', () => {
    it('runs the one declared first, alone', async () => {
      const narrowFirst = await taken([text('hi'), text('bye'), image()], (bot, seen) => {
        bot.onText('hi', () => void seen.push('onText'));
        bot.on('message.text', () => void seen.push('message.text'));
        bot.on('message', () => void seen.push('message'));
      });
      expect(narrowFirst).to.deep.equal(['onText', 'message.text', 'message']);

      const wideFirst = await taken([text('hi'), buttonTap], (bot, seen) => {
        bot.on('message', () => void seen.push('message'));
        bot.onText('hi', () => void seen.push('onText'));
        bot.onButton('track', () => void seen.push('onButton'));
      });
      expect(wideFirst).to.deep.equal(['message', 'message']);
    });

    it('leaves to onUnhandled the messages that nothing else takes, wherever it is declared', async () => {
      const events = [text('hi'), text('what?'), status('sent'), account('security')];
      const seen = await taken(events, (bot, names) => {
        bot.onUnhandled(() => void names.push('onUnhandled'));
        bot.onText('hi', () => void names.push('onText'));
      });
      expect(seen).to.deep.equal(['onText', 'onUnhandled', '-', '-']);
    });

    it('leaves a message alone when nothing takes it', async () => {
      const bot = defineBot((b) => b.onText('hi', (ctx) => ctx.reply.text('hello')));
      expect(await answers(bot, text('hi'))).to.have.length(1);
      expect(await answers(bot, text('what?'))).to.deep.equal([]);
    });
  });

  describe('that looks for a text', () => {
    it('takes the whole text, whatever its case, the space around it and the spelling of accents', async () => {
      const said = ['olá', ' OLÁ\n', 'Ola\u0301', 'ola', 'olá!', 'olá olá'];
      const seen = await taken(
        said.map((body) => text(body)),
        (bot, names) => bot.onText(' Olá', () => void names.push('yes')),
      );
      expect(seen).to.deep.equal(['yes', 'yes', 'yes', '-', '-', '-']);
    });

    it('gives what a regular expression has matched', async () => {
      const bot = defineBot((b) => {
        b.onText(/^order (?<number>\d+)/i, (ctx) => ctx.reply.text(`${ctx.match.groups?.['number']} ${ctx.match[1]}`));
      });
      expect(await answers(bot, text('Order 1042 please'))).to.deep.equal([{ type: 'text', text: '1042 1042' }]);
      expect(await answers(bot, text('my order 1042'))).to.deep.equal([]);
    });

    it('remembers nothing between two messages, with the flags g and y too', async () => {
      const pattern = /hi/g;
      pattern.lastIndex = 1;
      const same = Array.from({ length: 3 }, () => text('hi hi'));
      expect(await taken(same, (bot, seen) => bot.onText(pattern, () => void seen.push('g')))).to.deep.equal([
        'g',
        'g',
        'g',
      ]);
      expect(pattern.lastIndex).to.equal(1);
      const sticky = [text('hi hi'), text('oh hi'), text('hi')];
      expect(await taken(sticky, (bot, seen) => bot.onText(/hi/y, () => void seen.push('y')))).to.deep.equal([
        'y',
        '-',
        'y',
      ]);
    });

    it('looks through a long text to its end', async () => {
      const bot = defineBot((b) => b.onText(/needle$/, (ctx) => ctx.reply.text('found')));
      expect(await answers(bot, text(`${'hay '.repeat(250_000)}needle`))).to.have.length(1);
    });

    it('does not look at captions and buttons', async () => {
      const caption = message({ type: 'image', media: { id: 'media-1' }, caption: 'track' });
      const seen = await taken([caption, buttonTap, templateTap, text('track')], (bot, names) =>
        bot.onText(/track/, () => void names.push('text')),
      );
      expect(seen).to.deep.equal(['-', '-', '-', 'text']);
    });
  });

  describe('that waits for a button', () => {
    const others: InboundMessage[] = [
      interactive({ kind: 'button_reply', id: 'Track', title: 'track' }),
      message({ type: 'button', text: 'track' }),
      listChoice,
      text('track'),
    ];

    it('takes a reply button by its id and a quick reply of a template by its payload', async () => {
      const seen = await taken([buttonTap, templateTap, ...others], (bot, names) =>
        bot.onButton('track', (ctx) => void names.push(ctx.message.type)),
      );
      expect(seen).to.deep.equal(['interactive', 'button', '-', '-', '-', '-']);
    });

    it('gives what a regular expression has matched in the id', async () => {
      const bot = defineBot((b) => b.onButton(/^order:(\d+)$/, (ctx) => ctx.reply.text(`order ${ctx.match[1]}`)));
      const reply = interactive({ kind: 'button_reply', id: 'order:7', title: 'Order' });
      const quickReply = message({ type: 'button', payload: 'order:8', text: 'Order' });
      expect(await answers(bot, reply)).to.deep.equal([{ type: 'text', text: 'order 7' }]);
      expect(await answers(bot, quickReply)).to.deep.equal([{ type: 'text', text: 'order 8' }]);
      expect(await answers(bot, buttonTap)).to.deep.equal([]);
    });
  });

  describe('that is declared wrongly', () => {
    const wrong = (what: unknown) => what as never;
    const cases: readonly [what: string, define: (bot: BotBuilder) => void, says: RegExp][] = [
      [
        'an event that does not exist',
        (bot) => bot.on(wrong('message.txet'), () => {}),
        /"message\.txet".*message\.text,/,
      ],
      ['an account event without a field', (bot) => bot.on(wrong('account.'), () => {}), /"account\."/],
      ['no name at all', (bot) => bot.on(wrong(undefined), () => {}), /is no event/],
      ['a handler that is no function', (bot) => bot.on('message', wrong(undefined)), /handler is not a function/],
      ['onUnhandled without a function', (bot) => bot.onUnhandled(wrong('later')), /handler is not a function/],
      ['a pattern of another type', (bot) => bot.onText(wrong(7), () => {}), /neither a text nor a regular/],
      ['a second onUnhandled', (bot) => [1, 2].forEach(() => void bot.onUnhandled(() => {})), /declared twice/],
      ['an async definition', async (bot) => bot.on('message', () => {}), /is async/],
      ['an async definition that fails', () => Promise.reject(new Error('too late')), /is async/],
    ];
    for (const [what, define, says] of cases) {
      it(`refuses ${what}`, () => {
        expect(() => defineBot(define))
          .to.throw(says)
          .with.property('code', 'invalid_bot');
      });
    }

    it('refuses a definition that is no function', () => {
      expect(() => defineBot(wrong({})))
        .to.throw(/needs a function/)
        .with.property('code', 'invalid_bot');
    });

    it('refuses a handler that comes after the definition', () => {
      const kept: BotBuilder[] = [];
      defineBot((bot) => void kept.push(bot));
      expect(() => kept[0]?.on('message', () => {}))
        .to.throw(/has returned/)
        .with.property('code', 'invalid_bot');
    });
  });

  it('counts its handlers', () => {
    const bot = defineBot((b) => {
      b.on('message', () => {});
      b.onText('hi', () => {});
      b.onUnhandled(() => {});
    });
    expect(bot.handlerCount).to.equal(3);
    expect(defineBot(() => {}).handlerCount).to.equal(0);
  });
});
