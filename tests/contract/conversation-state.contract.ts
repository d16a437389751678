import { expect } from 'chai';
import { isWahookError } from '../../src/core/errors.ts';
import type { InboundMessage, Json, OutboundMessage } from '../../src/core/model.ts';
import type { ConversationState, OnceCall, StateWrite } from '../../src/core/ports/bot.ts';
import type { Consumption, Job, JobContext, MessageQueue, Settlement } from '../../src/core/ports/queue.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenConversationState {
  readonly state: ConversationState;
  /** The same state as another process reads it. */
  readonly elsewhere: ConversationState;
  /** What writes it. */
  readonly queue: MessageQueue;
  close(): Promise<void>;
}

const DONE: Settlement = { outcome: 'done' };
const AGAIN: Settlement = { outcome: 'retry', inMs: 0, counted: true, error: { code: 'x', message: 'x' } };

function keep(document: Json | null, conversation = 'lane'): StateWrite {
  return { kind: 'conversation', conversation, document };
}

function message(text: string): InboundMessage {
  return {
    ...{ kind: 'message', type: 'text', text, id: `wamid.${text}`, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ customer: { waId: '15551234567' }, sentAtMs: 1_700_000_000_000 },
  };
}

function send(sendId: string, text: string): OutboundMessage {
  return { sendId, phoneNumberId: '1065', to: { waId: '15551234567' }, content: { type: 'text', text } };
}

