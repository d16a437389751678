import { expect } from 'chai';
import type { InboundMessage } from '../../src/core/model.ts';
import type { MessageQueue } from '../../src/core/ports/queue.ts';
import type { EventStore, KeyedEvent } from '../../src/core/ports/receiving.ts';
import { eventElement, statusUpdate, textMessage } from '../core/builders.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenEventStore {
  readonly store: EventStore;
  /** Where its events come out. */
  readonly queue: MessageQueue;
  close(): Promise<void>;
}

function message(id: string, waId = '15550100001'): KeyedEvent {
  return eventElement(textMessage(id, { id, waId }), id);
}

const messages = (count: number, from = 0): readonly KeyedEvent[] =>
  Array.from({ length: count }, (_, index) => message(`m|${from + index}`));

const idsOf = (events: readonly KeyedEvent[]): readonly string[] => events.map(({ key }) => key.id);

/** What every EventStore promises. `open` gives an empty one for each test. */
export function eventStoreContract(open: () => Promise<OpenEventStore>): void {
  let opened: OpenEventStore;

  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  const waiting = async () => (await opened.queue.depth('messages')).waiting;

  /** The texts of all messages that wait, in the order in which they are handed over. */
  async function handedOver(): Promise<readonly string[]> {
    const seen: string[] = [];
    const consumption = await opened.queue.consume(
      'messages',
      async (jobs) => {
        seen.push(...jobs.map(({ payload }) => (payload as InboundMessage & { readonly text: string }).text));
        return jobs.map(() => ({ outcome: 'done' }) as const);
      },
      { concurrency: 4, burst: 10 },
    );
    await eventually(async () => (await waiting()) === 0, 15_000);
    await consumption.stop();
    return seen;
  }

  it('gives new events as fresh, in the order given, and hands each over once, in that order', async () => {
    const given = messages(30).toReversed();

    expect(await opened.store.store(given)).to.deep.equal({ fresh: idsOf(given), duplicate: [], busy: [] });

    expect(await waiting()).to.equal(30);
    expect(await handedOver()).to.deep.equal(idsOf(given));
  });

  it('queues each kind of event where it belongs', async () => {
    const account = { kind: 'account', field: 'security', businessAccountId: '1', value: { '"': '\\' } } as const;

    await opened.store.store([eventElement(account, 'a'), message('m'), eventElement(statusUpdate('read'), 's')]);

    for (const queue of ['messages', 'statuses', 'account'] as const)
      expect((await opened.queue.depth(queue)).waiting, queue).to.equal(1);
  });

  it('gives stored events as duplicate, in the order given, and queues nothing', async () => {
    await opened.store.store(messages(20));
    const again = messages(20).toReversed();

    expect(await opened.store.store(again)).to.deep.equal({ fresh: [], duplicate: idsOf(again), busy: [] });
    expect(await waiting()).to.equal(20);
  });

  it('queues what is new among what is known', async () => {
    await opened.store.store(messages(10));

    const { fresh, duplicate } = await opened.store.store(messages(20, 5));

    expect(duplicate).to.deep.equal(idsOf(messages(5, 5)));
    expect(fresh).to.deep.equal(idsOf(messages(15, 10)));
    expect(await waiting()).to.equal(25);
  });

  it('counts an event once that is given twice in one call', async () => {
    const result = await opened.store.store([message('a'), message('b'), message('a')]);

    expect(result).to.deep.equal({ fresh: ['a', 'b'], duplicate: [], busy: [] });
    expect(await waiting()).to.equal(2);
  });

  it('answers a call without events', async () => {
    expect(await opened.store.store([])).to.deep.equal({ fresh: [], duplicate: [], busy: [] });
  });

  it('takes 3,000 events at once, of as many conversations', async function () {
    this.timeout(30_000);
    const given = Array.from({ length: 3_000 }, (_, index) => message(`m|${index}`, String(15_550_100_000 + index)));

    expect((await opened.store.store(given)).fresh).to.have.length(3_000);
    expect(await waiting()).to.equal(3_000);
  });

  it('gives each event as fresh to one of 20 concurrent callers whose events overlap crosswise', async function () {
    this.timeout(30_000);
    const given = Array.from({ length: 40 }, (_, index) => message(`m|${index}`, String(15_550_100_000 + index)));
    const callers = Array.from({ length: 20 }, (_, index) => (index % 2 ? given : given.toReversed()));

    const results = await Promise.all(callers.map((events) => opened.store.store(events)));

    expect(results.flatMap(({ fresh }) => fresh).sort()).to.deep.equal([...idsOf(given)].sort());
    expect(await waiting()).to.equal(40);
  });

  it('keeps texts of every kind as they came', async () => {
    const texts = ['"quoted", {braced} and NULL', 'back\\slash', '', ' ', 'é 漢字 😀', 'a\nb\tc', "it's"];

    await opened.store.store(texts.map((text, index) => eventElement(textMessage(text), `m|${index}|"\\{é,NULL}`)));

    expect(await handedOver()).to.deep.equal(texts);
  });
}
