import { expect } from 'chai';
import type { MessageWindow, ServiceWindow } from '../../src/bot/bot-context.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { HandleEvent } from '../../src/core/handle-event.ts';
import type { InboundMessage } from '../../src/core/model.ts';
import type { HandlerRun } from '../../src/core/ports/bot.ts';
import { WINDOW_MS } from '../../src/core/service-window.ts';
import { emptyStores, jobOf, recordingContext } from '../core/builders.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';
import { RecordedRun, text } from './bot-run.ts';

const NOW_MS = new RecordedRun().now();

/** What the bot sees of the window, and of what the store knows of it. */
async function seen(
  event: InboundMessage,
  run: HandlerRun,
): Promise<{ readonly own: MessageWindow; readonly latest: ServiceWindow }> {
  let window: MessageWindow | undefined;
  let latest: ServiceWindow | undefined;
  const bot = defineBot((on) =>
    on.on('message', async (ctx) => {
      window = ctx.window;
      latest = await ctx.window.latest();
    }),
  );
  await new BotHandler(bot).handle(event, run);
  if (window === undefined || latest === undefined) throw new Error('the bot was not asked');
  return { own: window, latest };
}

describe('The window of a message', () => {
  const late = { ...text('hi'), sentAtMs: NOW_MS - WINDOW_MS };
  const inAnHour = NOW_MS + 3_600_000;

  it('is closed from 24 hours on, and open until then', async () => {
    expect((await seen(late, new RecordedRun())).own).to.include({ open: false });
    expect((await seen({ ...late, sentAtMs: late.sentAtMs + 1 }, new RecordedRun())).own).to.include({ open: true });
  });

  it('is that of the last message, where several are handled together', async () => {
    const run = Object.assign(new RecordedRun(), { burst: [late, { ...late, sentAtMs: NOW_MS }] });
    expect((await seen(late, run)).own.closesAt).to.deep.equal(new Date(NOW_MS + WINDOW_MS));
  });

  for (const [what, closesAtMs, closesAt] of [
    ['later than the message knows, if the customer has written or called since', inAnHour, inAnHour],
    ['as the message knows, if the store knows of nothing later', NOW_MS - WINDOW_MS, NOW_MS],
    ['as the message knows, if the store knows nothing', undefined, NOW_MS],
  ] as const)
    it(`closes ${what}`, async () => {
      const { latest } = await seen(late, Object.assign(new RecordedRun(), { closesAtMs }));
      expect(latest).to.deep.equal({ open: closesAt > NOW_MS, closesAt: new Date(closesAt) });
    });

  it('is not that of the customer alone, in a group', async () => {
    const { latest } = await seen(
      { ...late, groupId: 'group-1' },
      Object.assign(new RecordedRun(), { closesAtMs: inAnHour }),
    );
    expect(latest).to.include({ open: false });
  });

  it('costs a look into the store only where the bot asks for the latest', async () => {
    const asked: unknown[] = [];
    const closesAtMs = async (...question: unknown[]) => {
      asked.push(question);
      return inAnHour;
    };
    const answers: unknown[] = [];
    const bot = defineBot((on) => {
      on.onText('cheap', (ctx) => void answers.push(ctx.window.open));
      on.onText('latest', async (ctx) => void answers.push((await ctx.window.latest()).open));
    });
    const clock = { now: () => NOW_MS };
    const options = { attempts: 1, timeoutMs: 1_000 };
    const stores = { ...emptyStores(), windows: { closesAtMs } };
    const useCase = new HandleEvent(new BotHandler(bot), silentLog, new RecordingMetrics(), clock, options, stores);
    for (const words of ['cheap', 'latest'])
      await useCase.run([jobOf({ ...late, ...text(words), sentAtMs: late.sentAtMs })], recordingContext());
    expect(answers).to.deep.equal([false, true]);
    expect(asked).to.deep.equal([['106540352242922', { waId: '16505551234', name: 'Ana' }]]);
  });
});
