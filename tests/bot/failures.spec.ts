import { expect } from 'chai';
import type { BotBuilder, ErrorHandler, ErrorVerdict } from '../../src/bot/bot-builder.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { PermanentError } from '../../src/core/errors.ts';
import { RecordedRun, status, text } from './bot-run.ts';

const TEA = new Error('no tea');

/** What becomes of a message whose handler sends, keeps and throws, and what the bot wanted then. */
async function outcome(onError: ErrorHandler<{ step: number } | undefined> | undefined, thrown: unknown = TEA) {
  const bot = defineBot<{ step: number }>((b) => {
    b.onAnswer('name', () => {});
    b.on('message', async (ctx) => {
      await ctx.reply.text('of the failed run');
      ctx.session.set({ step: 1 });
      await ctx.ask('name');
      ctx.defer(1_000);
      throw thrown;
    });
    b.on('status', () => {
      throw thrown;
    });
    if (onError !== undefined) b.onError(onError);
  });
  const run = new RecordedRun();
  const error = await new BotHandler(bot).handle(text('a'), run).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, run, bot };
}

describe('A bot whose handler fails', () => {
  it('fails with it if it does not say otherwise', async () => {
    expect((await outcome(undefined)).error).to.equal(TEA);
    expect((await outcome(() => undefined)).error).to.equal(TEA);
    expect((await outcome(() => 'retry')).error).to.equal(TEA);
  });

  it('is told the error and what it was about', async () => {
    const told: unknown[] = [];
    const { bot } = await outcome((error, ctx) => {
      told.push(error, ctx.kind, ctx.attempt);
      return 'drop';
    });
    await new BotHandler(bot).handle(status('failed'), new RecordedRun(3));
    expect(told).to.deep.equal([TEA, 'message', 1, TEA, 'status', 3]);
  });

  it('can give it up at once, with the error as it was', async () => {
    const { error } = await outcome(async (): Promise<ErrorVerdict> => 'dead letter');
    expect(error).to.be.instanceOf(PermanentError);
    expect(error).to.include({ name: 'Error', message: 'no tea', stack: TEA.stack, cause: TEA });
    const permanent = new PermanentError('never');
    expect((await outcome(() => 'dead letter', permanent)).error).to.equal(permanent);
    expect((await outcome(() => 'dead letter', 'a text')).error).to.be.instanceOf(PermanentError);
  });

  it('can drop it: nothing of the failed run counts, and all of what it does instead', async () => {
    const dropped = await outcome(async (_, ctx): Promise<ErrorVerdict> => {
      if (ctx.kind === 'message') await ctx.reply.text('sorry');
      return 'drop';
    });
    expect(dropped.error).to.equal(undefined);
    expect(dropped.run.contents()).to.deep.equal([{ type: 'text', text: 'sorry' }]);
    expect([...dropped.run.documents]).to.deep.equal([]);
    expect(dropped.run.deferredMs).to.equal(undefined);
    const { run } = await outcome((_, ctx) => {
      if (ctx.kind === 'message') ctx.session.set({ step: 2 });
      return 'drop';
    });
    expect([...run.documents.values()]).to.deep.equal([{ session: { step: 2 } }]);
  });

  it('does not lose the error when deciding fails itself, and says so', async () => {
    const { error, run } = await outcome(() => {
      throw new TypeError('what a customer wrote');
    });
    expect(error).to.equal(TEA);
    expect(run.log.messages('error')).to.deep.equal(['onError has failed itself']);
    expect(run.log.text()).to.contain('TypeError').and.not.to.contain('customer');
  });

  it('is not asked when its time is over', async () => {
    const asked: unknown[] = [];
    const run = new RecordedRun();
    const bot = defineBot((b) => {
      b.on('message', () => {
        run.abort();
        throw TEA;
      });
      b.onError((error) => {
        asked.push(error);
        return 'drop';
      });
    });
    const error = await new BotHandler(bot).handle(text('a'), run).catch((reason: unknown) => reason);
    expect(error).to.equal(TEA);
    expect(asked).to.deep.equal([]);
  });

  for (const [what, define] of [
    ['two onError', (bot) => [bot.onError(() => 'drop'), bot.onError(() => 'drop')]],
    ['an onError that is no function', (bot) => bot.onError('drop' as never)],
    ['middleware that is no function', (bot) => bot.use({} as never)],
  ] as readonly [string, (bot: BotBuilder) => void][]) {
    it(`refuses ${what}`, () => {
      expect(() => defineBot(define))
        .to.throw()
        .with.property('code', 'invalid_bot');
    });
  }
});
