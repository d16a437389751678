import { expect } from 'chai';
import type { InboundMessage } from '../../src/core/model.ts';
import type {
  Consumption,
  DeadLetterFilter,
  DeadLetters,
  Job,
  MessageQueue,
  Settlement,
} from '../../src/core/ports/queue.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenDeadLetters {
  readonly letters: DeadLetters;
  /** The same as another process has it. */
  readonly elsewhere: DeadLetters;
  /** The queue in which they died. */
  readonly queue: MessageQueue;
  close(): Promise<void>;
}

const DONE: Settlement = { outcome: 'done' };

function dead(code = 'handler_failed'): Settlement {
  return { outcome: 'dead', error: { code, message: `Error: ${code} (bot/shop.ts:31:22)` } };
}

function message(text: string): InboundMessage {
  return {
    ...{ kind: 'message', type: 'text', text, id: `wamid.${text}`, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ customer: { waId: '15551234567' }, sentAtMs: 1_700_000_000_000 },
  };
}

function textOf({ payload }: Job<InboundMessage>): string {
  return payload.type === 'text' ? payload.text : '';
}

export function deadLettersContract(
  openDeadLetters: (options?: { readonly onDeadLetter: 'hold' }) => Promise<OpenDeadLetters>,
): void {
  let open: OpenDeadLetters;
  let letters: DeadLetters;
  let consumptions: Consumption[];

  beforeEach(async () => {
    open = await openDeadLetters();
    letters = open.letters;
    consumptions = [];
  });

  afterEach(async () => {
    await stop();
    await open.close();
  });

  const stop = async () => {
    await Promise.all(consumptions.splice(0).map((consumption) => consumption.stop()));
  };

  const publish = (lane: string, ...texts: readonly string[]) =>
    open.queue.publish(
      'messages',
      texts.map((text) => ({ key: { id: `m|${text}`, day: 19_675 }, lane, payload: message(text) })),
    );

  /** Handles what waits as `settle` says; resolves to the jobs that were handed over, growing. */
  const consume = async (settle: (text: string) => Settlement): Promise<Job<InboundMessage>[]> => {
    const got: Job<InboundMessage>[] = [];
    const handler = async (jobs: readonly Job<InboundMessage>[]) => {
      got.push(...jobs);
      return jobs.map((job) => settle(textOf(job)));
    };
    consumptions.push(await open.queue.consume('messages', handler, { concurrency: 2, burst: 1 }));
    return got;
  };

  const settled = () => eventually(async () => (await open.queue.depth('messages')).waiting === 0, 15_000);

  /** Publishes into a lane and lets all of it die. */
  const kill = async (lane: string, ...texts: readonly string[]) => {
    await publish(lane, ...texts);
    await consume((text) => dead(text.startsWith('slow') ? 'handler_timeout' : 'handler_failed'));
    await settled();
    await stop();
  };

  const ids = async (filter: DeadLetterFilter = {}) =>
    (await letters.list(filter, 100)).map(({ id }) => id).toReversed();

  it('lists nothing, and redrives and discards nothing, where nothing died', async () => {
    await publish('ana', '1');
    expect(await letters.list({}, 10)).to.deep.equal([]);
    expect(await letters.redrive({})).to.deep.equal({ letters: 0, conversations: 0 });
    expect(await letters.discard({}, { dryRun: true })).to.deep.equal({ letters: 0, conversations: 0 });
    expect(await open.queue.depth('messages')).to.include({ waiting: 1, dead: 0 });
  });

  it('describes each by what may be shown, without content, number or id of anybody', async () => {
    const beforeMs = Date.now() - 1_000;
    await publish('1065|15551234567', 'secret');
    let runs = 0;
    const error = { code: 'handler_failed', message: 'no luck' };
    await consume(() => {
      runs += 1;
      return runs === 1 ? { outcome: 'retry', inMs: 0, counted: true, error } : dead();
    });
    await settled();
    const [letter, ...rest] = await letters.list({}, 10);
    expect(rest).to.deep.equal([]);
    expect(letter).to.deep.include({ queue: 'messages', reason: 'handler_failed', attempts: 2, claims: 2 });
    expect(letter?.error).to.deep.equal({
      code: 'handler_failed',
      message: 'Error: handler_failed (bot/shop.ts:31:22)',
    });
    expect(letter?.id).to.match(/^messages-\d+$/);
    expect(letter?.conversation).to.match(/^[0-9a-f]{12}$/);
    expect(letter?.acceptedAtMs).to.be.within(beforeMs, letter?.diedAtMs ?? 0);
    expect(letter?.diedAtMs).to.be.within(beforeMs, Date.now() + 1_000);
    expect(JSON.stringify(letter)).not.to.match(/15551234567|wamid|secret/);
  });

  it('lists those that died last first, and no more than asked for', async () => {
    await kill('ana', '1', '2');
    await kill('kim', '3');
    const all = await letters.list({}, 10);
    expect(all.map(({ id }) => Number(id.split('-')[1]))).to.deep.equal([3, 2, 1]);
    expect(await letters.list({}, 2)).to.deep.equal(all.slice(0, 2));
  });

  it('finds them by id, queue, reason and conversation, and by all that is given together', async () => {
    await kill('ana', '1', 'slow 2');
    await kill('kim', '3');
    const [one, two, three] = (await ids()) as [string, string, string];
    const ana = (await letters.list({ ids: [one] }, 10))[0]?.conversation ?? '';
    expect(await ids({ ids: [one, three, 'messages-999', 'outbound-1', 'rubbish'] })).to.deep.equal([one, three]);
    expect(await ids({ ids: [] })).to.deep.equal([]);
    expect(await ids({ queue: 'messages' })).to.deep.equal([one, two, three]);
    expect(await ids({ queue: 'outbound' })).to.deep.equal([]);
    expect(await ids({ reason: 'handler_timeout' })).to.deep.equal([two]);
    expect(await ids({ conversation: ana })).to.deep.equal([one, two]);
    expect(await ids({ conversation: ana, reason: 'handler_failed' })).to.deep.equal([one]);
    expect(await letters.redrive({ conversation: ana, reason: 'handler_failed' })).to.include({ letters: 1 });
    expect(await ids()).to.deep.equal([two, three]);
  });

  it('redrives in the old order, before what was published later and waits still', async () => {
    await kill('ana', '1', '2', '3');
    await publish('ana', '4');
    expect(await letters.redrive({})).to.deep.equal({ letters: 3, conversations: 1 });
    const got = await consume(() => DONE);
    await settled();
    expect(got.map(textOf)).to.deep.equal(['1', '2', '3', '4']);
    expect(await open.queue.depth('messages')).to.include({ dead: 0 });
  });

  it('wakes a worker at once', async () => {
    await kill('ana', '1');
    const got = await consume(() => DONE);
    await letters.redrive({});
    await eventually(() => got.length === 1, 1_000);
  });

  it('lets a redriven one begin anew: no attempts, no claims, no error', async () => {
    await kill('ana', '1');
    await letters.redrive({});
    const got = await consume(() => dead('again'));
    await settled();
    expect(got[0]).to.include({ attempt: 1, claims: 1, interrupted: false }).and.not.have.property('lastError');
    expect((await letters.list({}, 1))[0]).to.include({ reason: 'again', attempts: 1, claims: 1 });
  });

  it('keeps the pace that it is told, in order, also for what waits behind', async () => {
    await kill('ana', '1', '2');
    await kill('kim', '3');
    await publish('ana', '4');
    const startedAtMs = performance.now();
    expect(await letters.redrive({}, { perSecond: 2 })).to.deep.equal({ letters: 3, conversations: 2 });
    const at = new Map<string, number>();
    const got = await consume((text) => {
      at.set(text, performance.now() - startedAtMs);
      return DONE;
    });
    await settled();
    expect(got.map(textOf).filter((text) => text !== '3')).to.deep.equal(['1', '2', '4']);
    // Late by the adapter's own pace and a busy machine, never early by more than the rounding of its clock.
    expect(at.get('1')).to.be.below(450);
    expect(at.get('2')).to.be.within(490, 3_500);
    expect(at.get('3')).to.be.within(990, 4_000);
  });

  it('keeps the pace also before what waits for another attempt much later', async () => {
    await kill('ana', '1', '2');
    await publish('ana', '3');
    const error = { code: 'handler_failed', message: 'no luck' };
    const tried = await consume(() => ({ outcome: 'retry', inMs: 60_000, counted: true, error }));
    await eventually(() => tried.length === 1);
    await stop();
    const got = await consume(() => DONE);
    await letters.redrive({}, { perSecond: 2 });
    await eventually(() => got.length === 2, 5_000);
    expect(got.map(textOf)).to.deep.equal(['1', '2']);
  });

  it('raises each once when several redrive at the same time', async () => {
    await kill('ana', '1', '2', '3');
    await kill('kim', '4', '5');
    const counts = await Promise.all(
      [letters, open.elsewhere, letters, open.elsewhere].map((one) => one.redrive({}, { perSecond: 1_000 })),
    );
    expect(counts.reduce((sum, count) => sum + count.letters, 0)).to.equal(5);
    const got = await consume(() => DONE);
    await settled();
    expect(got).to.have.length(5);
    expect(got.filter(({ lane }) => lane === 'ana').map(textOf)).to.deep.equal(['1', '2', '3']);
    expect(await letters.redrive({})).to.deep.equal({ letters: 0, conversations: 0 });
  });

  it('never handles a discarded one, nor lists it', async () => {
    await kill('ana', '1', '2');
    const [one] = (await ids()) as [string];
    expect(await letters.discard({ ids: [one] })).to.deep.equal({ letters: 1, conversations: 1 });
    expect(await letters.discard({ ids: [one] })).to.deep.equal({ letters: 0, conversations: 0 });
    expect(await open.queue.depth('messages')).to.include({ waiting: 0, dead: 1 });
    expect(await letters.redrive({})).to.deep.equal({ letters: 1, conversations: 1 });
    const got = await consume(() => DONE);
    await settled();
    expect(got.map(textOf)).to.deep.equal(['2']);
  });

  it('only says what it would do when told so', async () => {
    await kill('ana', '1', '2');
    await kill('kim', '3');
    const before = await letters.list({}, 10);
    expect(await letters.redrive({}, { dryRun: true })).to.deep.equal({ letters: 3, conversations: 2 });
    expect(await letters.discard({ reason: 'handler_failed' }, { dryRun: true })).to.include({ letters: 3 });
    expect(await letters.list({}, 10)).to.deep.equal(before);
    expect(await open.queue.depth('messages')).to.include({ waiting: 0, dead: 3 });
  });

  it('takes sends that were given up, too, under the same conversation', async () => {
    await kill('1065|15551234567', '1');
    const send = {
      sendId: 'send-1',
      phoneNumberId: '1065',
      to: { waId: '15551234567' },
      content: { type: 'text' as const, text: 'Hello' },
    };
    await open.queue.publish('outbound', [{ key: { id: 'send-1', day: 0 }, lane: '1065|15551234567', payload: send }]);
    let runs = 0;
    consumptions.push(
      await open.queue.consume(
        'outbound',
        async () => {
          runs += 1;
          return [runs === 1 ? dead('graph_131047') : DONE];
        },
        { concurrency: 1, burst: 1 },
      ),
    );
    await eventually(async () => (await open.queue.depth('outbound')).dead === 1);
    const [sent, received] = await letters.list({}, 10);
    expect(sent).to.include({ queue: 'outbound', reason: 'graph_131047', conversation: received?.conversation });
    expect(await letters.redrive({ queue: 'outbound' })).to.deep.equal({ letters: 1, conversations: 1 });
    await eventually(() => runs === 2);
    await eventually(async () => (await letters.list({}, 10)).length === 1);
  });

  describe('told to hold a conversation', () => {
    beforeEach(async () => {
      await open.close();
      open = await openDeadLetters({ onDeadLetter: 'hold' });
      letters = open.letters;
    });

    /** Ana's first message dies; hers that follow wait. */
    const holdAna = async () => {
      await publish('ana', 'ana 1', 'ana 2');
      let deaths = 0;
      const got = await consume((text) => {
        if (text !== 'ana 1' || deaths > 0) return DONE;
        deaths += 1;
        return dead();
      });
      await eventually(async () => (await open.queue.depth('messages')).dead === 1);
      await publish('kim', 'kim 1');
      await publish('ana', 'ana 3');
      await eventually(() => got.some((job) => textOf(job) === 'kim 1'));
      await publish('kim', 'kim 2');
      await eventually(() => got.some((job) => textOf(job) === 'kim 2'));
      return got;
    };

    const ofAna = (got: readonly Job<InboundMessage>[]) => got.map(textOf).filter((text) => text.startsWith('ana'));

    it('runs nothing behind its dead letter, lets the others go on, and counts what waits', async () => {
      const got = await holdAna();
      expect(got.map(textOf)).to.deep.equal(['ana 1', 'kim 1', 'kim 2']);
      await eventually(async () => (await open.queue.depth('messages')).oldestMs === 0);
      expect(await open.queue.depth('messages')).to.deep.equal({ waiting: 2, dead: 1, held: 1, oldestMs: 0 });
    });

    it('goes on in the old order when the letter is redriven', async () => {
      const got = await holdAna();
      await letters.redrive({});
      await settled();
      expect(ofAna(got)).to.deep.equal(['ana 1', 'ana 1', 'ana 2', 'ana 3']);
      expect(await open.queue.depth('messages')).to.deep.equal({ waiting: 0, dead: 0, held: 0, oldestMs: 0 });
    });

    it('goes on without the letter when it is discarded', async () => {
      const got = await holdAna();
      await letters.discard({});
      await eventually(() => got.length === 5, 1_500);
      expect(ofAna(got)).to.deep.equal(['ana 1', 'ana 2', 'ana 3']);
    });

    it('hands over one at a time, so that nothing ran already that must wait', async () => {
      await publish('ana', '1', '2', '3');
      const bursts: string[][] = [];
      const handler = async (jobs: readonly Job<InboundMessage>[]) => {
        bursts.push(jobs.map(textOf));
        return jobs.map((job) => (textOf(job) === '2' ? dead() : DONE));
      };
      consumptions.push(await open.queue.consume('messages', handler, { concurrency: 1, burst: 10 }));
      await eventually(async () => (await open.queue.depth('messages')).held === 1);
      expect(bursts).to.deep.equal([['1'], ['2']]);
    });

    it('never holds replies', async () => {
      const to = { waId: '15551234567' };
      const send = (sendId: string) => ({
        key: { id: sendId, day: 0 },
        lane: '1065|15551234567',
        payload: { sendId, phoneNumberId: '1065', to, content: { type: 'text' as const, text: 'Hello' } },
      });
      await open.queue.publish('outbound', [send('send-1'), send('send-2')]);
      const seen: string[] = [];
      const handler = async (jobs: readonly Job<{ sendId: string }>[]) => {
        seen.push(...jobs.map(({ payload }) => payload.sendId));
        return jobs.map(({ payload }) => (payload.sendId === 'send-1' ? dead('graph_131047') : DONE));
      };
      consumptions.push(await open.queue.consume('outbound', handler, { concurrency: 1, burst: 1 }));
      await eventually(() => seen.length === 2);
      await eventually(async () => (await open.queue.depth('outbound')).waiting === 0);
      expect(await open.queue.depth('outbound')).to.deep.equal({ waiting: 0, dead: 1, held: 0, oldestMs: 0 });
    });
  });

  it('redrives 2,500 at once, each lane in order', async () => {
    const lanes = Array.from({ length: 50 }, (_, index) => `lane ${index}`);
    const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
    await open.queue.publish(
      'messages',
      texts.flatMap((text) =>
        lanes.map((lane) => ({ key: { id: `m|${lane}|${text}`, day: 19_675 }, lane, payload: message(text) })),
      ),
    );
    const killing = await open.queue.consume('messages', async (jobs) => jobs.map(() => dead()), {
      concurrency: 8,
      burst: 50,
    });
    consumptions.push(killing);
    await eventually(async () => (await open.queue.depth('messages')).waiting === 0, 60_000);
    await stop();
    expect(await letters.redrive({}, { perSecond: 100_000 })).to.deep.equal({ letters: 2_500, conversations: 50 });
    const seen = new Map<string, string[]>();
    const handler = async (jobs: readonly Job<InboundMessage>[]) => {
      for (const job of jobs) seen.set(job.lane, [...(seen.get(job.lane) ?? []), textOf(job)]);
      return jobs.map(() => DONE);
    };
    consumptions.push(await open.queue.consume('messages', handler, { concurrency: 8, burst: 50 }));
    await eventually(async () => (await open.queue.depth('messages')).waiting === 0, 60_000);
    for (const lane of lanes) expect(seen.get(lane), lane).to.deep.equal(texts);
  }).timeout(120_000);
}
