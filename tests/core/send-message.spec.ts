import { expect } from 'chai';
import type { OutboundMessage } from '../../src/core/model.ts';
import type { Job, SendFailure, Sent } from '../../src/core/ports.ts';
import { SendMessage, type SendMessageOptions } from '../../src/core/send-message.ts';
import { RecordingLog, RecordingMetrics } from '../support/recording.ts';
import { jobOf, outboundText, recordingContext } from './builders.ts';

describe('Sending a message', () => {
  const open = (answer: Sent | SendFailure, options: Partial<SendMessageOptions> = {}) => {
    const sent: OutboundMessage[] = [];
    const answers: (Sent | SendFailure)[] = [];
    const gateway = {
      send: async (message: OutboundMessage) => {
        sent.push(message);
        return answers.shift() ?? answer;
      },
    };
    const clock = { at: 1_000_000, now: () => clock.at };
    const log = new RecordingLog();
    const metrics = new RecordingMetrics();
    const proofs = new Map<string, string>();
    const sentMessages = { proofOf: async ({ sendId }: OutboundMessage) => proofs.get(sendId) };
    const useCase = new SendMessage(gateway, sentMessages, log, metrics, clock, {
      settleWaitMs: 60_000,
      onUnsettled: 'resend',
      ...options,
    });
    const run = (...jobs: readonly Job<OutboundMessage>[]) => useCase.run(jobs, recordingContext());
    return { useCase, run, sent, clock, answers, log, metrics, proofs };
  };
  const accepted: Sent = { kind: 'sent', messageId: 'wamid.OUT1' };
  const job = (over: Partial<Job<OutboundMessage>> = {}) => jobOf(outboundText('hello'), over);

  it('is done with the wamid that Meta gave', async () => {
    const { run } = open(accepted);
    expect(await run(job())).to.deep.equal([{ outcome: 'done', messageId: 'wamid.OUT1' }]);
  });

  it('measures the time from the message that it answers, if it answers one', async () => {
    const { run, metrics } = open(accepted);
    await run(job(), jobOf({ ...outboundText('hello'), causedAtMs: 998_500 }));
    expect(metrics.values('end_to_end_seconds')).to.deep.equal([1.5]);
  });

  it('becomes a dead letter at once when Meta refuses it for good or the window is closed', async () => {
    for (const kind of ['rejected', 'window_closed'] as const) {
      const { run, log } = open({ kind, reason: 'refused', code: 131047 });
      expect(await run(job())).to.deep.equal([
        { outcome: 'dead', error: { code: 'graph_131047', message: 'refused' } },
      ]);
      expect(log.lines.map((line) => line.level)).to.deep.equal(['error']);
    }
  });

  it('does not count as a failure when the process broke it off because it must stop', async () => {
    for (const kind of ['retry', 'ambiguous', 'rejected'] as const) {
      const { useCase } = open({ kind, reason: 'stopped' });
      const stopped = { ...recordingContext(), signal: AbortSignal.abort() };
      const [settlement] = await useCase.run([job()], stopped);
      expect(settlement, kind).to.include(
        kind === 'rejected' ? { outcome: 'dead' } : { outcome: 'retry', counted: false },
      );
    }
  });

  it('is tried again after the time that the failure asks for, and longer with each attempt', async () => {
    const { run } = open({ kind: 'retry', reason: 'busy', code: 130429, afterMs: 2_000 });
    for (const [attempt, least, most] of [
      [1, 2_000, 2_000],
      [3, 4_000, 8_000],
    ] as const) {
      const [settlement] = await run(job({ attempt }));
      if (settlement?.outcome !== 'retry') throw new Error('no retry');
      expect(settlement.inMs).to.be.within(least, most);
      expect(settlement.counted).to.equal(true);
    }
  });

  it('gives up when it was repeated as often as the failure allows, else after twelve tries', async () => {
    const limited = open({ kind: 'retry', reason: 'odd', code: 131000, limit: 3 });
    expect((await limited.run(job({ attempt: 3 })))[0]?.outcome).to.equal('retry');
    expect((await limited.run(job({ attempt: 4 })))[0]?.outcome).to.equal('dead');
    const unlimited = open({ kind: 'retry', reason: 'no connection' });
    expect((await unlimited.run(job({ attempt: 11 })))[0]?.outcome).to.equal('retry');
    expect((await unlimited.run(job({ attempt: 12 })))[0]).to.deep.equal({
      outcome: 'dead',
      error: { code: 'retry', message: 'no connection' },
    });
  });

  it('waits for a status when the answer was lost, and only then sends again', async () => {
    const { run, sent } = open({ kind: 'ambiguous', reason: 'timed out' });
    expect(await run(job())).to.deep.equal([
      { outcome: 'retry', inMs: 60_000, counted: true, error: { code: 'ambiguous', message: 'timed out' } },
    ]);
    await run(job({ attempt: 2, lastError: { code: 'ambiguous', message: 'timed out' } }));
    expect(sent).to.have.length(2);
    expect((await run(job({ attempt: 12 })))[0]?.outcome).to.equal('dead');
  });

  for (const onUnsettled of ['resend', 'hold'] as const)
    it(`is done when its answer was lost but its status is here, not applied yet (${onUnsettled})`, async () => {
      const lastError = { code: 'ambiguous', message: 'timed out' };
      const { run, sent, proofs } = open(accepted, { onUnsettled });
      proofs.set('send-1', 'wamid.PROVED');
      const done = [{ outcome: 'done', messageId: 'wamid.PROVED' }];
      expect(await run(job({ attempt: 2, lastError }))).to.deep.equal(done);
      expect(await run(job({ claims: 2, interrupted: true }))).to.deep.equal(done);
      expect(sent).to.deep.equal([]);
    });

  it('sends nothing once its lease is over, and leaves the message as it was', async () => {
    const { useCase, sent } = open(accepted);
    const context = recordingContext();
    context.outliveLease();
    const left = { outcome: 'retry', inMs: 0, counted: false };
    const error = { code: 'lease_expired', message: 'The process stood still for longer than its lease' };
    expect(await useCase.run([job(), job()], context)).to.deep.equal([{ ...left, error }]);
    const lastError = { code: 'ambiguous', message: 'timed out' };
    expect(await useCase.run([job({ attempt: 2, lastError })], context)).to.deep.equal([{ ...left, error: lastError }]);
    expect(sent).to.deep.equal([]);
  });

  it('takes a send whose process died for one whose answer was lost', async () => {
    const { run, sent } = open(accepted);
    const [settlement] = await run(job({ interrupted: true, claims: 2 }));
    expect(settlement).to.deep.include({ outcome: 'retry', inMs: 60_000 });
    expect(sent).to.deep.equal([]);
    expect((await run(job({ interrupted: true, attempt: 12 })))[0]?.outcome).to.equal('dead');
  });

  it('holds an unsettled message for a person to decide, where that is the policy', async () => {
    const { run, sent } = open(accepted, { onUnsettled: 'hold' });
    const [settlement] = await run(job({ attempt: 2, lastError: { code: 'ambiguous', message: '' } }));
    if (settlement?.outcome !== 'dead') throw new Error('it was not held');
    expect(settlement.error.code).to.equal('unsettled');
    expect(sent).to.deep.equal([]);
  });

  it('pauses a number whose token Meta refuses, without burning its messages, and resumes by itself', async () => {
    const { run, sent, clock, answers } = open(accepted);
    answers.push({ kind: 'unauthorized', reason: 'token expired', code: 190 });
    expect((await run(job()))[0]).to.deep.include({ outcome: 'retry', counted: false });
    clock.at += 20_000;
    expect((await run(job()))[0]).to.deep.include({ outcome: 'retry', inMs: 40_000, counted: false });
    const lastError = { code: 'ambiguous', message: 'timed out' };
    expect((await run(job({ attempt: 2, lastError })))[0]).to.deep.include({ inMs: 40_000, error: lastError });
    expect(sent).to.have.length(1);
    const other = { ...outboundText('hello'), phoneNumberId: '2' };
    expect((await run(jobOf(other)))[0]?.outcome).to.equal('done');
    clock.at += 40_000;
    expect((await run(job()))[0]?.outcome).to.equal('done');
  });

  it('lets nothing overtake a message that must wait', async () => {
    const { run, sent, answers } = open(accepted);
    answers.push(accepted, { kind: 'retry', reason: 'busy' });
    const settlements = await run(job(), job(), job());
    expect(settlements.map((settlement) => settlement.outcome)).to.deep.equal(['done', 'retry']);
    expect(sent).to.have.length(2);
  });
});
