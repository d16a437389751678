import { expect } from 'chai';
import { z } from 'zod';
import type { BotBuilder } from '../../src/bot/bot-builder.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import type { InteractiveReply, WebhookEvent } from '../../src/core/model.ts';
import { account, answers, image, interactive, message, RecordedRun, status, text } from './bot-run.ts';

/** The handlers that ran over the events, joined by commas for each event; `-`: none. */
async function taken(events: readonly WebhookEvent[], define: (bot: BotBuilder, note: (name: string) => void) => void) {
  const seen: string[][] = [];
  let now: string[] = [];
  const handler = new BotHandler(defineBot((bot) => define(bot, (name) => void now.push(name))));
  for (const event of events) {
    now = [];
    await handler.handle(event, new RecordedRun());
    seen.push(now);
  }
  return seen.map((names) => names.join() || '-');
}

const tap = interactive({ kind: 'button_reply', id: 'track', title: 'Track my order' });
const choice = interactive({ kind: 'list_reply', id: 'product:7', title: 'Tea' });
const location = message({ type: 'location', latitude: 1, longitude: 2 });
const flow = (response: unknown, name = 'flow') =>
  interactive({ kind: 'nfm_reply', name, responseJson: JSON.stringify(response), response } as InteractiveReply);

describe('A bot that picks its events', () => {
  it('takes each of several kinds', async () => {
    const seen = await taken([text('a'), image(), location, status('read')], (bot, note) =>
      bot.on(['message.image', 'message.location', 'status.read'], (ctx) => note(ctx.kind)),
    );
    expect(seen).to.deep.equal(['-', 'message', 'message', 'status']);
  });

  it('takes a star for the whole kind', async () => {
    const events = [text('a'), tap, status('sent'), account('security')];
    const seen = await taken(events, (bot, note) => {
      bot.on('message.interactive.*', () => note('interactive'));
      bot.on('message.*', () => note('message'));
      bot.on('status.*', () => note('status'));
      bot.on('account.*', () => note('account'));
    });
    expect(seen).to.deep.equal(['message', 'interactive', 'status', 'account']);
  });

  it('takes what a function picks', async () => {
    const seen = await taken([text('a'), text('long text'), status('sent')], (bot, note) =>
      bot.on(
        (event) => event.kind === 'message' && event.type === 'text' && event.text.length > 3,
        () => note('long'),
      ),
    );
    expect(seen).to.deep.equal(['-', 'long', '-']);
  });

  for (const [what, wrong] of [
    ['no kind at all', []],
    ['one that does not exist', ['message.text', 'message.txet']],
    ['a star where nothing is narrower', 'message.text.*'],
    ['a number', 7],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => defineBot((bot) => bot.on(wrong as never, () => {})))
        .to.throw(/is no event/)
        .with.property('code', 'invalid_bot');
    });
  }

  it('takes choices from a list by their id', async () => {
    const bot = defineBot((b) => {
      b.onList('product:8', (ctx) => ctx.reply.text('eight'));
      b.onList(/^product:(\d+)$/, (ctx) => ctx.reply.text(`${ctx.match[1]} ${ctx.message.reply.title}`));
    });
    expect(await answers(bot, choice)).to.deep.equal([{ type: 'text', text: '7 Tea' }]);
    expect(await answers(bot, tap)).to.deep.equal([]);
  });

  it('takes places and media by what they are', async () => {
    const sticker = message({ type: 'sticker', media: { id: 'media-1' }, animated: false });
    const seen = await taken([location, image(), sticker, text('a')], (bot, note) => {
      bot.onLocation((ctx) => note(`at ${ctx.message.latitude}`));
      bot.onImage((ctx) => note(`image ${ctx.message.media.id}`));
      bot.onMedia((ctx) => note(`${ctx.message.type} ${ctx.message.media.id}`));
    });
    expect(seen).to.deep.equal(['at 1', 'image media-1', 'sticker media-1', '-']);
  });

  describe('takes a flow by the form of its answer', () => {
    const booking = z.object({ day: z.string(), guests: z.coerce.number() });
    const standard = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'object' && value !== null && 'day' in value
            ? { value: { day: String(value.day) } }
            : { issues: [{ message: 'no day' }] },
      },
    };

    it('and gives the answer in that form', async () => {
      const bot = defineBot((b) => {
        b.onFlow(booking, (ctx) => ctx.reply.text(`${ctx.data.guests + 1} on ${ctx.data.day}`));
        b.onFlow(standard, (ctx) => ctx.reply.text(ctx.data.day));
      });
      expect(await answers(bot, flow({ day: 'Monday', guests: '4' }))).to.deep.equal([
        { type: 'text', text: '5 on Monday' },
      ]);
      expect(await answers(bot, flow({ day: 'Tuesday' }))).to.deep.equal([{ type: 'text', text: 'Tuesday' }]);
      expect(await answers(bot, flow({ other: 1 }))).to.deep.equal([]);
    });

    it('but no address message, nothing that is no JSON, and no other reply', async () => {
      const any = z.unknown();
      const broken = interactive({ kind: 'nfm_reply', name: 'flow', responseJson: '{' });
      const events = [flow({}), flow({}, 'address_message'), broken, tap];
      const seen = await taken(events, (bot, note) => bot.onFlow(z.object({}), () => note('flow')));
      expect(seen).to.deep.equal(['flow', '-', '-', '-']);
      expect(await taken([broken], (bot, note) => bot.onFlow(any, () => note('flow')))).to.deep.equal(['flow']);
    });

    it('and refuses what is no schema, or does not answer at once', async () => {
      expect(() => defineBot((bot) => bot.onFlow({} as never, () => {}))).to.throw(
        /neither safeParse .* nor ~standard/,
      );
      const slow = { '~standard': { validate: async () => ({ value: 1 }) } };
      const error = await answers(
        defineBot((bot) => bot.onFlow(slow, () => {})),
        flow({}),
      ).catch((reason: unknown) => reason);
      expect(error)
        .to.have.property('message')
        .that.matches(/must answer at once/);
    });
  });
});

