import { expect } from 'chai';
import { Ledger } from '../../torture/ledger.ts';

const RUN = '11111111-1111-4111-8111-111111111111';
const OTHER_RUN = '22222222-2222-4222-8222-222222222222';
const NOTHING_WRONG = { lost: 0, twice: 0, outOfOrder: 0, repliesLost: 0, repliesTwice: 0, resent: 0 };

describe('The ledger of the torture', () => {
  let ledger: Ledger;
  beforeEach(() => {
    ledger = new Ledger();
    ledger.sent(0, 1, 1);
    ledger.sent(0, 2, 2);
    ledger.acked(0, 1);
    ledger.acked(0, 2);
  });

  const accept = (text: string) => ledger.accepted({ text, sendId: 'a send id' });
  const violations = () => {
    const { sent: _sent, acked: _acked, handled: _handled, ...rest } = ledger.counts;
    return rest;
  };

  it('finds nothing wrong with messages that are answered in full, once and in order', () => {
    accept(`re c0-1 1/1 run ${RUN}`);
    accept(`re c0-2 1/2 run ${OTHER_RUN}`);
    expect(ledger.counts.handled).to.equal(1);
    accept(`re c0-2 2/2 run ${OTHER_RUN}`);
    ledger.close(() => undefined);
    expect(ledger.counts).to.deep.equal({ sent: 2, acked: 2, handled: 2, ...NOTHING_WRONG });
    expect(ledger.offences).to.deep.equal([]);
  });

  it('counts what an earlier message has done as lost or done twice, if the session says so', () => {
    accept(`re c0-1 1/1 run ${RUN} knows 1`);
    expect(violations()).to.deep.equal(NOTHING_WRONG);
    accept(`re c0-2 1/2 run ${OTHER_RUN} knows 1`);
    accept(`re c0-2 2/2 run ${OTHER_RUN} knows 1`);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, lost: 1 });
    ledger.sent(0, 3, 1);
    accept(`re c0-3 1/1 run ${RUN} knows 4`);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, lost: 1, twice: 1 });
  });

  it('counts an acked message without any answer as lost', () => {
    accept(`re c0-1 1/1 run ${RUN}`);
    ledger.close(() => undefined);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, lost: 1 });
    expect(ledger.offences[0]).to.include({ kind: 'lost', conversation: 'c0' });
  });

  it('counts an acked message with one of two answers as lost', () => {
    accept(`re c0-1 1/1 run ${RUN}`);
    accept(`re c0-2 1/2 run ${RUN}`);
    ledger.close(() => undefined);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, lost: 1 });
  });

  it('counts a reply as lost if its message is known to be handled', () => {
    accept(`re c0-1 1/1 run ${RUN}`);
    ledger.close((name) => ({ kind: 'reply lost', what: `of ${name}` }));
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, repliesLost: 1 });
    expect(ledger.offences[0]?.what).to.include('of c0-2');
  });

  it('counts what is dead or in quarantine as lost', () => {
    ledger.addLost('lost', 'a dead letter');
    ledger.addLost('reply lost', 'a dead reply');
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, lost: 1, repliesLost: 1 });
  });

  it('does not miss the answer to a message that was never acked', () => {
    ledger.sent(1, 1, 1);
    accept(`re c0-1 1/1 run ${RUN}`);
    accept(`re c0-2 1/2 run ${RUN}`);
    accept(`re c0-2 2/2 run ${RUN}`);
    ledger.close(() => undefined);
    expect(violations()).to.deep.equal(NOTHING_WRONG);
    expect(ledger.counts).to.include({ sent: 3, acked: 2 });
  });

  it('counts answers of two runs of the handler as handled twice, once for each message', () => {
    accept(`re c0-2 1/2 run ${RUN}`);
    accept(`re c0-2 1/2 run ${OTHER_RUN}`);
    accept(`re c0-2 2/2 run ${OTHER_RUN}`);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, twice: 1 });
  });

  it('counts one answer that was accepted again as a reply twice', () => {
    accept(`re c0-1 1/1 run ${RUN}`);
    accept(`re c0-1 1/1 run ${RUN}`);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, repliesTwice: 1 });
  });

  it('counts a message that is answered before the one before it as out of order', () => {
    accept(`re c0-2 1/2 run ${RUN}`);
    accept(`re c0-2 2/2 run ${RUN}`);
    accept(`re c0-1 1/1 run ${RUN}`);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, outOfOrder: 1 });
  });

  it('counts parts in the wrong order as out of order', () => {
    accept(`re c0-2 2/2 run ${RUN}`);
    accept(`re c0-2 1/2 run ${RUN}`);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, outOfOrder: 1 });
  });

  it('does not take the order of one conversation for that of another', () => {
    ledger.sent(1, 1, 1);
    accept(`re c0-2 1/2 run ${RUN}`);
    accept(`re c1-1 1/1 run ${RUN}`);
    expect(violations()).to.deep.equal(NOTHING_WRONG);
  });

  it('counts an answer to nothing that was sent', () => {
    for (const text of [`re c7-1 1/1 run ${RUN}`, `re c0-1 2/2 run ${RUN}`, 'hello']) accept(text);
    expect(violations()).to.deep.equal({ ...NOTHING_WRONG, repliesTwice: 3 });
  });

  it('keeps the first few offences of each kind, and the count of all', () => {
    for (let n = 1; n <= 50; n += 1) {
      ledger.sent(1, n, 1);
      ledger.acked(1, n);
    }
    ledger.close(() => undefined);
    expect(ledger.counts.lost).to.equal(52);
    expect(ledger.offences).to.have.length.within(3, 10);
  });

  describe('of a receiver whose answer was lost', () => {
    const told = new Set<string>();
    const answerTwice = async (settleWaitMs: number, sendId?: string) => {
      const strict = new Ledger({ settleWaitMs, isTold: (id) => told.has(id) });
      strict.sent(0, 1, 1);
      strict.acked(0, 1);
      for (let time = 1; time <= 2; time += 1) {
        strict.accepted({ text: `re c0-1 1/1 run ${'a'.repeat(36)}`, sendId });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return strict.counts;
    };

    it('counts a reply by itself that came again after the wait, and of which no status was acked', async () => {
      expect(await answerTwice(10, 'untold')).to.include({ repliesTwice: 0, resent: 1 });
    });

    it('counts it as a reply twice if a status was acked, if it came before the wait was over, or without a send id', async () => {
      told.add('told');
      expect(await answerTwice(10, 'told')).to.include({ repliesTwice: 1, resent: 0 });
      expect(await answerTwice(10_000, 'untold')).to.include({ repliesTwice: 1, resent: 0 });
      expect(await answerTwice(10, undefined)).to.include({ repliesTwice: 1, resent: 0 });
    });
  });
});
