import { expect } from 'chai';
import { WahookError } from '../../src/core/errors.ts';
import type { OutboundMessage } from '../../src/core/model.ts';
import type { Job, JobError } from '../../src/core/ports/queue.ts';
import type { Route, SendFailure, SendLimit, SendPermit, Sent } from '../../src/core/ports/sending.ts';
import { SendMessage, type SendMessageOptions } from '../../src/core/send-message.ts';
import { RecordingLog, RecordingMetrics } from '../support/recording.ts';
import { jobOf, outboundText, recordingContext } from './builders.ts';

/** Permits what it is told to permit, and remembers what it was told. */
class RecordedControl {
  readonly permits: (SendPermit | Error)[] = [];
  readonly told: unknown[] = [];
  closes: number | undefined | Error;

  async closesAtMs(): Promise<number | undefined> {
    if (this.closes instanceof Error) throw this.closes;
    return this.closes;
  }

  async reserve(): Promise<SendPermit> {
    const permit = this.permits.shift() ?? { kind: 'go', probe: false };
    if (permit instanceof Error) throw permit;
    return permit;
  }

  async exceeded(_route: Route, limit: SendLimit): Promise<void> {
    this.told.push(['exceeded', limit]);
  }

  async stop(phoneNumberId: string, error: JobError): Promise<boolean> {
    this.told.push(['stop', phoneNumberId, error.code]);
    return this.told.length === 1;
  }

