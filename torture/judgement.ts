import type { Ledger } from './ledger.ts';
import type { Facts } from './receiver-database.ts';
import type { Offence, Verdict } from './scenario.ts';
import { isBehind, type SideLedger } from './side-ledger.ts';

export interface Evidence {
  readonly ledger: Ledger;
  readonly side: SideLedger;
  /** Undefined for a receiver whose tables are unknown. */
  readonly facts: Facts | undefined;
  /** Messages that were to be sent at least. */
  readonly asked: number;
  readonly badExits: readonly string[];
  /** Kinds of faults of which less has happened than was planned. */
  readonly missed: readonly string[];
  /** What the run was at when nothing moved any more; undefined if it came to its end. */
  readonly stuckAt: string | undefined;
}

type Judgement = Pick<Verdict, 'isClean' | 'offences' | 'deadLetters' | 'quarantined' | 'statuses' | 'poisoned'>;

/** Of a run that is over: what is missing now is missing for good. Call it once. */
export function judge(evidence: Evidence): Judgement {
  const { ledger, side, facts, asked, badExits, missed, stuckAt } = evidence;
  ledger.close((name) => facts?.fateOf(name));
  if (facts !== undefined) judgeTables(ledger, side, facts);
  const { sent, acked } = ledger.counts;
  const notAccepted = Math.max(asked, sent) - acked;
  const offences: readonly Offence[] = [
    ...ledger.offences,
    ...badExits.map((what) => offence('bad exit', what)),
    ...missed.map((what) => offence('not broken', what)),
    ...(notAccepted > 0 ? [offence('not accepted', `${notAccepted} messages never got a 200`)] : []),
    ...(stuckAt === undefined ? [] : [offence('unfinished', `nothing moved any more while ${stuckAt}`)]),
  ];
  return {
    isClean: offences.length === 0 && ledger.violations === 0,
    offences,
    deadLetters: (facts?.deadInbox.length ?? 0) + (facts?.deadOutbox.length ?? 0),
    quarantined: facts?.quarantined ?? 0,
    statuses: { acked: side.statuses, stored: facts?.statuses },
    poisoned: { acked: side.poison.size, setAside: facts?.poison.size },
  };
}

/** Of a run that was broken off at its first violation: what is missing is only not there yet. */
export function judgeBrokenOff({ ledger, side, badExits }: Evidence): Judgement {
  return {
    isClean: false,
    offences: [...ledger.offences, ...badExits.map((what) => offence('bad exit', what))],
    deadLetters: 0,
    quarantined: 0,
    statuses: { acked: side.statuses, stored: undefined },
    poisoned: { acked: side.poison.size, setAside: undefined },
  };
}

function judgeTables(ledger: Ledger, side: SideLedger, facts: Facts): void {
  for (const what of facts.deadInbox) ledger.addLost('lost', what);
  for (const what of facts.deadOutbox) ledger.addLost('reply lost', what);
  for (let piece = 1; piece <= facts.quarantined; piece += 1) ledger.addLost('lost', `piece ${piece} in quarantine`);
  for (let status = facts.statuses; status < side.statuses; status += 1)
    ledger.addLost('lost', 'a status that was acked and is not stored');
  for (const [sendId, told] of side.deliveries) {
    const noted = facts.deliveries.get(sendId);
    if (isBehind(noted, told))
      ledger.addLost('lost', `reply ${sendId} counts as ${noted ?? 'not sent'}, though ${told} was acked`);
  }
  for (let row = 1; row <= facts.statusesTwice; row += 1) ledger.addTwice('a status that is stored twice');
  for (const n of side.poison)
    if (!facts.poison.has(n)) ledger.addLost('lost', `poisoned element ${n}: acked, and not in quarantine`);
}

function offence(kind: Offence['kind'], what: string): Offence {
  return { kind, conversation: '-', what };
}
