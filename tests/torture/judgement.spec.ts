import { expect } from 'chai';
import { type Evidence, judge } from '../../torture/judgement.ts';
import { Ledger } from '../../torture/ledger.ts';
import type { Facts } from '../../torture/receiver-database.ts';
import { SideLedger } from '../../torture/side-ledger.ts';
import { type Element, statusElement } from '../../torture/webhook.ts';

const RUN = '11111111-1111-4111-8111-111111111111';

const facts = (some: Partial<Facts>): Facts => ({
  ...{ fateOf: () => undefined, deadInbox: [], deadOutbox: [], quarantined: 0, poison: new Set([1]) },
  ...{ deliveries: new Map([['a send id', 'delivered']]) },
  ...{ statuses: 2, statusesTwice: 0, runsCutShort: 0, attemptsConsumed: 0, ...some },
});

describe('The judgement of the torture', () => {
  let ledger: Ledger;
  let side: SideLedger;
  let poison: Element;
  beforeEach(() => {
    ledger = new Ledger();
    ledger.sent(0, 1, 1);
    ledger.acked(0, 1);
    ledger.accepted({ text: `re c0-1 1/1 run ${RUN}`, sendId: 'a send id' });
    side = new SideLedger();
    for (const name of ['delivered', 'sent'] as const) {
      const status = side.watched(statusElement('15550100001', 'wamid.R1', name, 'a send id'));
      for (let times = 0; times < 3; times += 1) status.onAcked?.();
    }
    poison = side.newPoison();
    poison.onAcked?.();
  });

  const judged = (some: Partial<Evidence> = {}) =>
    judge({ ledger, side, facts: facts({}), asked: 1, badExits: [], missed: [], stuckAt: undefined, ...some });

  it('finds nothing wrong if all is stored once, and counts no status twice that was acked twice', () => {
    expect(judged()).to.deep.include({ isClean: true, offences: [] });
    expect(judged().statuses).to.deep.equal({ acked: 2, stored: 2 });
    expect(judged().poisoned).to.deep.equal({ acked: 1, setAside: 1 });
  });

  for (const [what, some] of [
    ['a status that was acked and is not stored', { statuses: 1 }],
    ['a status that was acked and of which its reply knows nothing', { deliveries: new Map() }],
    ['a reply that counts as less than what was told last', { deliveries: new Map([['a send id', 'sent']]) }],
    ['a poisoned element that was acked and is not in quarantine', { poison: new Set<number>() }],
    ['a piece in quarantine that was no poison', { quarantined: 1 }],
    ['a dead letter', { deadInbox: ['a dead letter'] }],
  ] as const)
    it(`counts ${what} as lost`, () => {
      expect(judged({ facts: facts(some) }).isClean).to.equal(false);
      expect(ledger.counts.lost).to.equal(1);
    });

  it('counts a status that is stored twice', () => {
    expect(judged({ facts: facts({ statusesTwice: 1 }) }).isClean).to.equal(false);
    expect(ledger.counts.twice).to.equal(1);
  });

  it('is not content with a run that got stuck, sent too little, ended a process badly or did not break what it should', () => {
    expect(judged({ stuckAt: 'draining' }).offences.map(({ kind }) => kind)).to.deep.equal(['unfinished']);
    expect(judged({ asked: 2 }).offences.map(({ kind }) => kind)).to.deep.equal(['not accepted']);
    expect(judged({ badExits: ['web-1 ended with 1'] }).offences.map(({ kind }) => kind)).to.deep.equal(['bad exit']);
    expect(judged({ missed: ['1 of 2 kills happened'] }).offences).to.deep.equal([
      { kind: 'not broken', conversation: '-', what: '1 of 2 kills happened' },
    ]);
    for (const some of [{ stuckAt: 'draining' }, { asked: 2 }, { badExits: ['x'] }, { missed: ['x'] }])
      expect(judged(some).isClean).to.equal(false);
  });
});
