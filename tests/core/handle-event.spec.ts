import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { PermanentError, WahookError } from '../../src/core/errors.ts';
import { HandleEvent, type HandleEventOptions } from '../../src/core/handle-event.ts';
import type { InboundMessage } from '../../src/core/model.ts';
import type { EventHandler, HandlerRun } from '../../src/core/ports/bot.ts';
import { RecordingLog, RecordingMetrics } from '../support/recording.ts';
import { emptyStores, jobOf, outboundText, recordingContext, statusUpdate, textMessage } from './builders.ts';

describe('Handling an event', () => {
  const open = (handle: EventHandler['handle'], options: HandleEventOptions = { attempts: 5, timeoutMs: 1_000 }) => {
    const metrics = new RecordingMetrics();
    const log = new RecordingLog();
    const clock = { now: () => 1_790_000_002_000 };
    const stores = emptyStores();
    return { useCase: new HandleEvent({ handle }, log, metrics, clock, options, stores), metrics, log };
  };
  const boom = () => Promise.reject(new Error('boom'));

  it('passes on what the bot sent, in order, and is done', async () => {
    const { useCase, metrics } = open(async (_, run) => {
      run.send(outboundText('one'));
      run.send(outboundText('two'));
    });
    const context = recordingContext();
    expect(await useCase.run([jobOf(textMessage('hi'))], context)).to.deep.equal([{ outcome: 'done' }]);
    expect(context.sent.map((message) => message.content)).to.deep.equal([
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ]);
    expect(metrics.total('handler_attempts_total', { outcome: 'ok' })).to.equal(1);
    expect(context.sent.map((message) => message.causedAtMs)).to.deep.equal([1_790_000_000_000, 1_790_000_000_000]);
  });

  it('tells of the service window that a customer opens, and what goes to that customer since when it is open', async () => {
    const openings: unknown[] = [];
    const options = { attempts: 5, timeoutMs: 1_000, windowOpened: (opening: unknown) => openings.push(opening) };
    const { useCase } = open(async (_, run) => {
      run.send(outboundText('to the customer'));
      run.send({ ...outboundText('to another'), to: { waId: '15550100002' } });
      run.send({ ...outboundText('from another number'), phoneNumberId: '2' });
    }, options);
    const context = recordingContext();
    const { phoneNumberId, customer, ...message } = textMessage('hi');
    const call = { customer, openedAtMs: 1_790_000_000_000 };
    const account = { kind: 'account', field: 'calls', businessAccountId: '1', phoneNumberId, value: null } as const;
    await useCase.run([jobOf({ ...message, phoneNumberId, customer } as InboundMessage)], context);
    await useCase.run([jobOf({ ...account, call })], recordingContext());
    await useCase.run([jobOf(account), jobOf(statusUpdate('read'))], recordingContext());
    await useCase.run([jobOf({ ...message, phoneNumberId, customer, groupId: 'G1' } as InboundMessage)], context);
    const opening = { phoneNumberId, customer, openedAtMs: 1_790_000_000_000 };
    expect(openings).to.deep.equal([opening, opening]);
    const since = [1_790_000_000_000, undefined, undefined, undefined, undefined, undefined];
    expect(context.sent.map(({ openedAtMs }) => openedAtMs)).to.deep.equal(since);
  });

  it('tells the bot which attempt it is', async () => {
    const runs: HandlerRun[] = [];
    const { useCase } = open(async (_, run) => void runs.push(run));
    await useCase.run([jobOf(statusUpdate('read'), { attempt: 3 })], recordingContext());
    expect(runs.map((run) => run.attempt)).to.deep.equal([3]);
  });

  it('drops what a failed run wanted to send, and tries again later, longer each time', async () => {
    const { useCase } = open(async (_, run) => {
      run.send(outboundText('never'));
      await boom();
    });
    const context = recordingContext();
    for (const [attempt, least, most] of [
      [1, 1_000, 2_000],
      [2, 2_000, 4_000],
      [4, 8_000, 16_000],
    ] as const) {
      const [settlement] = await useCase.run([jobOf(textMessage('hi'), { attempt })], context);
      if (settlement?.outcome !== 'retry') throw new Error('it did not ask for another try');
      expect(settlement.inMs).to.be.within(least, most);
      expect(settlement.counted).to.equal(true);
      expect(settlement.error.code).to.equal('handler_failed');
    }
    expect(context.sent).to.deep.equal([]);
  });

  it('settles an event whose handler throws what cannot even be looked at', async () => {
    const trap = () => {
      throw new Error('a trap');
    };
    const { useCase } = open(() => Promise.reject(new Proxy(new Error('never seen'), { getPrototypeOf: trap })));
    const [settlement] = await useCase.run([jobOf(textMessage('hi'))], recordingContext());
    expect(settlement).to.deep.include({ outcome: 'retry', counted: true }).and.nested.include({
      'error.code': 'handler_failed',
    });
  });

  it('gives up after the last attempt, with the reason and without the content', async () => {
    const { useCase, log } = open(() => Promise.reject(new Error('cannot handle "refund please"')));
    const [settlement] = await useCase.run([jobOf(textMessage('refund please'), { attempt: 5 })], recordingContext());
    if (settlement?.outcome !== 'dead') throw new Error('it did not give up');
    expect(settlement.error.message).to.contain('cannot handle "…"');
    expect(log.text()).not.to.contain('refund');
  });

  it('ends a handler that takes too long: its signal is aborted and what it sends afterwards is dropped', async () => {
    const late: HandlerRun[] = [];
    const { useCase, metrics } = open(
      (_, run) => {
        late.push(run);
        return new Promise(() => {});
      },
      { attempts: 5, timeoutMs: 5 },
    );
    const context = recordingContext();
    const [settlement] = await useCase.run([jobOf(textMessage('hi'))], context);
    expect(settlement).to.deep.include({ outcome: 'retry', counted: true });
    late[0]?.send(outboundText('too late'));
    expect(late[0]?.signal.aborted).to.equal(true);
    expect(context.sent).to.deep.equal([]);
    expect(metrics.total('handler_attempts_total', { outcome: 'timeout' })).to.equal(1);
  });

  it('makes a dead letter at once of what no repetition can mend', async () => {
    const { useCase, log } = open(() => Promise.reject(new PermanentError('no such product as "refund please"')));
    const [settlement] = await useCase.run([jobOf(textMessage('refund please'))], recordingContext());
    if (settlement?.outcome !== 'dead') throw new Error('it did not give up');
    expect(settlement.error.code).to.equal('permanent_error');
    expect(settlement.error.message).to.contain('PermanentError: no such product as "…"');
    expect(log.text()).not.to.contain('refund');
  });

  it('makes a dead letter at once of what the store refuses for good', async () => {
    const { useCase } = open(() => Promise.reject(new WahookError('unstorable', 'U+0000')));
    const [settlement] = await useCase.run([jobOf(textMessage('hi'))], recordingContext());
    expect(settlement).to.deep.include({ outcome: 'dead' });
  });

  it('has a deferred event come again, uncounted, and drops what the run wanted to send and keep', async () => {
    const { useCase } = open(async (_, run) => {
      run.send(outboundText('never'));
      run.keep('lane', { step: 1 });
      run.defer(60_000);
    });
    const context = recordingContext();
    expect(await useCase.run([jobOf(textMessage('hi'), { attempt: 5 })], context)).to.deep.equal([
      {
        outcome: 'retry',
        inMs: 60_000,
        counted: false,
        error: { code: 'deferred', message: 'The bot wants the event later' },
      },
    ]);
    expect(context.sent).to.deep.equal([]);
    expect(context.kept).to.deep.equal([]);
  });

  it('forgets what a run discards, a deferral included', async () => {
    const { useCase } = open(async (_, run) => {
      run.send(outboundText('never'));
      run.keep('lane', { step: 1 });
      run.defer(60_000);
      run.discard();
      run.send(outboundText('sorry'));
    });
    const context = recordingContext();
    expect(await useCase.run([jobOf(textMessage('hi'))], context)).to.deep.equal([{ outcome: 'done' }]);
    expect(context.sent.map(({ content }) => content)).to.deep.equal([{ type: 'text', text: 'sorry' }]);
    expect(context.kept).to.deep.equal([]);
  });

  it('writes the job and the attempt into every line of the bot', async () => {
    const { useCase, log } = open(async (_, run) => {
      run.log.debug('a');
      run.log.info('b', { more: 1 });
      run.log.warn('c');
      run.log.error('d', { attempt: 'its own' });
    });
    await useCase.run([jobOf(textMessage('hi'), { id: '42', attempt: 2 })], recordingContext());
    expect(log.lines.map(({ level, fields }) => [level, fields])).to.deep.equal([
      ['debug', { job: '42', attempt: 2 }],
      ['info', { job: '42', attempt: 2, more: 1 }],
      ['warn', { job: '42', attempt: 2 }],
      ['error', { job: '42', attempt: 'its own' }],
    ]);
  });

  describe('that keeps state', () => {
    it('keeps it with the settlement, for the next event of the same hand-over to find', async () => {
      const seen: unknown[] = [];
      const { useCase } = open(async (_, run) => {
        const before = (await run.load('lane')) as { count: number } | undefined;
        seen.push(before);
        if (before?.count === 2) run.keep('lane', null);
        else run.keep('lane', { count: (before?.count ?? 0) + 1 });
      });
      const context = recordingContext();
      const jobs = Array.from({ length: 4 }, () => jobOf(textMessage('hi')));
      await useCase.run(jobs, context);
      expect(seen).to.deep.equal([undefined, { count: 1 }, { count: 2 }, undefined]);
      expect(context.kept.map((write) => write.kind === 'conversation' && write.document)).to.deep.equal([
        { count: 1 },
        { count: 2 },
        null,
        { count: 1 },
      ]);
    });

    it('finds in a run what this very run has kept, in copies', async () => {
      const { useCase } = open(async (_, run) => {
        const document = { list: [1] };
        run.keep('lane', document);
        document.list.push(2);
        const loaded = (await run.load('lane')) as { list: number[] };
        expect(loaded).to.deep.equal({ list: [1] });
        loaded.list.push(3);
        expect(await run.load('lane')).to.deep.equal({ list: [1] });
      });
      expect(await useCase.run([jobOf(textMessage('hi'))], recordingContext())).to.deep.equal([{ outcome: 'done' }]);
    });

    it('keeps nothing of a failed run', async () => {
      const { useCase } = open(async (_, run) => {
        run.keep('lane', { step: 1 });
        await boom();
      });
      const context = recordingContext();
      await useCase.run([jobOf(textMessage('hi'))], context);
      expect(context.kept).to.deep.equal([]);
    });

    it('stores at once what a run flushes and records, and does not send it again', async () => {
      const { useCase } = open(async (_, run) => {
        run.send(outboundText('one', 'send-1'));
        await run.flush();
        await run.flush();
        await run.record('pay', { state: 'begun' });
        run.send(outboundText('two', 'send-2'));
      });
      const context = recordingContext();
      await useCase.run([jobOf(textMessage('hi'), { id: '42' })], context);
      expect(context.committed.map(({ sends, writes }) => [sends?.map(({ sendId }) => sendId), writes])).to.deep.equal([
        [['send-1'], undefined],
        [undefined, [{ kind: 'call', job: '42', name: 'pay', call: { state: 'begun' } }]],
      ]);
      expect(context.sent.map(({ sendId }) => sendId)).to.deep.equal(['send-2']);
    });

    it('sends with the settlement what could not be flushed', async () => {
      const { useCase } = open(async (_, run) => {
        run.send(outboundText('one', 'send-1'));
        await run.flush().catch(() => {});
      });
      const context = { ...recordingContext(), commit: () => Promise.reject(new Error('no store')) };
      await useCase.run([jobOf(textMessage('hi'))], context);
      expect(context.sent.map(({ sendId }) => sendId)).to.deep.equal(['send-1']);
    });

    it('stores nothing any more when its time is over', async () => {
      const late: HandlerRun[] = [];
      const { useCase } = open(
        (_, run) => {
          late.push(run);
          return new Promise(() => {});
        },
        { attempts: 5, timeoutMs: 5 },
      );
      const context = recordingContext();
      await useCase.run([jobOf(textMessage('hi'))], context);
      const error = await late[0]?.record('pay', { state: 'done' }).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'fenced');
      expect(context.committed).to.deep.equal([]);
    });
  });

  describe('for a bot that wants bursts', () => {
    const TURN = { quietMs: 500, maxMs: 5_000, maxMessages: 10 };
    const openBurst = (handle: EventHandler['handle'], turn = TURN) => {
      const log = new RecordingLog();
      const clock = { now: () => 1_790_000_002_000 };
      const stores = emptyStores();
      const options = { attempts: 5, timeoutMs: 1_000 };
      return new HandleEvent({ handle, turn }, log, new RecordingMetrics(), clock, options, stores);
    };
    const job = (text: string, agoMs: number, over = {}) =>
      jobOf(textMessage(text), {
        ...{ key: { id: `key of ${text}`, day: 1 }, acceptedAtMs: 1_790_000_002_000 - agoMs },
        ...over,
      });

    it('hands over together what was written together, in order, as one event', async () => {
      const runs: [string, HandlerRun][] = [];
      const useCase = openBurst(async (event, run) => void runs.push([JSON.stringify(event), run]));
      const jobs = [job('I', 1_500), job('want', 1_000), job('tea', 600)];
      expect(useCase.messagesAtOnce).to.equal(10);
      expect(await useCase.run(jobs, recordingContext())).to.deep.equal(Array(3).fill({ outcome: 'done' }));
      expect(runs).to.have.lengthOf(1);
      const [event, run] = runs[0]!;
      expect(JSON.parse(event)).to.deep.equal(jobs[2]?.payload);
      expect(run.burst).to.deep.equal(jobs.map(({ payload }) => payload));
      expect(run.eventKey).to.equal('key of I');
    });

    it('waits, uncounted and without a run, for what comes next', async () => {
      const useCase = openBurst(boom);
      const [settlement, ...rest] = await useCase.run([job('I', 800), job('want', 200)], recordingContext());
      expect(settlement).to.deep.include({ outcome: 'retry', inMs: 300, counted: false });
      expect(rest).to.deep.equal([]);
    });

    it('tries all of them again together after a failure', async () => {
      const useCase = openBurst(boom);
      const settlements = await useCase.run([job('I', 1_500), job('want', 1_000)], recordingContext());
      expect(settlements).to.have.lengthOf(1);
      expect(settlements[0]).to.deep.include({ outcome: 'retry', counted: true });
    });

    it('makes dead letters of all of them after the last', async () => {
      const useCase = openBurst(boom);
      const settlements = await useCase.run([job('I', 9, { attempt: 5 }), job('want', 8)], recordingContext());
      expect(settlements.map(({ outcome }) => outcome)).to.deep.equal(['dead', 'dead']);
    });

    it('has nothing to do for nothing', async () => {
      expect(await openBurst(boom).run([], recordingContext())).to.deep.equal([]);
    });

    it('handles other events one by one, at once', async () => {
      const seen: HandlerRun[] = [];
      const useCase = openBurst(async (_, run) => void seen.push(run));
      const statuses = [jobOf(statusUpdate('sent')), jobOf(statusUpdate('read'))];
      expect(await useCase.run(statuses, recordingContext())).to.deep.equal(Array(2).fill({ outcome: 'done' }));
      expect(seen.map(({ burst }) => burst)).to.deep.equal([undefined, undefined]);
    });
  });

  it('asks for one message at a time if the bot does not say otherwise', () => {
    expect(open(async () => {}).useCase.messagesAtOnce).to.equal(1);
  });

  it('settles nothing when the claim is lost, and blames nobody', async () => {
    const { useCase, metrics } = open(() => new Promise(() => {}));
    const context = recordingContext();
    const running = useCase.run([jobOf(textMessage('hi'))], context);
    context.loseClaim();
    const outcome = await running.catch((error: unknown) => (error as Error).message);
    expect(outcome).to.equal('the claim was lost');
    expect(metrics.total('handler_attempts_total')).to.equal(0);
  });

  it('does not begin when the claim is lost already', async () => {
    const { useCase } = open(() => new Promise(() => {}));
    const context = recordingContext();
    context.loseClaim();
    const outcome = await useCase
      .run([jobOf(textMessage('hi'))], context)
      .catch((error: unknown) => (error as Error).message);
    expect(outcome).to.equal('the claim was lost');
  });

  it('leaves nothing behind on the signal of the claim, which outlives the event', async () => {
    const signals: AbortSignal[] = [];
    const { useCase } = open(async (_, { signal }) => void signals.push(signal));
    await useCase.run([jobOf(textMessage('hi'))], recordingContext());
    expect(signals.flatMap((signal) => getEventListeners(signal, 'abort'))).to.deep.equal([]);
  });

  it('sets an event aside whose process died five times over it, without running it', async () => {
    let runs = 0;
    const { useCase } = open(async () => {
      runs += 1;
    });
    const killer = jobOf(textMessage('hi'), { claims: 6, interrupted: true, interruptions: 5 });
    const [settlement] = await useCase.run([killer], recordingContext());
    if (settlement?.outcome !== 'dead') throw new Error('it was run again');
    expect(settlement.error.code).to.equal('suspected_killer');
    expect(runs).to.equal(0);
    await useCase.run([jobOf(textMessage('hi'), { claims: 50, interruptions: 4 })], recordingContext());
    expect(runs).to.equal(1);
  });

  describe('whose process has died over it twice', () => {
    const suspect = (text: string) => jobOf(textMessage(text), { claims: 3, interrupted: true, interruptions: 2 });
    const harmless = (text: string) => jobOf(textMessage(text));

    /** A bot whose runs end when told, by their text. */
    const openByHand = (options?: { attempts: number; timeoutMs: number }) => {
      const begun: string[] = [];
      const ends = new Map<string, () => void>();
      const { useCase } = open((event) => {
        const text = event.kind === 'message' && event.type === 'text' ? event.text : '';
        begun.push(text);
        return new Promise((resolve) => ends.set(text, resolve));
      }, options);
      const run = (job: ReturnType<typeof suspect>, context = recordingContext()) =>
        useCase.run([job], context).then(
          ([settlement]) => settlement?.outcome,
          (error: unknown) => (error as Error).message,
        );
      return { begun, end: (text: string) => ends.get(text)?.(), run };
    };
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

    it('runs it alone: what runs finishes first, and what comes later waits', async () => {
      const { begun, end, run } = openByHand();
      const contexts = [recordingContext(), recordingContext(), recordingContext(), recordingContext()] as const;
      const runs = [
        run(harmless('one'), contexts[0]),
        run(harmless('two'), contexts[1]),
        run(suspect('killer?'), contexts[2]),
        run(harmless('three'), contexts[3]),
      ];
      await turn();
      expect(begun).to.deep.equal(['one', 'two']);
      end('one');
      await turn();
      expect(begun, 'it did not wait for all').to.deep.equal(['one', 'two']);
      end('two');
      await turn();
      expect(begun).to.deep.equal(['one', 'two', 'killer?']);
      end('killer?');
      await turn();
      expect(begun).to.deep.equal(['one', 'two', 'killer?', 'three']);
      end('three');
      expect(await Promise.all(runs)).to.deep.equal(['done', 'done', 'done', 'done']);
      // Whatever waits is paused: the process may die over somebody else.
      expect(contexts.map(({ pauses }) => pauses.length)).to.deep.equal([0, 0, 1, 1]);
    });

    it('says that it begins even if nothing is in its way, also after one death', async () => {
      const { useCase } = open(async () => {});
      const contexts = [recordingContext(), recordingContext(), recordingContext()] as const;
      for (const [interruptions, context] of contexts.entries())
        await useCase.run([jobOf(textMessage('hi'), { interruptions })], context);
      expect(contexts.map(({ pauses }) => pauses.length)).to.deep.equal([0, 1, 1]);
    });

    it('runs several suspects one after the other, and then the others side by side again', async () => {
      const { begun, end, run } = openByHand();
      void run(suspect('one'));
      void run(suspect('two'));
      void run(harmless('three'));
      void run(harmless('four'));
      await turn();
      expect(begun).to.deep.equal(['one']);
      end('one');
      await turn();
      expect(begun).to.deep.equal(['one', 'two']);
      end('two');
      await turn();
      expect(begun).to.deep.equal(['one', 'two', 'three', 'four']);
    });

    it('lets the others go on when the claim is lost of one that waits, or of one that runs alone', async () => {
      const { begun, end, run } = openByHand();
      const [waiting, alone] = [recordingContext(), recordingContext()];
      void run(harmless('one'));
      const given = run(suspect('two'), waiting);
      void run(harmless('three'));
      waiting.loseClaim();
      expect(await given).to.equal('the claim was lost');
      await turn();
      expect(begun).to.deep.equal(['one', 'three']);
      end('one');
      end('three');
      const taken = run(suspect('four'), alone);
      void run(harmless('five'));
      await turn();
      alone.loseClaim();
      expect(await taken).to.equal('the claim was lost');
      await turn();
      expect(begun).to.deep.equal(['one', 'three', 'four', 'five']);
    });

    it('does not count the waiting against the time limit of a run', async () => {
      const { end, run } = openByHand({ attempts: 5, timeoutMs: 60 });
      const hanging = run(harmless('hangs'));
      const waiting = run(suspect('one'));
      const last = run(suspect('two'));
      expect(await hanging).to.equal('retry');
      await turn();
      end('one');
      expect(await waiting).to.equal('done');
      await turn();
      end('two');
      expect(await last).to.equal('done');
    });
  });

  it('does not begin once its lease is over, though nothing has noticed yet', async () => {
    const { useCase } = open(() => Promise.reject(new Error('it was run')));
    const context = recordingContext();
    context.outliveLease();
    const [settlement, ...rest] = await useCase.run([jobOf(textMessage('hi')), jobOf(textMessage('ho'))], context);
    expect(settlement).to.deep.include({ outcome: 'retry', inMs: 0, counted: false });
    expect(rest).to.deep.equal([]);
  });

  it('handles a burst in order and stops at the first that must be tried again', async () => {
    const seen: string[] = [];
    const { useCase } = open(async (event) => {
      if (event.kind === 'message' && event.type === 'text') seen.push(event.text);
      if (seen.at(-1) === 'two') await boom();
    });
    const jobs = ['one', 'two', 'three'].map((text) => jobOf(textMessage(text)));
    const settlements = await useCase.run(jobs, recordingContext());
    expect(settlements.map((settlement) => settlement.outcome)).to.deep.equal(['done', 'retry']);
    expect(seen).to.deep.equal(['one', 'two']);
  });
});
