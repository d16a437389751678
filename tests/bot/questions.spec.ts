import { expect } from 'chai';
import type { BotBuilder, ErrorHandler, ErrorVerdict } from '../../src/bot/bot-builder.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import type { InboundMessage, Json, WebhookEvent } from '../../src/core/model.ts';
import { image, interactive, message, RecordedRun, status, text } from './bot-run.ts';

const CONVERSATION = '106540352242922|16505551234';

/** A conversation with a bot that asks; remembers what was kept and what was answered. */
class Talk {
  readonly #bot: ReturnType<typeof defineBot>;
  document: Json | null | undefined;
  reads = 0;
  readonly heard: string[] = [];

  constructor(define: (bot: BotBuilder, heard: string[]) => void) {
    this.#bot = defineBot((bot) => define(bot, this.heard));
  }

  /** Resolves to what the bot has answered, or the error it has thrown. */
  async gets(event: WebhookEvent, burst?: readonly InboundMessage[]): Promise<unknown> {
    const run = new RecordedRun();
    if (this.document) run.documents.set(CONVERSATION, this.document);
    const load = (conversation: string) => {
      this.reads += 1;
      return run.load(conversation);
    };
    try {
      await new BotHandler(this.#bot).handle(event, { ...run, load, ...(burst && { burst }) });
    } catch (error) {
      return error;
    }
    if (run.documents.has(CONVERSATION)) this.document = run.documents.get(CONVERSATION);
    return run.contents().map((content) => (content.type === 'text' ? content.text : content.type));
  }

  says(words: string): Promise<unknown> {
    return this.gets(text(words));
  }
}

const tracking = (bot: BotBuilder, heard: string[]) => {
  bot.onText('track', (ctx) => ctx.ask('orderNo', 'Which order number?'));
  bot.onText('soon', (ctx) => ctx.ask('orderNo', undefined, { timeout: '10m' }));
  bot.onText('stop', (ctx) => ctx.cancelAsk());
  bot.on('message', (ctx) => heard.push(`other ${ctx.message.type}`));
  bot.on('status', () => heard.push('status'));
  bot.onAnswer('orderNo', async (ctx) => {
    if (ctx.text === 'stop') return ctx.next();
    heard.push(`answer ${ctx.text ?? ctx.message.type}`);
    return ctx.text === 'hm' ? ctx.ask('orderNo', 'Once more, please') : ctx.reply.text('Thank you');
  });
};

describe('A question', () => {
  it('is asked, and the next message goes to its handler, before all others, once', async () => {
    const talk = new Talk(tracking);
    expect(await talk.says('track')).to.deep.equal(['Which order number?']);
    expect(talk.document).to.deep.equal({ asked: { name: 'orderNo' } });
    expect(await talk.says('track')).to.deep.equal(['Thank you']);
    expect(talk.document).to.equal(null);
    await talk.says('1042');
    expect(talk.heard).to.deep.equal(['answer track', 'other text']);
  });

  it('can be asked again by its handler, and handed on to the others', async () => {
    const talk = new Talk(tracking);
    await talk.says('track');
    expect(await talk.says('hm')).to.deep.equal(['Once more, please']);
    await talk.says('1042');
    await talk.says('track');
    expect(await talk.says('stop')).to.deep.equal([]);
    await talk.says('1043');
    expect(talk.heard).to.deep.equal(['answer hm', 'answer 1042', 'other text']);
  });

  it('is answered by whatever a customer says, shows or chooses', async () => {
    const choices = [
      interactive({ kind: 'button_reply', id: 'no', title: 'No' }),
      interactive({ kind: 'list_reply', id: 'no', title: 'No' }),
      message({ type: 'button', text: 'No' }),
      message({ type: 'location', latitude: 1, longitude: 2 }),
      image(),
    ];
    const talk = new Talk(tracking);
    for (const choice of choices) {
      await talk.says('track');
      await talk.gets(choice);
    }
    expect(talk.heard).to.deep.equal(choices.map(({ type }) => `answer ${type}`));
  });

  it('waits on while there is no more than a reaction, an edit, a system message or a status', async () => {
    const nothing: readonly InboundMessage[] = [
      message({ type: 'reaction', messageId: 'wamid.1', emoji: '👍' }),
      message({ type: 'edit', originalMessageId: 'wamid.1', edited: {} }),
      message({ type: 'revoke', originalMessageId: 'wamid.1' }),
      message({ type: 'system', change: 'user_changed_number', value: {} }),
      message({ type: 'unsupported' }),
      message({ type: 'unknown', raw: {} }),
    ];
    const talk = new Talk(tracking);
    await talk.says('track');
    const asked = talk.document;
    for (const event of [...nothing, status('read')]) {
      await talk.gets(event);
      expect(talk.document).to.deep.equal(asked);
    }
    await talk.says('1042');
    expect(talk.heard).to.deep.equal([...nothing.map(({ type }) => `other ${type}`), 'status', 'answer 1042']);
  });

  it('waits on if the handler of its answer fails', async () => {
    let fails = true;
    const talk = new Talk((bot, heard) => {
      bot.onText('ask', (ctx) => ctx.ask('name', 'Your name?'));
      bot.onAnswer('name', (ctx) => {
        heard.push(String(ctx.text));
        if (fails) throw new Error('boom');
      });
    });
    await talk.says('ask');
    expect(await talk.says('Ana')).to.be.an('error');
    fails = false;
    await talk.says('Ana');
    await talk.says('Bea');
    expect(talk.heard).to.deep.equal(['Ana', 'Ana']);
  });

  describe('whose answer is dropped because its handler fails', () => {
    const talking = (onError: ErrorHandler<unknown>) =>
      new Talk((bot) => {
        bot.onText('track', (ctx) => {
          ctx.session.set({ step: 1 });
          return ctx.ask('orderNo', 'Which order number?');
        });
        bot.onText('hi', (ctx) => ctx.reply.text('Hello'));
        bot.onAnswer('orderNo', (ctx) => {
          ctx.session.set({ step: 2 });
          throw new TypeError('a bug');
        });
        bot.onError(onError);
      });

    it('is answered, while nothing else of the failed run counts: the next message goes its usual way', async () => {
      const talk = talking(() => 'drop');
      await talk.says('track');
      expect(await talk.says('hi')).to.deep.equal([]);
      expect(talk.document).to.deep.equal({ session: { step: 1 } });
      expect(await talk.says('hi')).to.deep.equal(['Hello']);
    });

    it('is asked anew if onError does so', async () => {
      const talk = talking(async (_, ctx): Promise<ErrorVerdict> => {
        if (ctx.kind === 'message') await ctx.ask('orderNo', 'Once more, please');
        return 'drop';
      });
      await talk.says('track');
      for (const words of ['hi', 'hi']) expect(await talk.says(words)).to.deep.equal(['Once more, please']);
    });
  });

  it('is not asked by a run that fails', async () => {
    const talk = new Talk((bot) => {
      bot.onAnswer('name', () => {});
      bot.on('message', async (ctx) => {
        await ctx.ask('name', 'Your name?');
        throw new Error('boom');
      });
    });
    await talk.says('hi');
    expect(talk.document).to.equal(undefined);
  });

  it('is forgotten after its time, by when the answer was sent', async () => {
    const talk = new Talk(tracking);
    const untilMs = 1_790_000_001_000 + 600_000;
    expect(await talk.says('soon')).to.deep.equal([]);
    expect(talk.document).to.deep.equal({ asked: { name: 'orderNo', untilMs } });
    await talk.gets({ ...text('in time'), sentAtMs: untilMs });
    await talk.says('soon');
    await talk.gets({ ...text('late'), sentAtMs: untilMs + 1 });
    expect(talk.document).to.equal(null);
    expect(talk.heard).to.deep.equal(['answer in time', 'other text']);
  });

  it('names the template that asks in its place when the window is closed', async () => {
    const fallback = { template: 'which_order', language: 'en_US' };
    const bot = defineBot((bot) => {
      bot.onText('track', (ctx) => ctx.ask('orderNo', 'Which order number?', { fallback }));
      bot.onAnswer('orderNo', (ctx) => ctx.reply.text('Thank you'));
    });
    const run = new RecordedRun();
    await new BotHandler(bot).handle(text('track'), run);
    expect(run.sent).to.have.length(1);
    expect(run.sent[0]).to.deep.include({ content: { type: 'text', text: 'Which order number?' }, fallback });
    expect(run.documents.get(CONVERSATION)).to.deep.equal({ asked: { name: 'orderNo' } });
  });

  it('can be taken back, and is replaced by the next one', async () => {
    const talk = new Talk((bot, heard) => {
      bot.onText('both', async (ctx) => {
        await ctx.ask('first', 'A?');
        await ctx.ask('second', 'B?');
      });
      bot.onText('none', async (ctx) => {
        await ctx.ask('first', 'A?');
        ctx.cancelAsk();
      });
      bot.onAnswer('first', () => heard.push('first'));
      bot.onAnswer('second', () => heard.push('second'));
    });
    expect(await talk.says('both')).to.deep.equal(['A?', 'B?']);
    await talk.says('x');
    await talk.says('none');
    await talk.says('x');
    expect(talk.heard).to.deep.equal(['second']);
  });

  it('whose answer nobody takes is not asked', async () => {
    const talk = new Talk((bot) => {
      bot.onAnswer('name', () => {});
      bot.on('message', (ctx) => ctx.ask('nmae', 'Your name?'));
    });
    expect(await talk.says('hi'))
      .to.include({ code: 'invalid_bot' })
      .with.property('message')
      .that.contains('bot.onAnswer("nmae", …)');
  });

  it('of a bot that was changed since, and has no such answer any more, is forgotten', async () => {
    const talk = new Talk(tracking);
    talk.document = { asked: { name: 'gone' }, session: { step: 1 } };
    await talk.says('hello');
    expect(talk.heard).to.deep.equal(['other text']);
    expect(talk.document).to.deep.equal({ session: { step: 1 } });
  });

  it('is looked for only by a bot that has answers', async () => {
    const talk = new Talk((bot) => bot.on('message', () => {}));
    await talk.says('hi');
    expect(talk.reads).to.equal(0);
  });

  it('is answered by a burst, all of it', async () => {
    const seen: unknown[] = [];
    const talk = new Talk((bot) => {
      bot.onText('ask', (ctx) => ctx.ask('name'));
      bot.onAnswer('name', (ctx) => seen.push(ctx.text, ctx.messages.length));
    });
    await talk.says('ask');
    const burst = [text('my name'), text('is Ana')];
    await talk.gets(burst[1]!, burst);
    expect(seen).to.deep.equal(['my name\nis Ana', 2]);
  });

  for (const [what, define] of [
    ['the same question twice', (bot) => [bot.onAnswer('a', () => {}), bot.onAnswer('a', () => {})]],
    ['a question without a name', (bot) => bot.onAnswer('', () => {})],
    ['an answer that is no function', (bot) => bot.onAnswer('a', 'b' as never)],
  ] as readonly [string, (bot: BotBuilder) => void][]) {
    it(`refuses ${what}`, () => {
      expect(() => defineBot(define))
        .to.throw()
        .with.property('code', 'invalid_bot');
    });
  }
});
