import { expect } from 'chai';
import { describeTrial, outcomeOf, type Trial } from '../../torture/mutant-mode.ts';
import type { Offence, Verdict } from '../../torture/scenario.ts';

const CLEAN = { lost: 0, twice: 0, outOfOrder: 0, repliesLost: 0, repliesTwice: 0, isClean: true, offences: [] };

const trial = (some: Partial<Verdict>, killsLeft = 0): Trial => ({
  verdict: { ...CLEAN, ...some } as unknown as Verdict,
  killsLeft,
});

const offence = (kind: Offence['kind']): Offence => ({ kind, conversation: '-', what: '' });

const MUTANT = { shows: ['lost', 'outOfOrder'] } as const;

describe('The trial of a mutant', () => {
  for (const [what, outcome, shown, one] of [
    ['caught by a count that its flaw raises', 'caught', 'lost 2', trial({ isClean: false, lost: 2, twice: 1 })],
    ['survived if all happened and all was well', 'survived', 'SURVIVED', trial({})],
    [
      'undecided if only another count was raised',
      'undecided',
      'UNDECIDED: reply twice 1',
      trial({ isClean: false, repliesTwice: 1, offences: [offence('reply twice')] }),
    ],
    [
      'undecided if it got stuck',
      'undecided',
      'UNDECIDED: not accepted, unfinished',
      trial({ isClean: false, offences: [offence('not accepted'), offence('unfinished'), offence('unfinished')] }),
    ],
    ['undecided if its processes did not die', 'undecided', 'UNDECIDED: 2 kills did not happen', trial({}, 2)],
  ] as const)
    it(`finds it ${what}`, () => {
      expect(outcomeOf(MUTANT, one)).to.equal(outcome);
      expect(describeTrial(MUTANT, one)).to.equal(shown);
    });
});
