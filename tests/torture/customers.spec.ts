import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { Customers, type CustomersOptions } from '../../torture/customers.ts';
import { Ledger } from '../../torture/ledger.ts';
import { Random } from '../../torture/random.ts';
import type { Sender } from '../../torture/sender.ts';
import type { Element } from '../../torture/webhook.ts';

describe('The customers of the torture', () => {
  let clock: SinonFakeTimers;
  let ledger: Ledger;
  let webhooks: (readonly Element[])[];
  let customers: Customers;
  beforeEach(() => {
    clock = useFakeTimers();
    ledger = new Ledger();
    webhooks = [];
  });
  afterEach(() => {
    customers.stop();
    clock.restore();
  });

  const start = (some: Pick<CustomersOptions, 'newPoison' | 'talkers'> = {}) => {
    // Takes everything at once, as soon as whoever wrote it is done with that.
    const addBatch = (elements: readonly Element[]) => {
      webhooks.push(elements);
      setTimeout(() => elements.forEach(({ onAcked }) => void onAcked?.()), 1);
    };
    const sender = { addBatch, add: (element: Element) => addBatch([element]) } as unknown as Sender;
    const options = { messages: 100_000, rate: 1_000, random: new Random(1), sender, ledger, isEnough: () => true };
    customers = new Customers({ ...options, ...some });
  };

  it('wait for a receiver that is behind, and go on when what is missing will not come any more', () => {
    start();
    clock.tick(14_000);
    const { sent } = ledger.counts;
    expect(sent).to.be.within(2_000, 3_500);
    clock.tick(20_000);
    expect(ledger.counts.sent).to.be.within(sent + 1_000, sent + 4_500);
  });

  it('write some messages at once now and then, in order and in one element, and the next ones only after the 200 for all of them', () => {
    start();
    clock.tick(2_000);
    const written = webhooks.map((elements) =>
      elements.map(({ json }) => [...json.matchAll(/"wamid\.(C\d+)N(\d+)"/g)]),
    );
    const atOnce = written.filter(([first]) => (first?.length ?? 0) > 1).map(([first]) => first ?? []);
    expect(atOnce).to.have.length.above(20);
    for (const ids of atOnce) {
      expect(new Set(ids.map(([, conversation]) => conversation)).size, 'of one conversation').to.equal(1);
      const first = Number(ids[0]?.[2]);
      expect(ids.map(([, , n]) => Number(n))).to.deep.equal(ids.map((_, index) => first + index));
    }
    const numbers = new Map<string, number>();
    for (const [, conversation = '', n] of written.flat(2)) {
      expect(Number(n), conversation).to.equal((numbers.get(conversation) ?? 0) + 1);
      numbers.set(conversation, Number(n));
    }
    expect(ledger.counts.acked).to.be.closeTo(ledger.counts.sent, 50);
  });

  it('write in turns and never come to an end if they are told how many they are', () => {
    start({ talkers: 20 });
    clock.tick(250);
    const ids = webhooks.flatMap((elements) =>
      elements.length > 1 ? [] : [/"wamid\.C(\d+)N/.exec(elements[0]?.json ?? '')?.[1]],
    );
    expect(ids).to.have.length.above(60);
    expect(new Set(ids.slice(0, 20)).size).to.equal(20);
    expect(new Set(ids.slice(-20)).size).to.equal(20);
    expect(new Set(ids).size).to.equal(20);
  });

  it('write something bad now and then, and in the middle of a large webhook', () => {
    const poison: Element = { kind: 'message', waId: '1', json: '{}' };
    start({ newPoison: () => poison });
    clock.tick(100_000);
    let written = 0;
    for (const [index, elements] of webhooks.entries()) {
      const before = written;
      written += elements.flatMap(({ json }) => [...json.matchAll(/"wamid\.C/g)]).length;
      const isHundredth = elements.length === 1 && Math.floor(before / 100) < Math.floor(written / 100);
      if (isHundredth) expect(webhooks[index + 1], `after ${written} messages`).to.deep.equal([poison]);
    }
    const bursts = webhooks.filter(({ length }) => length > 1);
    expect(bursts).to.have.length.above(0);
    for (const burst of bursts) {
      expect(burst.length).to.be.at.most(1_000);
      expect(burst.indexOf(poison)).to.equal(Math.floor((burst.length - 1) / 2));
    }
  });
});
