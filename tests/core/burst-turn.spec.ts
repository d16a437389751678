import { expect } from 'chai';
import { decidingOf, saysSomething, waitForMoreMs } from '../../src/core/burst-turn.ts';
import type { InboundMessage } from '../../src/core/model.ts';
import type { Job } from '../../src/core/ports/queue.ts';
import { jobOf, statusUpdate, textMessage } from './builders.ts';

const TURN = { quietMs: 1_000, maxMs: 5_000, maxMessages: 3 };

const acceptedAt = (...times: readonly number[]) => times.map((acceptedAtMs) => jobOf({}, { acceptedAtMs }));

const reaction = { ...textMessage('x'), type: 'reaction', messageId: 'wamid.1' } as InboundMessage;

describe('A burst', () => {
  const cases: readonly [what: string, jobs: readonly Job[], nowMs: number, waitMs: number][] = [
    ['waits until the last message is so old', acceptedAt(0, 600), 900, 700],
    ['goes ahead when it is', acceptedAt(0, 600), 1_600, 0],
    ['waits no longer than its first message may', acceptedAt(0, 4_800), 4_900, 100],
    ['goes ahead when its first message has waited so long', acceptedAt(0, 4_999), 5_000, 0],
    ['goes ahead when it is full', acceptedAt(0, 1, 2), 2, 0],
    ['waits for whole milliseconds', acceptedAt(0), 999.5, 1],
    ['waits at most the quiet time at once, whatever the clocks say', acceptedAt(3_600_000), 0, 1_000],
    ['goes ahead after a failure', [jobOf({}, { attempt: 2, acceptedAtMs: 0 })], 1, 0],
    ['goes ahead after an interruption', [jobOf({}, { interruptions: 1, acceptedAtMs: 0 })], 1, 0],
    ['goes ahead after so many claims, whatever the clocks say', [jobOf({}, { claims: 12, acceptedAtMs: 9e9 })], 0, 0],
    ['still waits one claim before', [jobOf({}, { claims: 11, acceptedAtMs: 9e9 })], 0, 1_000],
    ['without a message has nothing to wait for', [], 0, 0],
  ];
  for (const [what, jobs, nowMs, waitMs] of cases) {
    it(what, () => {
      expect(waitForMoreMs(jobs, TURN, nowMs)).to.equal(waitMs);
    });
  }

  it('is decided by the last message that says something, else by the last', () => {
    const said = textMessage('1042');
    expect(saysSomething(said)).to.equal(true);
    expect(saysSomething(reaction)).to.equal(false);
    expect(decidingOf([textMessage('hi'), said, reaction])).to.equal(said);
    expect(decidingOf([reaction])).to.equal(reaction);
    expect(decidingOf([])).to.equal(undefined);
    const status = statusUpdate('read');
    expect(decidingOf([status])).to.equal(status);
  });
});
