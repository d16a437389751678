import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { HandleEvent } from '../../src/core/handle-event.ts';
import type { InboundMessage } from '../../src/core/model.ts';
import type { Consumption, MessageQueue } from '../../src/core/ports/queue.ts';
import { emptyStores } from '../core/builders.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';

export interface OpenBurstQueue {
  readonly queue: MessageQueue;
  /** The same queue as another process has it. */
  readonly elsewhere: MessageQueue;
  close(): Promise<void>;
}

function message(text: string, waId: string): InboundMessage {
  return {
    ...{ kind: 'message', type: 'text', text, id: `wamid.${text}`, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ customer: { waId }, sentAtMs: 1_700_000_000_000 },
  };
}

/** Bursts on a real queue: what waits does so in the queue, so that any process may go on with it. */
export function burstContract(openQueue: () => Promise<OpenBurstQueue>): void {
  let open: OpenBurstQueue;
  let consumptions: Consumption[];

  beforeEach(async () => {
    open = await openQueue();
    consumptions = [];
  });

  afterEach(async () => {
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    await open.close();
  });

  /** All at once, if there are several. */
  const writes = (texts: string | readonly string[], waId = '15551234567') =>
    open.queue.publish(
      'messages',
      [texts].flat().map((text) => {
        const key = { id: `m|${waId}|${text}`, day: 1 };
        return { key, lane: `1065|${waId}`, payload: message(text, waId) };
      }),
    );

  /** The texts of each run, and how often the queue has handed something over, of a bot that fails at first if told so. */
  async function handling(options: { quietMs: number; maxMs: number; maxMessages: number }, fails = false) {
    const runs: string[][] = [];
    const seen = { runs, handOvers: 0 };
    let isFailing = fails;
    const bot = defineBot({ turn: 'burst', ...options }, (b) =>
      b.on('message', (ctx) => {
        runs.push(ctx.messages.map((one) => (one.type === 'text' ? one.text : '')));
        if (isFailing) {
          isFailing = false;
          throw new Error('boom');
        }
      }),
    );
    const stores = emptyStores();
    const limits = { attempts: 5, timeoutMs: 10_000 };
    for (const queue of [open.queue, open.elsewhere]) {
      const handle = new HandleEvent(new BotHandler(bot), silentLog, new RecordingMetrics(), Date, limits, stores);
      const handler = { concurrency: 4, burst: handle.messagesAtOnce };
      const consumption = await queue.consume(
        'messages',
        (jobs, context) => {
          seen.handOvers += 1;
          return handle.run(jobs, context);
        },
        handler,
      );
      consumptions.push(consumption);
    }
    return seen;
  }

  const settled = async () => eventually(async () => (await open.queue.depth('messages')).waiting === 0, 25_000);

  it('hands what is written in quick succession to one run, in order, however often it looked before', async () => {
    const seen = await handling({ quietMs: 4_000, maxMs: 60_000, maxMessages: 20 });
    await writes('I');
    await eventually(() => seen.handOvers === 1);
    await writes(['want', 'tea']);
    await settled();
    expect(seen.runs).to.deep.equal([['I', 'want', 'tea']]);
    expect(seen.handOvers).to.be.at.least(2);
  });

  it('takes no more than it may at once, and does not wait for more then', async () => {
    await writes(['1', '2', '3', '4', '5']);
    const { runs } = await handling({ quietMs: 1_000, maxMs: 60_000, maxMessages: 2 });
    await settled();
    expect(runs).to.deep.equal([['1', '2'], ['3', '4'], ['5']]);
  });

  it('loses none and keeps the order, whatever comes when', async () => {
    const { runs } = await handling({ quietMs: 60, maxMs: 200, maxMessages: 4 });
    const texts = Array.from({ length: 24 }, (_, index) => `${index}`);
    const ana: string[] = [];
    while (ana.length < texts.length) {
      const next = texts.slice(ana.length, ana.length + 3);
      const ofBea = next.map((text) => `b${text}`);
      await Promise.all([writes(next, 'ana'), writes(ofBea, 'bea')]);
      ana.push(...next);
      await sleep(ana.length % 2 === 0 ? 120 : 5);
    }
    await settled();
    const of = (which: (text: string) => boolean) => runs.filter(([first]) => which(first ?? '')).flat();
    expect(of((text) => !text.startsWith('b'))).to.deep.equal(ana);
    expect(of((text) => text.startsWith('b'))).to.deep.equal(ana.map((text) => `b${text}`));
    expect(runs.length, 'some came together').to.be.below(48);
  });

  it('tries all of them again, and what came since, after a failure', async () => {
    await writes(['1', '2']);
    const { runs } = await handling({ quietMs: 50, maxMs: 1_000, maxMessages: 10 }, true);
    await eventually(() => runs.length === 1);
    await writes('3');
    await settled();
    expect(runs).to.deep.equal([
      ['1', '2'],
      ['1', '2', '3'],
    ]);
  });
}
