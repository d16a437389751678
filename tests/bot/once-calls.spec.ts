import { expect } from 'chai';
import type { MessageHandlerContext } from '../../src/bot/bot-context.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { InterruptedCall } from '../../src/bot/once-calls.ts';
import { PermanentError } from '../../src/core/errors.ts';
import { RecordedRun, text } from './bot-run.ts';

/** Runs a handler over one message again and again, with what the runs before have recorded. */
class Runs {
  readonly run = new RecordedRun();
  readonly records: [name: string, state: string | null][] = [];
  reads = 0;

  async handle(handler: (ctx: MessageHandlerContext) => unknown): Promise<unknown> {
    const bot = defineBot((b) => b.on('message', handler));
    const calls = () => {
      this.reads += 1;
      return this.run.calls();
    };
    const record: RecordedRun['record'] = (name, call) => {
      this.records.push([name, call?.state ?? null]);
      return this.run.record(name, call);
    };
    return await new BotHandler(bot).handle(text('a'), { ...this.run, calls, record }).catch((error: unknown) => error);
  }
}

describe('A call that is made once', () => {
  it('is made by the first run, and its result given to the next ones', async () => {
    const runs = new Runs();
    const results: unknown[] = [];
    let calls = 0;
    for (let run = 0; run < 3; run += 1) {
      await runs.handle(async (ctx) => {
        results.push(
          await ctx.once('pay', async () => {
            calls += 1;
            return { paid: calls };
          }),
        );
        throw new Error('after the call');
      });
    }
    expect(results).to.deep.equal(Array(3).fill({ paid: 1 }));
    expect(runs.records).to.deep.equal([['pay', 'done']]);
  });

  it('tells calls apart by their key, and reads what is recorded once a run, if at all', async () => {
    const runs = new Runs();
    await runs.handle(() => {});
    expect(runs.reads).to.equal(0);
    const got: unknown[] = [];
    await runs.handle(async (ctx) => {
      got.push(await ctx.once('a', () => 1), await ctx.once('b', () => 2), await ctx.once('a', () => 3));
    });
    expect(got).to.deep.equal([1, 2, 1]);
    expect(runs.reads).to.equal(1);
  });

  it('is one call for all who ask at the same time', async () => {
    const runs = new Runs();
    let calls = 0;
    await runs.handle(async (ctx) => {
      const make = () => (calls += 1);
      expect(await Promise.all([ctx.once('a', make), ctx.once('a', make)])).to.deep.equal([1, 1]);
    });
    expect(calls).to.equal(1);
  });

  it('may give nothing, and gives nothing again', async () => {
    const runs = new Runs();
    let calls = 0;
    for (let run = 0; run < 2; run += 1) {
      const error = await runs.handle(async (ctx) => {
        expect(
          await ctx.once('a', () => {
            calls += 1;
          }),
        ).to.equal(undefined);
      });
      expect(error).to.equal(undefined);
    }
    expect(calls).to.equal(1);
  });

  it('gives its result as JSON makes it, at the first run too', async () => {
    const runs = new Runs();
    const got: unknown[] = [];
    for (let run = 0; run < 2; run += 1)
      await runs.handle(async (ctx) => got.push(await ctx.once('a', () => ({ at: new Date(0) as unknown }))));
    expect(got).to.deep.equal(Array(2).fill({ at: '1970-01-01T00:00:00.000Z' }));
  });

  it('is made again if it fails, in the same run or the next', async () => {
    const runs = new Runs();
    let calls = 0;
    const make = () => {
      calls += 1;
      if (calls < 3) throw new Error(`failure ${calls}`);
      return calls;
    };
    const error = await runs.handle(async (ctx) => {
      await ctx.once('a', make).catch(() => {});
      await ctx.once('a', make);
    });
    expect(error).to.have.property('message', 'failure 2');
    await runs.handle(async (ctx) => expect(await ctx.once('a', make)).to.equal(3));
    expect(runs.records).to.deep.equal([['a', 'done']]);
  });

  it('fails the run if its result cannot be stored, and comes again', async () => {
    const runs = new Runs();
    let calls = 0;
    const broken = { ...runs.run, record: () => Promise.reject(new Error('no store')) };
    const bot = defineBot((b) => b.on('message', (ctx) => ctx.once('a', () => (calls += 1))));
    const error = await new BotHandler(bot).handle(text('a'), broken).catch((reason: unknown) => reason);
    expect(error).to.have.property('message', 'no store');
    await runs.handle((ctx) => ctx.once('a', () => (calls += 1)));
    expect(calls).to.equal(2);
  });

  it('ends for good with a result that is too large or no JSON: it must not be made again', async () => {
    for (const result of ['x'.repeat(70_000), 1n, 'x\u0000']) {
      const error = await new Runs().handle((ctx) => ctx.once('a', () => result as string));
      expect(error).to.be.instanceOf(PermanentError);
      expect(error)
        .to.have.property('message')
        .that.matches(/^the result of ctx.once\("a"\)/);
    }
  });

  for (const key of ['', 'x'.repeat(201), 7])
    it(`needs a key: not ${String(key).slice(0, 9) || 'an empty one'}`, async () => {
      expect(await new Runs().handle((ctx) => ctx.once(key as string, () => 1))).to.have.property(
        'code',
        'invalid_bot',
      );
    });

  it('is one of at most 100 for an event', async () => {
    const error = await new Runs().handle(async (ctx) => {
      for (let call = 0; call < 101; call += 1) await ctx.once(`${call}`, () => 1);
    });
    expect(error).to.be.instanceOf(PermanentError);
  });

  describe('and fails if it was interrupted', () => {
    const FAIL = { ifInterrupted: 'fail' } as const;

    it('is marked before it is made', async () => {
      const runs = new Runs();
      await runs.handle((ctx) =>
        ctx.once('pay', () => expect(runs.records).to.deep.equal([['pay', 'begun']]) && 1, FAIL),
      );
      expect(runs.records).to.deep.equal([
        ['pay', 'begun'],
        ['pay', 'done'],
      ]);
      expect(await runs.handle(async (ctx) => expect(await ctx.once('pay', () => 2, FAIL)).to.equal(1))).to.equal(
        undefined,
      );
    });

    it('is not made where a run before was cut off in it, and the handler is told', async () => {
      const runs = new Runs();
      runs.run.recorded.set('pay', { state: 'begun' });
      let calls = 0;
      const error = await runs.handle((ctx) => ctx.once('pay', () => (calls += 1), FAIL));
      expect(error).to.be.instanceOf(InterruptedCall).and.instanceOf(PermanentError);
      expect(calls).to.equal(0);
      await runs.handle((ctx) => ctx.once('pay', () => (calls += 1)));
      expect(calls, 'unless it may be made again').to.equal(1);
    });

    it('may be made again after a failure of its own', async () => {
      const runs = new Runs();
      await runs.handle((ctx) => ctx.once('pay', () => Promise.reject(new Error('refused')), FAIL));
      expect(runs.records.at(-1)).to.deep.equal(['pay', null]);
      expect(await runs.handle((ctx) => ctx.once('pay', () => 1, FAIL))).to.equal(undefined);
    });

    it('keeps its mark if it failed because the run was aborted', async () => {
      const runs = new Runs();
      await runs.handle((ctx) =>
        ctx.once(
          'pay',
          () => {
            runs.run.abort();
            throw new Error('aborted');
          },
          FAIL,
        ),
      );
      expect(runs.records).to.deep.equal([['pay', 'begun']]);
    });
  });
});