  async resume(phoneNumberId: string): Promise<boolean> {
    this.told.push(['resume', phoneNumberId]);
    return true;
  }
}

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
    const control = new RecordedControl();
    const useCase = new SendMessage(
      gateway,
      sentMessages,
      { rate: control, numbers: control, windows: control },
      log,
      metrics,
      clock,
      {
        settleWaitMs: 60_000,
        onUnsettled: 'resend',
        outsideWindow: 'refuse',
        ...options,
      },
    );
    const run = (...jobs: readonly Job<OutboundMessage>[]) => useCase.run(jobs, recordingContext());
    return { useCase, run, sent, clock, answers, log, metrics, proofs, control };
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

  it('waits for the limits without an attempt being counted, and sends nothing', async () => {
    const { run, sent, control } = open(accepted);
    control.permits.push({ kind: 'later', inMs: 6_000, because: 'recipient' });
    expect((await run(job()))[0]).to.deep.equal({
      ...{ outcome: 'retry', inMs: 6_000, counted: false },
      error: {
        code: 'limit_recipient',
        message: 'This person has got as many messages as Meta lets through for now',
      },
    });
    expect(sent).to.deep.equal([]);
  });

  it('does not come back at one moment with all others that wait for a number', async () => {
    const { run, control } = open(accepted);
    for (const permit of [
      { kind: 'later', inMs: 1_000, because: 'number' },
      { kind: 'stopped', inMs: 1_000 },
    ] as const) {
      const waits = new Set<number>();
      for (let index = 0; index < 10; index += 1) {
        control.permits.push(permit);
        const [settlement] = await run(job());
        if (settlement?.outcome !== 'retry') throw new Error('no retry');
        expect(settlement.inMs).to.be.within(1_000, 1_100);
        waits.add(settlement.inMs);
      }
      expect(waits.size).to.be.above(1);
    }
  });

  it('waits for a stopped number to wake it from its second look on, so seldom that many together cost little', async () => {
    const { run, control } = open(accepted);
    const lastError = { code: 'number_stopped', message: 'The number is stopped' };
    const waits: number[] = [];
    for (let index = 0; index < 400; index += 1) {
      control.permits.push({ kind: 'stopped', inMs: 60_000 });
      const [settlement] = await run(job({ lastError }));
      if (settlement?.outcome !== 'retry') throw new Error('no retry');
      expect(settlement.error.code).to.equal('number_stopped');
      waits.push(settlement.inMs);
    }
    expect(Math.min(...waits)).to.be.within(60_000, 600_000);
    expect(Math.max(...waits)).to.be.within(3_000_000, 3_660_000);
    for (let minute = 1; minute < 61; minute += 10)
      expect(waits.filter((inMs) => inMs >= minute * 60_000 && inMs < (minute + 10) * 60_000).length).to.be.within(
        30,
        110,
      );
  });

  it('comes back for the next probe if it was the one that found the number still stopped', async () => {
    for (const [answer, inMs] of [
      [{ kind: 'unauthorized', reason: 'token expired', code: 190 }, 240_000],
      // A resume does not wake these.
      [{ kind: 'retry', reason: 'busy', afterMs: 1_000 }, 60_000],
      [{ kind: 'ambiguous', reason: 'timed out' }, 60_000],
    ] as const) {
      const { run, control } = open(answer);
      control.permits.push({ kind: 'go', probe: true, nextInMs: 240_000 });
      expect((await run(job()))[0], answer.kind).to.include({ outcome: 'retry', inMs });
    }
  });

  it('looks every minute if the number does not wake it, as it remembers something else, however long that is stopped', async () => {
    for (const code of ['ambiguous', 'graph_131047']) {
      const { run, control } = open(accepted);
      for (const [nextProbeMs, leastMs] of [
        [5_000, 5_000],
        [3_600_000, 60_000],
      ] as const) {
        control.permits.push({ kind: 'stopped', inMs: nextProbeMs });
        const [settlement] = await run(job({ attempt: 2, lastError: { code, message: 'remembered' } }));
        expect(settlement?.outcome === 'retry' && settlement.inMs, code).to.be.within(leastMs, 1.1 * leastMs);
      }
    }
  });

  it('remembers over a wait that its answer was lost', async () => {
    const { run, control } = open(accepted);
    const lastError = { code: 'ambiguous', message: 'timed out' };
    for (const permit of [
      { kind: 'later', inMs: 10, because: 'number' },
      { kind: 'stopped', inMs: 10 },
    ] as const) {
      control.permits.push(permit);
      expect((await run(job({ attempt: 2, lastError })))[0]).to.deep.include({ counted: false, error: lastError });
    }
  });

  it('sends nothing while the limits cannot be asked, and passes any other error on', async () => {
    const { run, sent, control } = open(accepted);
    control.permits.push(new WahookError('storage_unavailable', 'down'), new TypeError('a bug'));
    expect((await run(job()))[0]).to.deep.include({ outcome: 'retry', counted: false });
    const failure = await run(job()).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.be.instanceOf(TypeError);
    expect(sent).to.deep.equal([]);
  });

  it('tells the limiter about a limit that Meta names, and counts no attempt but for the recipient', async () => {
    for (const [exceeded, counted] of [
      ['recipient', true],
      ['number', false],
      ['account', false],
      ['app', false],
    ] as const) {
      const { run, control } = open({ kind: 'retry', reason: 'too fast', code: 1, afterMs: 2_000, exceeded });
      const [settlement] = await run(job({ attempt: 12 }));
      if (counted) expect(settlement).to.include({ outcome: 'dead' });
      else expect(settlement).to.include({ outcome: 'retry', inMs: 2_000, counted });
      expect(control.told).to.deep.equal([['exceeded', exceeded]]);
    }
  });

  it('waits four times as long each time where the failure says so', async () => {
    const { run } = open({ kind: 'retry', reason: 'too many', afterMs: 1_000, growth: 4, exceeded: 'recipient' });
    for (const [attempt, least, most] of [
      [1, 1_000, 1_000],
      [2, 2_000, 4_000],
      [4, 32_000, 64_000],
    ] as const) {
      const [settlement] = await run(job({ attempt }));
      if (settlement?.outcome !== 'retry') throw new Error('no retry');
      expect(settlement.inMs).to.be.within(least, most);
    }
  });

  it('stops a number that Meta refuses, says so once, and burns no attempt', async () => {
    const { run, log, control } = open({ kind: 'unauthorized', reason: 'token expired', code: 190 });
    const waits = {
      ...{ outcome: 'retry', inMs: 60_000, counted: false },
      error: { code: 'number_stopped', message: 'token expired' },
    };
    expect(await run(job({ attempt: 12 }))).to.deep.equal([waits]);
    expect(await run(job())).to.deep.equal([waits]);
    const stopped = ['stop', outboundText('').phoneNumberId, 'graph_190'];
    expect(control.told).to.deep.equal([stopped, stopped]);
    expect(log.lines.map((line) => line.level)).to.deep.equal(['error']);
  });

  it('resumes the number when a probe is taken, or refused because of itself alone', async () => {
    const resumed = [['resume', outboundText('').phoneNumberId]];
    for (const [answer, told] of [
      [accepted, resumed],
      [{ kind: 'rejected', reason: 'no such person' }, resumed],
      [{ kind: 'window_closed', reason: 'too late' }, resumed],
      [{ kind: 'ambiguous', reason: 'timed out' }, []],
      [{ kind: 'retry', reason: 'busy' }, []],
    ] as const) {
      const { run, control } = open(answer);
      control.permits.push({ kind: 'go', probe: true, nextInMs: 240_000 });
      await run(job());
      expect(control.told, answer.kind).to.deep.equal(told);
    }
  });

  describe('outside of the customer service window', () => {
    const DAY_MS = 24 * 60 * 60 * 1_000;
    const NOW_MS = 10 * DAY_MS;
    const closed = (options: Partial<SendMessageOptions> = {}, answer: Sent | SendFailure = accepted) => {
      const opened = open(answer, options);
      opened.clock.at = NOW_MS;
      opened.control.closes = NOW_MS;
      return opened;
    };
    const fallback = { template: 'we_miss_you', language: 'en_US' };
    const template = { type: 'template', name: 'we_miss_you', language: 'en_US' };

    it('refuses what is no template before it is sent, with a reason of its own', async () => {
      const { run, sent } = closed();
      const [settlement] = await run(job());
      if (settlement?.outcome !== 'dead') throw new Error('it was not refused');
      expect(settlement.error.code).to.equal('window_closed');
      expect(sent).to.deep.equal([]);
    });

    it('sends the template that the message names as its fallback', async () => {
      const { run, sent } = closed();
      expect((await run(jobOf({ ...outboundText('hello'), fallback })))[0]?.outcome).to.equal('done');
      expect(sent.map(({ content }) => content)).to.deep.equal([template]);
    });

    it('sends templates, to groups, and what it knows nothing about', async () => {
      const { run, sent, control } = closed();
      await run(jobOf({ ...outboundText('hello'), content: { type: 'template', name: 'x', language: 'en' } }));
      await run(jobOf({ ...outboundText('hello'), to: { groupId: 'G1' } }));
      for (const closes of [undefined, NOW_MS + 1, new WahookError('storage_unavailable', 'down')]) {
        control.closes = closes;
        await run(job());
      }
      expect(sent).to.have.length(5);
    });

    it('goes by the message that it answers, if that is newer than what is stored', async () => {
      const { run, sent, control } = closed();
      await run(jobOf({ ...outboundText('hello'), openedAtMs: NOW_MS - DAY_MS + 1 }));
      expect(sent).to.have.length(1);
      control.closes = undefined;
      const [late] = await run(jobOf({ ...outboundText('hello'), openedAtMs: NOW_MS - DAY_MS }));
      expect(late?.outcome).to.equal('dead');
    });

    it('tries all the same where that is the policy', async () => {
      const { run, sent } = closed({ outsideWindow: 'try' });
      await run(job());
      expect(sent).to.have.length(1);
    });

    it('sends the fallback too when Meta says so though the window is open, whatever it waits for in between', async () => {
      const { run, sent, control, answers } = open(accepted);
      answers.push({ kind: 'window_closed', reason: 'too late', code: 131047 });
      const message = { ...outboundText('hello'), fallback };
      const [refused] = await run(jobOf(message));
      expect(refused).to.deep.include({ outcome: 'retry', inMs: 0, counted: false });
      if (refused?.outcome !== 'retry') throw new Error('no retry');
      control.permits.push({ kind: 'later', inMs: 10, because: 'recipient' });
      const [waited] = await run(jobOf(message, { lastError: refused.error }));
      if (waited?.outcome !== 'retry') throw new Error('no retry');
      expect((await run(jobOf(message, { lastError: waited.error })))[0]?.outcome).to.equal('done');
      expect(sent.map(({ content }) => content)).to.deep.equal([message.content, template]);
    });

    it('gives up when Meta refuses the fallback as well', async () => {
      const { run } = open({ kind: 'window_closed', reason: 'too late', code: 131047 });
      const lastError = { code: 'graph_131047', message: 'too late' };
      const [settlement] = await run(jobOf({ ...outboundText('hello'), fallback }, { lastError }));
      expect(settlement?.outcome).to.equal('dead');
    });
  });

  it('lets nothing overtake a message that must wait', async () => {
    const { run, sent, answers } = open(accepted);
    answers.push(accepted, { kind: 'retry', reason: 'busy' });
    const settlements = await run(job(), job(), job());
    expect(settlements.map((settlement) => settlement.outcome)).to.deep.equal(['done', 'retry']);
    expect(sent).to.have.length(2);
  });

  for (const [what, failure] of [
    ['throttled', { kind: 'retry', reason: 'busy', code: 131016 }],
    ['refused for its number', { kind: 'unauthorized', reason: 'the token is over', code: 190 }],
  ] as const)
    it(`that was sent again after a lost answer and is ${what} still looks for the proof of the send before`, async () => {
      const lastError = { code: 'ambiguous', message: 'timed out' };
      const { run } = open(failure);
      expect(await run(job({ attempt: 2, lastError })))
        .to.have.nested.property('[0].error')
        .that.deep.equals(lastError);
    });
});
