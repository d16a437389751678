import { expect } from 'chai';
import type { InboundMessage, OutboundMessage, StatusUpdate } from '../../src/core/model.ts';
import type {
  ConsumeOptions,
  Consumption,
  Job,
  JobContext,
  MessageQueue,
  NewJob,
  Settlement,
} from '../../src/core/ports/queue.ts';
import type { DedupStore, Unit } from '../../src/core/ports/receiving.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenMessageQueue {
  readonly queue: MessageQueue;
  /** The same queue as another process has it. */
  readonly elsewhere: MessageQueue;
  /** A store whose units the queue joins. */
  readonly dedup: DedupStore;
  close(): Promise<void>;
}

type Handler = (jobs: readonly Job<InboundMessage>[], context: JobContext) => Promise<readonly Settlement[]>;

const DONE: Settlement = { outcome: 'done' };

function message(text: string): InboundMessage {
  return {
    ...{ kind: 'message', type: 'text', text, id: `wamid.${text}`, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ customer: { waId: '15551234567' }, sentAtMs: 1_700_000_000_000 },
  };
}

function job(text: string, lane = 'lane'): NewJob<InboundMessage> {
  return { key: { id: `m|${lane}|${text}`, day: 19_675 }, lane, payload: message(text) };
}

function jobs(count: number, lane = 'lane', from = 1): NewJob<InboundMessage>[] {
  return Array.from({ length: count }, (_, index) => job(`${index + from}`, lane));
}

function outbound(sendId: string): OutboundMessage {
  return { sendId, phoneNumberId: '1065', to: { waId: '15551234567' }, content: { type: 'text', text: sendId } };
}

function retry(inMs: number, counted = true): Settlement {
  return { outcome: 'retry', inMs, counted, error: { code: 'handler_failed', message: 'no luck' } };
}

const DEAD: Settlement = { outcome: 'dead', error: { code: 'handler_failed', message: 'no luck' } };

function textOf({ payload }: Job<InboundMessage>): string {
  return payload.type === 'text' ? payload.text : '';
}

const gates: { open(): void }[] = [];