describe('A handler', () => {
  it('hands on to the next one that fits, and goes on when that is done', async () => {
    const seen = await taken([text('hi')], (bot, note) => {
      bot.onText('hi', async (ctx) => {
        note('first');
        await ctx.next();
        note('first again');
      });
      bot.onText('bye', () => note('bye'));
      bot.on('message', async (ctx) => {
        await ctx.next();
        note('second');
      });
      bot.onUnhandled(async (ctx) => {
        await ctx.next();
        note('unhandled');
      });
    });
    expect(seen).to.deep.equal(['first,unhandled,second,first again']);
  });

  it('hands on once', async () => {
    const bot = defineBot((b) => {
      b.on('status', async (ctx) => {
        await ctx.next();
        await ctx.next();
      });
    });
    const error = await answers(bot, status('read')).catch((reason: unknown) => reason);
    expect(error).to.have.property('message', 'next() was called twice');
  });

  it('gets what it may need to know of its run', async () => {
    const contexts: unknown[] = [];
    const bot = defineBot((b) => {
      b.on('message', ({ number, window, idempotencyKey, raw, messages }) =>
        contexts.push({
          number,
          open: window.open,
          closesAt: window.closesAt,
          idempotencyKey,
          raw,
          count: messages.length,
        }),
      );
      b.on(['status', 'account'], ({ number, raw }) => contexts.push({ number, raw }));
    });
    const handle = async (event: WebhookEvent) => new BotHandler(bot).handle(event, new RecordedRun());
    const sentAtMs = 1_790_000_001_000 - 24 * 3_600_000;
    await handle({ ...text('a'), displayPhoneNumber: '15550783881' });
    await handle({ ...message({ type: 'unknown', raw: { type: 'new' } }), sentAtMs });
    await handle(status('read'));
    await handle(account('security'));
    const idempotencyKey = '9a6cbe71c7d7af9cc7d8c1a40f57a8b6';
    const phoneNumberId = '106540352242922';
    const closesAt = new Date(1_790_000_000_000 + 24 * 3_600_000);
    const [first, ...rest] = contexts as { idempotencyKey: string }[];
    expect(first?.idempotencyKey).to.match(/^[0-9a-f]{32}$/);
    expect({ ...first, idempotencyKey }).to.deep.equal({
      ...{ number: { phoneNumberId, displayPhoneNumber: '15550783881' }, open: true, closesAt },
      ...{ idempotencyKey, raw: undefined, count: 1 },
    });
    expect({ ...rest[0], idempotencyKey }).to.deep.equal({
      ...{ number: { phoneNumberId }, open: false, closesAt: new Date(sentAtMs + 24 * 3_600_000) },
      ...{ idempotencyKey, raw: { type: 'new' }, count: 1 },
    });
    expect(rest[0]?.idempotencyKey).to.equal(first?.idempotencyKey);
    expect(rest.slice(1)).to.deep.equal([
      { number: { phoneNumberId }, raw: undefined },
      { number: {}, raw: { event: 'APPROVED' } },
    ]);
  });

  it('can put its event off', async () => {
    const bot = defineBot((b) => {
      b.onText('number', (ctx) => ctx.defer(1_500));
      b.onText('text', (ctx) => ctx.defer('1.5m'));
      b.onText('wrong', (ctx) => ctx.defer('60 s' as never));
      b.onText('long', (ctx) => ctx.defer('31d'));
    });
    const deferred = async (body: string) => {
      const run = new RecordedRun();
      await new BotHandler(bot).handle(text(body), run);
      return run.deferredMs;
    };
    expect(await deferred('number')).to.equal(1_500);
    expect(await deferred('text')).to.equal(90_000);
    for (const body of ['wrong', 'long']) {
      const error = await deferred(body).catch((reason: unknown) => reason);
      expect(error)
        .to.have.property('message')
        .that.matches(/^the time of ctx.defer is a number of milliseconds or a text like 500ms/);
    }
  });
});

describe('Middleware', () => {
  it('runs around all handlers, the first one outermost, wherever it is declared', async () => {
    const seen = await taken([text('hi'), status('sent')], (bot, note) => {
      bot.onText('hi', () => note('hi'));
      for (const name of ['a', 'b']) {
        bot.use(async (ctx, next) => {
          note(`${name} ${ctx.kind}`);
          await next();
          note(`/${name}`);
        });
      }
    });
    expect(seen).to.deep.equal(['a message,b message,hi,/b,/a', 'a status,b status,/b,/a']);
  });

  it('can answer in place of the handlers, and see their errors', async () => {
    const caught: unknown[] = [];
    const bot = defineBot((b) => {
      b.use(async (ctx, next) => {
        if (ctx.kind === 'message' && ctx.text === 'closed') return ctx.reply.text('we are closed');
        return await next().catch((error: unknown) => caught.push(error));
      });
      b.on('message', () => {
        throw new Error('boom');
      });
    });
    expect(await answers(bot, text('closed'))).to.deep.equal([{ type: 'text', text: 'we are closed' }]);
    expect(await answers(bot, text('open'))).to.deep.equal([]);
    expect(caught.map(String)).to.deep.equal(['Error: boom']);
  });

  it('calls the rest once', async () => {
    const bot = defineBot((b) => b.use(async (_, next) => void (await Promise.all([next(), next()]))));
    const error = await answers(bot, text('a')).catch((reason: unknown) => reason);
    expect(error).to.have.property('message', 'next() was called twice');
  });
});