export function conversationStateContract(openState: () => Promise<OpenConversationState>): void {
  let open: OpenConversationState;
  let consumption: Consumption | undefined;
  let published = 0;

  beforeEach(async () => {
    open = await openState();
  });

  afterEach(async () => {
    await consumption?.stop();
    consumption = undefined;
    await open.close();
  });

  const load = (conversation = 'lane') => open.elsewhere.load(conversation);

  /** Publishes a job a handler, in one lane, and has each handled by its own; the last one handles what comes again. */
  async function handled(
    ...handlers: readonly ((context: JobContext, job: Job<InboundMessage>) => Promise<Settlement> | Settlement)[]
  ): Promise<void> {
    let runs = 0;
    for (const _ of handlers) {
      published += 1;
      const id = `m|${published}`;
      await open.queue.publish('messages', [{ key: { id, day: 1 }, lane: 'lane', payload: message(id) }]);
    }
    consumption = await open.queue.consume(
      'messages',
      async ([job], context) => {
        runs += 1;
        return [await handlers[Math.min(runs, handlers.length) - 1]!(context, job!)];
      },
      { concurrency: 1, burst: 1 },
    );
    await eventually(async () => runs >= handlers.length && (await open.queue.depth('messages')).waiting === 0);
    await consumption.stop();
  }

  /** Of what is queued to be sent, in order. */
  async function sentTexts(): Promise<readonly string[]> {
    const texts: string[] = [];
    consumption = await open.queue.consume(
      'outbound',
      async (jobs) => {
        for (const { payload } of jobs) texts.push(payload.content.type === 'text' ? payload.content.text : '');
        return jobs.map(() => DONE);
      },
      { concurrency: 1, burst: 10 },
    );
    await eventually(async () => (await open.queue.depth('outbound')).waiting === 0);
    return texts;
  }

  it('knows nothing of a conversation in which nothing was kept, nor of a job that has called nobody', async () => {
    expect(await load()).to.equal(undefined);
    expect(await open.state.calls('1')).to.deep.equal(new Map());
  });

  it('keeps a document with the settlement of its job, not before', async () => {
    let during: Json | undefined = 'not asked';
    await handled(async (context) => {
      context.keep(keep({ cart: ['tea'] }));
      during = await load();
      return DONE;
    });
    expect(during).to.equal(undefined);
    expect(await load()).to.deep.equal({ cart: ['tea'] });
    expect(await load('another')).to.equal(undefined);
  });

  it('keeps the last document, as it was when it was handed over', async () => {
    const document = { cart: ['tea'] };
    await handled((context) => {
      context.keep(keep({ cart: [] }));
      context.keep(keep(document));
      document.cart.push('changed afterwards');
      return DONE;
    });
    expect(await load()).to.deep.equal({ cart: ['tea'] });
  });

  it('replaces and forgets documents, each conversation by itself', async () => {
    await handled(
      (context) => {
        context.keep(keep({ step: 1 }));
        context.keep(keep({ step: 1 }, 'another'));
        return DONE;
      },
      (context) => {
        context.keep(keep({ step: 2 }));
        context.keep(keep(null, 'another'));
        context.keep(keep(null, 'never seen'));
        return DONE;
      },
    );
    expect(await load()).to.deep.equal({ step: 2 });
    expect(await load('another')).to.equal(undefined);
  });

  it('gives back every JSON value as it was, in copies of its own', async () => {
    const document = {
      text: 'Straße “é” 👩‍👩‍👧 \\u0000 \n',
      list: [null, true, 0, -0.5, 1e21, '', [[]], {}],
      ключ: 'я',
    };
    await handled((context) => {
      context.keep(keep(document));
      return DONE;
    });
    const loaded = (await load()) as { list: unknown[] };
    expect(loaded).to.deep.equal(document);
    loaded.list.push('changed');
    expect(await load()).to.deep.equal(document);
  });

  it('keeps nothing of a handler that rejects', async () => {
    let runs = 0;
    await handled((context) => {
      runs += 1;
      context.keep(keep({ run: runs }));
      if (runs === 1) throw new Error('a bug');
      return DONE;
    });
    expect(runs).to.equal(2);
    expect(await load()).to.deep.equal({ run: 2 });
  });

  it('stores at once what is committed, whatever becomes of the job', async () => {
    let runs = 0;
    const seen: (Json | undefined)[] = [];
    const found: OnceCall[][] = [];
    await handled(async (context, job) => {
      runs += 1;
      seen.push(await load());
      found.push([...(await open.elsewhere.calls(job.id)).values()]);
      const call: StateWrite = {
        kind: 'call',
        job: job.id,
        name: 'pay',
        call: { state: 'done', result: { paid: runs } },
      };
      if (runs === 1) await context.commit({ writes: [keep({ run: runs }), call] });
      if (runs === 1) throw new Error('after the commit');
      return DONE;
    });
    expect(seen).to.deep.equal([undefined, { run: 1 }]);
    expect(found).to.deep.equal([[], [{ state: 'done', result: { paid: 1 } }]]);
  });

  it('records calls by job and name: begun, done with a result, done without one, forgotten', async () => {
    const seen: Record<string, OnceCall>[] = [];
    let other: ReadonlyMap<string, OnceCall> = new Map();
    await handled(async (context, job) => {
      const record = (name: string, call: OnceCall | null) =>
        context.commit({ writes: [{ kind: 'call', job: job.id, name, call }] });
      const look = async () => void seen.push(Object.fromEntries(await open.elsewhere.calls(job.id)));
      await record('a', { state: 'begun' });
      await record('b', { state: 'begun' });
      await look();
      await record('a', { state: 'done', result: [1, null] });
      await record('b', { state: 'done' });
      await record('c', { state: 'done', result: null });
      await look();
      await record('a', null);
      await record('never', null);
      await look();
      other = await open.state.calls(String(Number(job.id) + 1));
      return DONE;
    });
    expect(seen).to.deep.equal([
      { a: { state: 'begun' }, b: { state: 'begun' } },
      { a: { state: 'done', result: [1, null] }, b: { state: 'done' }, c: { state: 'done', result: null } },
      { b: { state: 'done' }, c: { state: 'done', result: null } },
    ]);
    expect(other).to.deep.equal(new Map());
  });

  it('knows the calls of a job in its next runs', async () => {
    const seen: number[] = [];
    await handled(async (context, job) => {
      const calls = await open.elsewhere.calls(job.id);
      seen.push(calls.size);
      await context.commit({ writes: [{ kind: 'call', job: job.id, name: `${calls.size}`, call: { state: 'done' } }] });
      return seen.length < 3 ? AGAIN : DONE;
    });
    expect(seen).to.deep.equal([0, 1, 2]);
  });

  it('commits sends once, in order, before those of the settlement, however often they are repeated', async () => {
    const waiting: number[] = [];
    await handled(async (context) => {
      await context.commit({ sends: [send('1', 'first'), send('2', 'second')] });
      waiting.push((await open.queue.depth('outbound')).waiting);
      await context.commit({ sends: [send('1', 'another text')] });
      context.send(send('2', 'another text'));
      context.send(send('3', 'third'));
      return DONE;
    });
    expect(waiting).to.deep.equal([2]);
    expect(await sentTexts()).to.deep.equal(['first', 'second', 'third']);
  });

  it('stores what is committed in the order of the calls, also if the handler waits for none of them', async () => {
    const texts = Array.from({ length: 300 }, (_, index) => `${index}`);
    await handled((context) => {
      for (const text of texts) void context.commit({ sends: [send(text, text)] });
      return DONE;
    });
    expect(await sentTexts()).to.deep.equal(texts);
  });

  it('stores what was committed before the handler rejected, also if it waited for none of it', async () => {
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
    let runs = 0;
    await handled((context) => {
      runs += 1;
      if (runs > 1) return DONE;
      for (const text of texts) void context.commit({ sends: [send(text, text)] });
      throw new Error('after the commits');
    });
    expect(await sentTexts()).to.deep.equal(texts);
  });

  it('refuses of several commits the one that cannot be stored, and stores the others', async () => {
    let outcomes: readonly string[] = [];
    await handled(async (context) => {
      const commits = ['good', 'half an emoji \ud800', 'better'].map((text) => {
        return context.commit({ sends: [send(text.slice(0, 4), text)] });
      });
      outcomes = (await Promise.allSettled(commits)).map(({ status }) => status);
      return DONE;
    });
    const sent = await sentTexts();
    expect(outcomes[0]).to.equal('fulfilled');
    expect(outcomes[2]).to.equal('fulfilled');
    expect(sent.filter((text) => !text.startsWith('half'))).to.deep.equal(['good', 'better']);
    expect(sent.length, 'what it says is what it does').to.equal(outcomes.filter((it) => it === 'fulfilled').length);
  });

  it('commits nothing once the handler has settled, also while the next one runs in its lane', async () => {
    const contexts: JobContext[] = [];
    const refused: boolean[] = [];
    const commitLate = async () => {
      const error = await contexts[0]?.commit({ writes: [keep({ late: true })] }).catch((reason: unknown) => reason);
      refused.push(isWahookError(error, 'fenced'));
    };
    await handled(
      (context) => {
        contexts.push(context);
        return DONE;
      },
      async () => {
        await commitLate();
        return DONE;
      },
    );
    await commitLate();
    expect(refused).to.deep.equal([true, true]);
    expect(await load()).to.equal(undefined);
  });
}
