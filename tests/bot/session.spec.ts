import { expect } from 'chai';
import type { BotBuilder } from '../../src/bot/bot-builder.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import type { Json } from '../../src/core/model.ts';
import { RecordedRun, text } from './bot-run.ts';

interface Shop {
  cart: string[];
  name?: string;
}

const CONVERSATION = '106540352242922|16505551234';

/** Says the words to a bot, one after the other; each run finds what the one before has kept. */
class Talk {
  readonly #define: (bot: BotBuilder<Shop>) => void;
  document: Json | null | undefined;
  /** How often the store was read and written. */
  reads = 0;
  writes = 0;

  constructor(define: (bot: BotBuilder<Shop>) => void, document?: Json) {
    this.#define = define;
    this.document = document;
  }

  async says(words: string): Promise<unknown> {
    const run = new RecordedRun();
    if (this.document !== undefined) run.documents.set(CONVERSATION, this.document);
    const load = async (conversation: string) => {
      this.reads += 1;
      return run.load(conversation);
    };
    const keep = (conversation: string, document: Json | null) => {
      this.writes += 1;
      run.keep(conversation, document);
    };
    const bot = defineBot({ session: { initial: (): Shop => ({ cart: [] }) } }, this.#define);
    try {
      await new BotHandler(bot).handle(text(words), { ...run, load, keep });
    } catch (error) {
      return error;
    }
    this.document = run.documents.get(CONVERSATION);
    return undefined;
  }
}

describe('A session', () => {
  it('begins anew in each conversation, and is kept when it is changed in place', async () => {
    const talk = new Talk((bot) =>
      bot.on('message.text', async (ctx) => void (await ctx.session.get()).cart.push(ctx.text)),
    );
    await talk.says('tea');
    await talk.says('cake');
    expect(talk.document).to.deep.equal({ session: { cart: ['tea', 'cake'] } });
  });

  it('is the same object for everybody in a run, read once', async () => {
    const talk = new Talk((bot) => {
      bot.use(async (ctx, next) => {
        if (ctx.kind === 'message') (await ctx.session.get()).name = 'Ana';
        await next();
      });
      bot.on('message', async (ctx) => {
        const [one, two] = await Promise.all([ctx.session.get(), ctx.session.get()]);
        expect(one).to.equal(two);
        one.cart.push(one.name ?? '');
      });
    });
    expect(await talk.says('hi')).to.equal(undefined);
    expect(talk.document).to.deep.equal({ session: { cart: ['Ana'], name: 'Ana' } });
    expect(talk.reads).to.equal(1);
  });

  it('costs nothing where it is not used, and no write where it is only read', async () => {
    const talk = new Talk((bot) => {
      bot.onText('read', async (ctx) => void (await ctx.session.get()));
      bot.on('message', (ctx) => ctx.reply.text('hi'));
    });
    await talk.says('hi');
    expect(talk.reads).to.equal(0);
    await talk.says('read');
    expect([talk.reads, talk.writes]).to.deep.equal([1, 0]);
    expect(talk.document).to.equal(undefined);
  });

  it('can be replaced without being read by the handler, awaited or not', async () => {
    const talk = new Talk((bot) => bot.on('message.text', (ctx) => ctx.session.set({ cart: [ctx.text] })));
    await talk.says('tea');
    expect(talk.document).to.deep.equal({ session: { cart: ['tea'] } });
  });

  it('is what was set, from then on', async () => {
    const talk = new Talk((bot) =>
      bot.on('message.text', async (ctx) => {
        (await ctx.session.get()).cart.push('gone');
        ctx.session.set({ cart: ['new'] });
        (await ctx.session.get()).cart.push('more');
      }),
    );
    await talk.says('a');
    expect(talk.document).to.deep.equal({ session: { cart: ['new', 'more'] } });
  });

  it('can be forgotten, and begins anew then', async () => {
    const talk = new Talk(
      (bot) => {
        bot.onText('forget', (ctx) => ctx.session.clear());
        bot.onText('again', async (ctx) => {
          ctx.session.clear();
          (await ctx.session.get()).cart.push('first');
        });
      },
      { session: { cart: ['tea'] } },
    );
    await talk.says('again');
    expect(talk.document).to.deep.equal({ session: { cart: ['first'] } });
    await talk.says('forget');
    expect(talk.document).to.equal(null);
  });

  it('is not kept by a run that fails', async () => {
    const talk = new Talk((bot) =>
      bot.on('message', async (ctx) => {
        (await ctx.session.get()).cart.push('tea');
        throw new Error('boom');
      }),
    );
    expect(await talk.says('a')).to.have.property('message', 'boom');
    expect(talk.writes).to.equal(0);
  });

  it('fails the run with what is wrong if it is no JSON or too large', async () => {
    const talk = new Talk((bot) => {
      bot.onText('date', async (ctx) => {
        (await ctx.session.get()).name = new Date() as never;
      });
      bot.onText('set', (ctx) => ctx.session.set({ cart: [Number.NaN as never] }));
      bot.onText('large', async (ctx) => void (await ctx.session.get()).cart.push('x'.repeat(70_000)));
    });
    expect(await talk.says('date')).to.have.property('message', 'ctx.session.name is a Date, which is no JSON');
    expect(await talk.says('set')).to.have.property('message', 'ctx.session.cart[0] is NaN, which is no JSON');
    expect(await talk.says('large'))
      .to.have.property('message')
      .that.matches(/^ctx.session is 700\d\d bytes as JSON, 65536 are allowed$/);
    expect(talk.writes).to.equal(0);
  });

  it('is undefined at first in a bot that does not say how it begins', async () => {
    const seen: unknown[] = [];
    const bot = defineBot<Shop>((b) => b.on('message', async (ctx) => seen.push(await ctx.session.get())));
    await new BotHandler(bot).handle(text('a'), new RecordedRun());
    expect(seen).to.deep.equal([undefined]);
  });
});