/** A promise and the means to fulfil it; fulfilled at the end of the test in any case. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const made = { opened: promise, open: resolve };
  gates.push(made);
  return made;
}

export function messageQueueContract(openQueue: () => Promise<OpenMessageQueue>): void {
  let open: OpenMessageQueue;
  let queue: MessageQueue;
  let consumptions: Consumption[];

  beforeEach(async () => {
    open = await openQueue();
    queue = open.queue;
    consumptions = [];
  });

  afterEach(async () => {
    for (const { open: finish } of gates.splice(0)) finish();
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    await open.close();
  });

  async function consume(
    handler: Handler,
    { concurrency = 4, burst = 1 }: Partial<ConsumeOptions> = {},
    of = queue,
  ): Promise<Consumption> {
    const consumption = await of.consume('messages', handler, { concurrency, burst });
    consumptions.push(consumption);
    return consumption;
  }

  /** Consumes with a handler that notes the texts it gets and is done with them. */
  async function collect(options: Partial<ConsumeOptions> = {}, of = queue): Promise<string[]> {
    const seen: string[] = [];
    const handler: Handler = async (got) => {
      seen.push(...got.map(textOf));
      return got.map(() => DONE);
    };
    await consume(handler, options, of);
    return seen;
  }

  const settled = async (name: 'messages' | 'outbound' = 'messages') =>
    eventually(async () => (await queue.depth(name)).waiting === 0);

  it('hands over a lane in the order of publishing, over calls, bursts and consumers', async () => {
    await queue.publish('messages', jobs(3));
    const seen = await collect({ burst: 2 });
    await queue.publish('messages', jobs(3, 'lane', 4));
    await open.elsewhere.publish('messages', jobs(4, 'lane', 7));
    await eventually(() => seen.length === 10);
    expect(seen).to.deep.equal(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
  });

  it('hands over what was published before anybody consumed', async () => {
    await queue.publish('messages', jobs(3));
    const seen = await collect({}, open.elsewhere);
    await eventually(() => seen.length === 3);
    await settled();
  });

  it('hands over what is published elsewhere while it consumes', async () => {
    const seen = await collect();
    await open.elsewhere.publish('messages', [job('1')]);
    await eventually(() => seen.length === 1);
  });

  it('describes each job as it was published', async () => {
    const before = Date.now();
    await queue.publish('messages', [job('one')]);
    const got: Job<InboundMessage>[] = [];
    await consume(async (handed) => {
      got.push(...handed);
      return got.length === 1 ? [retry(0)] : [DONE];
    });
    await eventually(() => got.length === 2);
    const [first, second] = got;
    expect(first).to.deep.include({ key: job('one').key, lane: 'lane', payload: message('one') });
    expect(first)
      .to.include({ attempt: 1, claims: 1, interrupted: false, interruptions: 0 })
      .and.not.have.property('lastError');
    expect(first?.acceptedAtMs).to.be.within(before - 1_000, Date.now() + 1_000);
    expect(second).to.include({ id: first?.id, attempt: 2, claims: 2, acceptedAtMs: first?.acceptedAtMs });
  });

  it('keeps payloads as they are, in copies of their own', async () => {
    const text = 'Straße “é” 👩‍👩‍👧 \u2028 \\u0041 \\ " \n \t';
    const raw = { deep: [[{ ключ: [null, true, 0, -0.5, 1e21, ''] }]], empty: {}, big: 9_007_199_254_740_991 };
    const payload = { ...message(text), type: 'unknown' as const, raw };
    const published = structuredClone(payload);
    await queue.publish('messages', [{ ...job('1'), payload: published }]);
    (published.raw.empty as { changed?: boolean }).changed = true;
    const got: InboundMessage[] = [];
    await consume(async ([handed]) => {
      got.push(structuredClone(handed!.payload));
      (handed!.payload as { raw?: unknown }).raw = 'changed by the handler';
      return got.length === 1 ? [retry(0)] : [DONE];
    });
    await eventually(() => got.length === 2);
    expect(got).to.deep.equal([payload, payload]);
  });

  it('leaves out a job whose key was published before, waiting or done', async () => {
    await queue.publish('messages', [job('1'), job('1'), job('2')]);
    await open.elsewhere.publish('messages', [job('2'), job('3')]);
    const seen = await collect();
    await settled();
    await queue.publish('messages', [job('1'), job('4')]);
    await eventually(() => seen.includes('4'));
    expect(seen).to.deep.equal(['1', '2', '3', '4']);
  });

  it('stores one of many concurrent publications of a key', async () => {
    const calls = Array.from({ length: 10 }, (_, index) =>
      (index % 2 ? queue : open.elsewhere).publish('messages', [job('1'), job(`own ${index}`, `lane ${index}`)]),
    );
    await Promise.all(calls);
    expect((await queue.depth('messages')).waiting).to.equal(11);
  });

  it('leaves out a send that was published before', async () => {
    const send = { key: { id: 'send-1', day: 0 }, lane: '1065|1', payload: outbound('send-1') };
    await queue.publish('outbound', [send]);
    await queue.publish('outbound', [send, { ...send, key: { id: 'send-2', day: 0 } }]);
    expect((await queue.depth('outbound')).waiting).to.equal(2);
  });

  it('stores nothing for an empty list', async () => {
    await queue.publish('messages', []);
    expect((await queue.depth('messages')).waiting).to.equal(0);
  });

  it('stores with a unit of work, and hands over soon after', async () => {
    const seen = await collect();
    const two = jobs(2);
    await open.dedup.once(
      two.map(({ key }) => key),
      (_, unit) => queue.publish('messages', two, unit),
    );
    await eventually(() => seen.length === 2);
    expect(seen).to.deep.equal(['1', '2']);
  });

  it('stores nothing with a unit of work that fails', async () => {
    const work = async (_: readonly string[], unit: Unit) => {
      await queue.publish('messages', [job('1')], unit);
      throw new Error('the work failed');
    };
    const error = await open.dedup.once([job('1').key], work).catch((reason: unknown) => reason);
    expect(error).to.have.property('message', 'the work failed');
    expect((await queue.depth('messages')).waiting).to.equal(0);
    await queue.publish('messages', [job('1')]);
    const seen = await collect();
    await eventually(() => seen.length > 0);
    expect(seen).to.deep.equal(['1']);
  });

  it('stores at once, once, with a unit of a store that it cannot join', async () => {
    const foreign = {} as Unit;
    await queue.publish('messages', [job('1')], foreign);
    await queue.publish('messages', [job('1')], foreign);
    expect((await queue.depth('messages')).waiting).to.equal(1);
  });

  it('handles other lanes while one is stuck', async () => {
    const stuck = gate();
    const seen: string[] = [];
    await consume(
      async (got) => {
        if (got[0]?.lane === 'stuck') await stuck.opened;
        seen.push(...got.map(textOf));
        return got.map(() => DONE);
      },
      { concurrency: 2 },
    );
    await queue.publish('messages', [job('s1', 'stuck'), job('s2', 'stuck')]);
    await queue.publish('messages', [...jobs(3, 'a'), ...jobs(3, 'b', 4)]);
    await eventually(() => seen.length === 6);
    expect(seen).to.have.members(['1', '2', '3', '4', '5', '6']);
    stuck.open();
    await eventually(() => seen.length === 8);
    expect(seen.slice(6)).to.deep.equal(['s1', 's2']);
  });

  it('handles no more lanes at once than it is told to', async () => {
    let running = 0;
    let most = 0;
    const hold = gate();
    await consume(
      async (got) => {
        running += 1;
        most = Math.max(most, running);
        await hold.opened;
        running -= 1;
        return got.map(() => DONE);
      },
      { concurrency: 2 },
    );
    for (const lane of ['a', 'b', 'c', 'd', 'e']) await queue.publish('messages', [job('1', lane)]);
    await eventually(() => running === 2);
    hold.open();
    await settled();
    expect(most).to.equal(2);
  });

  it('never gives one lane to two consumers at once', async () => {
    const active = new Set<string>();
    const seen = new Map<string, string[]>();
    const overlaps: string[] = [];
    const handler: Handler = async (got) => {
      const { lane } = got[0]!;
      if (active.has(lane)) overlaps.push(lane);
      active.add(lane);
      await new Promise(setImmediate);
      seen.set(lane, [...(seen.get(lane) ?? []), ...got.map(textOf)]);
      active.delete(lane);
      return got.map(() => DONE);
    };
    await consume(handler, { concurrency: 3, burst: 2 });
    await consume(handler, { concurrency: 3, burst: 2 }, open.elsewhere);
    for (let round = 0; round < 10; round += 1) {
      const batch = ['a', 'b', 'c', 'd'].flatMap((lane) => jobs(2, lane, round * 2 + 1));
      await (round % 2 ? queue : open.elsewhere).publish('messages', batch);
    }
    await settled();
    const inOrder = Array.from({ length: 20 }, (_, index) => `${index + 1}`);
    expect(overlaps).to.deep.equal([]);
    for (const lane of ['a', 'b', 'c', 'd']) expect(seen.get(lane), lane).to.deep.equal(inOrder);
  });

  it('tries again after the delay, and keeps the rest of the lane waiting for it', async () => {
    const seen: { text: string; atMs: number }[] = [];
    let failures = 0;
    await consume(async (got) => {
      const text = textOf(got[0]!);
      seen.push({ text, atMs: performance.now() });
      if (text !== '1' || failures === 2) return [DONE];
      failures += 1;
      return [retry(400)];
    });
    await queue.publish('messages', [...jobs(3), job('other', 'other')]);
    await eventually(() => seen.length === 6);
    const lane = seen.filter(({ text }) => text !== 'other');
    expect(lane.map(({ text }) => text)).to.deep.equal(['1', '1', '1', '2', '3']);
    // Late by the adapter's own pace (a second at most, and some for a busy machine), but never early.
    const [first, second, third] = lane.map(({ atMs }) => atMs);
    expect(second! - first!).to.be.within(395, 3_000);
    expect(third! - second!).to.be.within(395, 3_000);
    const other = seen.find(({ text }) => text === 'other')!;
    expect(other.atMs, 'the other lane does not wait').to.be.below(second!);
  });

  it('does not try again before the delay is over when more comes into the lane', async () => {
    const seen: { text: string; atMs: number }[] = [];
    await consume(async (got) => {
      seen.push({ text: textOf(got[0]!), atMs: performance.now() });
      return [seen.length === 1 ? retry(500) : DONE];
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => seen.length === 1);
    await queue.publish('messages', [job('2')]);
    await eventually(() => seen.length === 3);
    expect(seen.map(({ text }) => text)).to.deep.equal(['1', '1', '2']);
    expect(seen[1]!.atMs - seen[0]!.atMs).to.be.at.least(495);
  });

  it('counts attempts apart from claims', async () => {
    const answers = [retry(0, false), retry(0, true), retry(0, false), DONE];
    const got: Job[] = [];
    await consume(async (handed) => {
      got.push(...handed);
      return [answers[got.length - 1]!];
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => got.length === 4);
    expect(got.map(({ attempt }) => attempt)).to.deep.equal([1, 1, 2, 2]);
    expect(got.map(({ claims }) => claims)).to.deep.equal([1, 2, 3, 4]);
    expect(got.map(({ interrupted }) => interrupted)).to.deep.equal([false, false, false, false]);
    expect(got[3]?.lastError).to.deep.equal({ code: 'handler_failed', message: 'no luck' });
  }).timeout(15_000);

  it('goes on with the lane after a dead letter', async () => {
    const seen: string[] = [];
    await consume(async (got) => {
      seen.push(...got.map(textOf));
      return [textOf(got[0]!) === '1' ? DEAD : DONE];
    });
    await queue.publish('messages', jobs(3));
    await settled();
    expect(seen).to.deep.equal(['1', '2', '3']);
    expect(await queue.depth('messages')).to.include({ waiting: 0, dead: 1 });
  });

  it('claims again, uncounted, what a handler rejected', async () => {
    const got: Job[] = [];
    await consume(async (handed) => {
      got.push(...handed);
      if (got.length === 1) throw new Error('a bug, with secret text in it');
      return handed.map(() => DONE);
    });
    await queue.publish('messages', jobs(2));
    await eventually(() => got.length === 3);
    expect(got.map(({ key }) => key.id)).to.deep.equal(['m|lane|1', 'm|lane|1', 'm|lane|2']);
    expect(got[1]).to.include({ attempt: 1, claims: 2, interrupted: true, interruptions: 0 });
    expect(got[2]).to.include({ attempt: 1, claims: 1, interrupted: false });
  });

  it('lets a handler pause until it may begin, and goes on with what it waited for', async () => {
    const hold = gate();
    const seen: string[] = [];
    await consume(async (got, { pause }) => {
      const before = textOf(got[0]!);
      await pause(hold.opened);
      seen.push(before);
      return got.map(() => DONE);
    });
    await queue.publish('messages', [...jobs(2), job('other', 'another lane')]);
    expect(seen).to.deep.equal([]);
    hold.open();
    await settled();
    expect(seen.toSorted()).to.deep.equal(['1', '2', 'other']);
  });

  it('claims again, uncounted, what could not begin after a pause', async () => {
    const got: Job[] = [];
    await consume(async (handed, { pause }) => {
      got.push(...handed);
      if (got.length === 1) await pause(Promise.reject(new Error('not to be')));
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await settled();
    expect(got.map(({ attempt, interruptions }) => ({ attempt, interruptions }))).to.deep.equal([
      { attempt: 1, interruptions: 0 },
      { attempt: 1, interruptions: 0 },
    ]);
  });

  it('takes an answer with the wrong number of settlements for a rejection', async () => {
    const got: Job[] = [];
    await consume(
      async (handed) => {
        got.push(...handed);
        return got.length === 2 ? [DONE] : got.length === 4 ? [DONE, DONE, DONE] : handed.map(() => DONE);
      },
      { burst: 2 },
    );
    await queue.publish('messages', jobs(2));
    await settled();
    expect(got.map(({ claims }) => claims)).to.deep.equal([1, 1, 2, 2, 3, 3]);
  });

  it('hands over bursts of one lane and no more than asked for', async () => {
    const bursts: string[][] = [];
    await queue.publish('messages', [...jobs(5, 'a'), ...jobs(1, 'b')]);
    await consume(
      async (got) => {
        bursts.push(got.map(({ lane, payload }) => `${lane}${payload.type === 'text' ? payload.text : ''}`));
        return got.map(() => DONE);
      },
      { burst: 3 },
    );
    await settled();
    expect(bursts.filter(([first]) => first?.startsWith('a'))).to.deep.equal([
      ['a1', 'a2', 'a3'],
      ['a4', 'a5'],
    ]);
    expect(bursts.filter(([first]) => first?.startsWith('b'))).to.deep.equal([['b1']]);
  });

  it('hands over bursts whose size depends on the lane', async () => {
    const bursts: string[][] = [];
    await queue.publish('messages', [...jobs(3, 'many'), ...jobs(3, 'one', 4)]);
    await consume(
      async (got) => {
        bursts.push(got.map(textOf));
        return got.map(() => DONE);
      },
      { burst: (lane) => (lane === 'many' ? 10 : 1) },
    );
    await settled();
    expect(bursts).to.deep.include.members([['1', '2', '3'], ['4'], ['5'], ['6']]);
  });

  it('moves a job to another lane, before what was published there later, and goes on with its own', async () => {
    const seen: string[] = [];
    const hold = gate();
    await queue.publish('messages', [...jobs(3, 'common'), ...jobs(1, 'own', 4)]);
    await consume(
      async (got) => {
        if (got[0]?.lane === 'own' && seen.length === 0) await hold.opened;
        seen.push(
          ...got.map(({ lane, payload, claims }) => `${lane} ${textOf({ payload } as Job<InboundMessage>)} ${claims}`),
        );
        return got.map((one) =>
          one.lane === 'common' && textOf(one) !== '3' ? { outcome: 'moved', lane: 'other' } : DONE,
        );
      },
      { burst: 2, concurrency: 1 },
    );
    hold.open();
    await settled();
    const inLane = (name: string) => seen.filter((one) => one.startsWith(name));
    expect(inLane('common')).to.deep.equal(['common 1 1', 'common 2 1', 'common 3 1']);
    expect(inLane('other')).to.deep.equal(['other 1 2', 'other 2 2']);
  });

  it('moves a job in front of what was published later into that lane, and not before its time', async () => {
    const seen: { readonly text: string; readonly atMs: number; readonly code: string | undefined }[] = [];
    await queue.publish('messages', jobs(1, 'common'));
    await queue.publish('messages', jobs(1, 'own', 2));
    let moved = 0;
    await consume(
      async ([one]) => {
        if (one!.lane === 'own' && moved === 0) return [retry(0, false)];
        if (one!.lane === 'common') {
          moved = performance.now();
          return [{ outcome: 'moved', lane: 'own', inMs: 300, error: { code: 'early', message: 'too early' } }];
        }
        seen.push({ text: textOf(one!), atMs: performance.now() - moved, code: one!.lastError?.code });
        return [DONE];
      },
      { concurrency: 1 },
    );
    await settled();
    expect(seen.map(({ text }) => text)).to.deep.equal(['1', '2']);
    expect(seen[0]).to.include({ code: 'early' });
    expect(seen[0]?.atMs).to.be.at.least(295);
  });

  it('settles a burst up to its first retry and leaves the rest as it is', async () => {
    const bursts: Job<InboundMessage>[][] = [];
    await queue.publish('messages', jobs(5));
    await consume(
      async (got) => {
        bursts.push([...got]);
        return bursts.length === 1 ? [DONE, DEAD, retry(0), DONE, DONE] : got.map(() => DONE);
      },
      { burst: 5 },
    );
    await settled();
    expect(bursts.map((burst) => burst.map(textOf))).to.deep.equal([
      ['1', '2', '3', '4', '5'],
      ['3', '4', '5'],
    ]);
    expect(bursts[1]?.map(({ attempt }) => attempt)).to.deep.equal([2, 1, 1]);
    expect(bursts[1]?.map(({ claims }) => claims)).to.deep.equal([2, 1, 1]);
    expect(bursts[1]?.map(({ interrupted }) => interrupted)).to.deep.equal([false, false, false]);
    expect((await queue.depth('messages')).dead).to.equal(1);
  });

  it('remembers of what it leaves as it is that a claim was cut short', async () => {
    const bursts: boolean[][] = [];
    await queue.publish('messages', jobs(2));
    await consume(
      async (got) => {
        bursts.push(got.map(({ interrupted }) => interrupted));
        if (bursts.length === 1) throw new Error('a bug');
        return bursts.length === 2 ? [retry(0)] : got.map(() => DONE);
      },
      { burst: 2 },
    );
    await settled();
    expect(bursts).to.deep.equal([
      [false, false],
      [true, true],
      [false, true],
    ]);
  });

  it('accepts a list that ends with its first retry', async () => {
    const bursts: string[][] = [];
    await queue.publish('messages', jobs(3));
    await consume(
      async (got) => {
        bursts.push(got.map(textOf));
        return bursts.length === 1 ? [DONE, retry(0)] : got.map(() => DONE);
      },
      { burst: 3 },
    );
    await settled();
    expect(bursts).to.deep.equal([
      ['1', '2', '3'],
      ['2', '3'],
    ]);
  });

  it('queues what a handler sends when its job settles, not before, in the order of the calls', async () => {
    const hold = gate();
    const running = gate();
    await consume(async (got, { send }) => {
      const first = outbound('send-1');
      send(first);
      (first.content as { text: string }).text = 'changed afterwards';
      send(outbound('send-2'));
      running.open();
      await hold.opened;
      return got.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await running.opened;
    expect((await queue.depth('outbound')).waiting).to.equal(0);
    hold.open();
    const sent: OutboundMessage[] = [];
    const sending = await open.elsewhere.consume(
      'outbound',
      async (got) => {
        sent.push(...got.map(({ payload }) => payload));
        return got.map(({ payload }) => ({ outcome: 'done', messageId: `wamid.${payload.sendId}` }));
      },
      { concurrency: 2, burst: 1 },
    );
    consumptions.push(sending);
    await eventually(() => sent.length === 2);
    expect(sent).to.deep.equal([outbound('send-1'), outbound('send-2')]);
  });

  it('says that a lane is held while it is', async () => {
    const held: boolean[] = [];
    await consume(async (got, { isHeld }) => {
      held.push(isHeld());
      return got.map(() => DONE);
    });
    await queue.publish('messages', jobs(2));
    await settled();
    expect(held).to.deep.equal([true, true]);
  });

  it('forgets what a handler sent before it rejected', async () => {
    let runs = 0;
    await consume(async (got, { send }) => {
      runs += 1;
      send(outbound(`send-${runs}`));
      if (runs === 1) throw new Error('after the send');
      return got.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await settled();
    const sent: string[] = [];
    const sending = await queue.consume(
      'outbound',
      async (got) => {
        sent.push(...got.map(({ payload }) => payload.sendId));
        return got.map(() => DONE);
      },
      { concurrency: 1, burst: 10 },
    );
    consumptions.push(sending);
    await settled('outbound');
    expect(sent).to.deep.equal(['send-2']);
  });

  it('stops: waits for what runs, takes nothing new, leaves the rest to the next', async () => {
    const hold = gate();
    const running = gate();
    const seen: string[] = [];
    const consumption = await consume(
      async (got) => {
        running.open();
        await hold.opened;
        seen.push(...got.map(textOf));
        return got.map(() => DONE);
      },
      { concurrency: 1 },
    );
    await queue.publish('messages', [...jobs(3, 'a'), ...jobs(1, 'b', 4)]);
    await running.opened;
    let stopped = false;
    const stopping = consumption.stop().then(() => {
      stopped = true;
    });
    await queue.publish('messages', jobs(1, 'c', 5));
    expect(stopped, 'stopped while a handler runs').to.equal(false);
    hold.open();
    await stopping;
    await consumption.stop();
    expect(seen).to.have.lengthOf(1);
    expect((await queue.depth('messages')).waiting).to.equal(4);

    const got: Job<InboundMessage>[] = [];
    await consume(async (handed) => {
      got.push(...handed);
      return handed.map(() => DONE);
    });
    await settled();
    expect([...seen, ...got.map(textOf)]).to.have.members(['1', '2', '3', '4', '5']);
    expect(got.every(({ attempt, claims, interrupted }) => attempt === 1 && claims === 1 && !interrupted)).to.equal(
      true,
    );
  });

  it('counts what waits and what is dead, and knows how long the oldest has waited', async () => {
    expect(await queue.depth('messages')).to.deep.equal({ waiting: 0, dead: 0, held: 0, oldestMs: 0 });
    await queue.publish('messages', jobs(2));
    await eventually(async () => (await queue.depth('messages')).oldestMs >= 30);
    await queue.publish('messages', jobs(1, 'younger', 3));
    const depth = await queue.depth('messages');
    expect(depth).to.include({ waiting: 3, dead: 0 });
    expect(depth.oldestMs).to.be.within(30, 10_000);
    expect(await queue.depth('statuses')).to.deep.equal({ waiting: 0, dead: 0, held: 0, oldestMs: 0 });
    await consume(async (got) => got.map(() => DEAD));
    await settled();
    expect(await queue.depth('messages')).to.deep.equal({ waiting: 0, dead: 3, held: 0, oldestMs: 0 });
  });

  it('keeps the queues apart', async () => {
    const statuses: string[] = [];
    const update: StatusUpdate = {
      ...{ kind: 'status', status: 'read', reported: 'read', messageId: 'wamid.1', phoneNumberId: '1065' },
      ...{ recipient: { waId: '1' }, occurredAtMs: 1, businessAccountId: '1022' },
    };
    const statusConsumption = await queue.consume(
      'statuses',
      async (got) => {
        statuses.push(...got.map(({ payload }) => payload.messageId));
        return got.map(() => DONE);
      },
      { concurrency: 1, burst: 100 },
    );
    consumptions.push(statusConsumption);
    await queue.publish('messages', [job('1')]);
    await queue.publish('statuses', [{ key: { id: 's|1', day: 1 }, lane: 'lane', payload: update }]);
    await eventually(() => statuses.length === 1);
    expect(statuses).to.deep.equal(['wamid.1']);
    await eventually(async () => (await queue.depth('statuses')).waiting === 0);
    expect((await queue.depth('messages')).waiting).to.equal(1);
  });
}
