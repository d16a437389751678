import { expect } from 'chai';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import { defineBot } from '../../src/bot/define-bot.ts';
import { SendIds } from '../../src/bot/send-ids.ts';
import { DeliveryError, type SentReply } from '../../src/bot/sent-reply.ts';
import type { SentMessage } from '../../src/core/model.ts';
import { RecordedRun, text } from './bot-run.ts';

const KNOWN = ['2d1ee602-8a01-813d-9814-53f900000000', '2d1ee602-8a01-813d-9814-53f900000001'];

type State = Partial<SentMessage> | undefined;

/** Waits for the delivery of a reply that is found in these states, one after the other; the last one stays. */
async function deliveredAs(
  states: readonly State[],
  options?: Parameters<SentReply['delivered']>[0],
  run = new RecordedRun(),
) {
  const log: string[] = [];
  const left = [...states];
  let outcome: unknown;
  const bot = defineBot((b) =>
    b.on('message', async (ctx) => {
      const sent = await ctx.reply.text('hello');
      outcome = await sent.delivered(options).catch((error: unknown) => error);
    }),
  );
  const flush = async () => void log.push('flush');
  const find = async (sendId: string): Promise<SentMessage | undefined> => {
    log.push('find');
    const state = left.length > 1 ? left.shift() : left[0];
    return state && { sendId, state: 'sent', ...state };
  };
  await new BotHandler(bot).handle(text('a'), { ...run, flush, find });
  return { outcome, log, run };
}

describe('A reply that is queued', () => {
  it('can be waited for: it is stored at once, and looked for until it has arrived', async () => {
    const states = [
      undefined,
      { state: 'waiting' as const },
      {},
      { delivery: 'sent' as const },
      { delivery: 'delivered' as const },
    ];
    const { outcome, log } = await deliveredAs(states);
    expect(outcome).to.equal('delivered');
    expect(log).to.deep.equal(['flush', ...Array(5).fill('find')]);
  });

  it('has come as far as is known, if that is further', async () => {
    for (const delivery of ['read', 'played'] as const)
      expect((await deliveredAs([{ delivery }])).outcome).to.equal(delivery);
  });

  it('can be waited for until it is read', async () => {
    const { outcome, log } = await deliveredAs([{ delivery: 'delivered' }, { delivery: 'read' }], { until: 'read' });
    expect(outcome).to.equal('read');
    expect(log).to.deep.equal(['flush', 'find', 'find']);
  });

  it('fails with Meta’s reason', async () => {
    const error = { code: 131_026, title: 'Message undeliverable' };
    const { outcome, run } = await deliveredAs([{ delivery: 'failed', error }]);
    expect(outcome).to.be.instanceOf(DeliveryError);
    expect(outcome).to.deep.include({ reason: 'failed', error, sendId: run.sent[0]?.sendId });
    expect((outcome as Error).message).to.equal('Meta could not deliver it (error 131026)');
  });

  it('fails if it was given up, or if nothing is known in time', async () => {
    expect((await deliveredAs([{ state: 'dead' }])).outcome).to.include({ reason: 'not_sent' });
    const { outcome, log } = await deliveredAs([{}], { timeoutMs: 70 });
    expect(outcome).to.include({ reason: 'timeout' });
    expect(log.length).to.be.within(3, 4);
  });

  it('is not waited for after the run is aborted', async () => {
    const run = new RecordedRun();
    const waiting = deliveredAs([{}], {}, run);
    await new Promise(setImmediate);
    run.abort();
    expect((await waiting).outcome).to.have.property('name', 'AbortError');
  });

  it('cannot be waited for once the handler is done', async () => {
    const kept: SentReply[] = [];
    const bot = defineBot((b) => b.on('message', async (ctx) => kept.push(await ctx.reply.text('hello'))));
    await new BotHandler(bot).handle(text('a'), new RecordedRun());
    const error = await kept[0]?.delivered().catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'fenced');
  });
});

describe('The id of a send', () => {
  const ids = (eventKey: string, count: number) => {
    const made = new SendIds(eventKey);
    return Array.from({ length: count }, () => made.next());
  };

  it('is the same in every run over an event, one after the other', () => {
    expect(ids('m|1065|wamid.1', 3)).to.deep.equal(ids('m|1065|wamid.1', 3));
  });

  it('is another one for each reply and each event', () => {
    const all = Array.from({ length: 200 }, (_, index) => ids(`m|1065|wamid.${index}`, 5)).flat();
    expect(new Set(all).size).to.equal(1_000);
  });

  it('is a UUID of version 8 that shows nothing of the event', () => {
    expect(ids('m|1065|wamid.1', 2)).to.deep.equal(KNOWN);
    for (const id of KNOWN)
      expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
