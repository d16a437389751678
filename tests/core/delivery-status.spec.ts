import { expect } from 'chai';
import fc from 'fast-check';
import { ApplyStatuses, type Delivery, nextDelivery, refusal } from '../../src/core/delivery-status.ts';
import { WahookError } from '../../src/core/errors.ts';
import { laneOf } from '../../src/core/lanes.ts';
import type { StatusUpdate } from '../../src/core/model.ts';
import type { Job, JobHandler } from '../../src/core/ports/queue.ts';
import type { SentMessages } from '../../src/core/ports/sending.ts';
import { manualClock, RecordingMetrics } from '../support/recording.ts';
import { jobOf, recordingContext, statusUpdate } from './builders.ts';

const WORDS = ['sent', 'delivered', 'read', 'played'] as const;

describe('The delivery state of a message', () => {
  const stateAfter = (...statuses: readonly StatusUpdate['status'][]) =>
    statuses.reduce<Delivery | undefined>(nextDelivery, undefined);

  it('ends at the highest status in whatever order and however often they come', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...WORDS), { minLength: 1 }), (statuses) => {
        expect(stateAfter(...statuses)).to.equal(WORDS[Math.max(...statuses.map((status) => WORDS.indexOf(status)))]);
      }),
    );
  });

  it('is failed after sent and failed, in both orders', () => {
    expect(stateAfter('sent', 'failed')).to.equal('failed');
    expect(stateAfter('failed', 'sent')).to.equal('failed');
  });

  it('is lifted out of failed by real evidence, and not pushed back by a failure on another device', () => {
    expect(stateAfter('failed', 'delivered')).to.equal('delivered');
    expect(stateAfter('read', 'failed')).to.equal('read');
  });

  it('says why a message is sent again, also where Meta gives no code', () => {
    expect(refusal([{ code: 131_000, title: 'Something went wrong' }]).code).to.equal('graph_131000');
    expect(refusal(undefined).code).to.equal('graph_unknown');
  });

  it('does not change by a word that this version does not know', () => {
    expect(stateAfter('unknown')).to.equal(undefined);
    expect(stateAfter('read', 'unknown')).to.equal('read');
  });
});

describe('Applying statuses', () => {
  const open = (
    known: (update: StatusUpdate) => boolean,
    handle?: JobHandler<StatusUpdate>,
    listensTo: (update: StatusUpdate) => boolean = () => true,
  ) => {
    const applied: StatusUpdate[] = [];
    const sentMessages: SentMessages = {
      apply: async (updates) => {
        applied.push(...updates);
        return updates.filter((update) => !known(update));
      },
      find: async () => undefined,
      queued: async () => undefined,
      proofOf: async () => undefined,
    };
    const handled: StatusUpdate[] = [];
    const done: JobHandler<StatusUpdate> = async (jobs) => {
      handled.push(...jobs.map((job) => job.payload));
      return jobs.map(() => ({ outcome: 'done' }));
    };
    const metrics = new RecordingMetrics();
    const clock = manualClock(1_790_000_001_000);
    const statuses = new ApplyStatuses(sentMessages, handle ?? done, listensTo, metrics, clock);
    const run = (...jobs: readonly Job<StatusUpdate>[]) => statuses.run(jobs, recordingContext());
    return { run, applied, handled, metrics, clock };
  };

  it('applies all of a burst together, then shows each to the bot and counts it', async () => {
    const { run, applied, handled, metrics } = open(() => true);
    const failed = statusUpdate('failed', { errors: [{ code: 131026 }] });
    const settlements = await run(jobOf(statusUpdate('sent')), jobOf(failed));
    expect(settlements.map((settlement) => settlement.outcome)).to.deep.equal(['done', 'done']);
    expect(applied).to.have.length(2);
    expect(handled).to.deep.equal(applied);
    expect(metrics.total('message_status_total', { status: 'failed', error_code: '131026' })).to.equal(1);
    expect(metrics.total('message_status_total', { status: 'sent', error_code: 'none' })).to.equal(1);
  });

  it('waits for a message that is not known yet, without counting it: its status overtook the answer of the send', async () => {
    const early = statusUpdate('sent', { messageId: 'wamid.EARLY' });
    const { run, handled, metrics } = open((update) => update !== early);
    const settlements = await run(jobOf(statusUpdate('read')), jobOf(early), jobOf(statusUpdate('played')));
    expect(settlements.map((settlement) => settlement.outcome)).to.deep.equal(['done', 'retry']);
    expect(settlements[1]).to.deep.include({ inMs: 2_000, counted: false });
    expect(handled).to.have.length(1);

    const again = await run(jobOf(early, { claims: 2 }));
    expect(metrics.total('message_status_total')).to.equal(1);
    expect(again).to.deep.equal([{ outcome: 'done' }]);
    expect(handled).to.include(early);
  });

  it('does not wait for a message that has had its time to become known, so many unknown ones cost one wait', async () => {
    const { run, handled, clock } = open(() => false);
    clock.advance(2_000);
    const settlements = await run(jobOf(statusUpdate('sent')), jobOf(statusUpdate('read')));
    expect(settlements).to.deep.equal([{ outcome: 'done' }, { outcome: 'done' }]);
    expect(handled).to.have.length(2);
  });

  it('waits no longer than that when the clocks of database and process differ', async () => {
    const { run, clock } = open(() => false);
    clock.advance(-600_000);
    expect((await run(jobOf(statusUpdate('sent'))))[0]).to.deep.include({ inMs: 3_000 });
  });

  it('hands nothing to the bot when the first status must wait', async () => {
    const { run, handled } = open(() => false);
    const settlements = await run(jobOf(statusUpdate('sent')));
    expect(settlements.map((settlement) => settlement.outcome)).to.deep.equal(['retry']);
    expect(handled).to.deep.equal([]);
  });

  it('does not wait for a status that names a send of ours', async () => {
    const { run } = open(() => false);
    expect(await run(jobOf(statusUpdate('sent', { sendId: 'send-1' })))).to.deep.equal([{ outcome: 'done' }]);
  });

  describe('in bulk, as they come in', () => {
    const lane = laneOf(statusUpdate('sent'));
    const recipientLane = '106540352242922|15550100001';
    const incoming = (update: StatusUpdate, over: Partial<Job<StatusUpdate>> = {}) => jobOf(update, { lane, ...over });

    it('shows none to a bot that does not listen', async () => {
      const { run, applied, handled, metrics } = open(
        () => true,
        undefined,
        () => false,
      );
      const settlements = await run(incoming(statusUpdate('sent')), incoming(statusUpdate('read')));
      expect(settlements).to.deep.equal([{ outcome: 'done' }, { outcome: 'done' }]);
      expect(applied).to.have.length(2);
      expect(handled).to.deep.equal([]);
      expect(metrics.total('message_status_total')).to.equal(2);
    });

    it('moves those that the bot listens to on to the lane of their recipient, applied', async () => {
      const { run, handled, applied, metrics } = open(
        () => true,
        undefined,
        ({ status }) => status === 'failed',
      );
      const failed = statusUpdate('failed', { errors: [{ code: 131026 }] });
      const settlements = await run(incoming(statusUpdate('sent')), incoming(failed));
      expect(settlements).to.deep.equal([{ outcome: 'done' }, { outcome: 'moved', lane: recipientLane }]);
      expect(await run(jobOf(failed, { lane: recipientLane, claims: 2 }))).to.deep.equal([{ outcome: 'done' }]);
      expect(handled).to.deep.equal([failed]);
      expect(applied, 'not applied again').to.have.length(2);
      expect(metrics.total('message_status_total')).to.equal(2);
    });

    it('lets one whose message is not known yet wait in the lane of its recipient, and applies it there again', async () => {
      const early = statusUpdate('sent', { messageId: 'wamid.EARLY' });
      const { run, handled, applied } = open(
        (update) => update !== early,
        undefined,
        () => false,
      );
      const settlements = await run(incoming(early), incoming(statusUpdate('read')));
      const error = { code: 'unknown_message', message: 'The message of this status is not known yet' };
      expect(settlements).to.deep.equal([
        { outcome: 'moved', lane: recipientLane, inMs: 2_000, error },
        { outcome: 'done' },
      ]);
      const again = jobOf(early, { lane: recipientLane, claims: 2, lastError: error });
      expect(await run(again), 'it has waited').to.deep.equal([{ outcome: 'done' }]);
      expect(applied.filter((update) => update === early)).to.have.length(2);
      expect(handled).to.deep.equal([early]);
    });

    it('gives up one that the store can never take, and applies the others', async () => {
      const poison = statusUpdate('sent', { messageId: 'wamid.POISON' });
      const refuse = (update: StatusUpdate) => {
        if (update === poison) throw new WahookError('unstorable', 'never');
        return true;
      };
      const { run } = open(refuse, undefined, () => false);
      const settlements = await run(incoming(statusUpdate('sent')), incoming(poison), incoming(statusUpdate('read')));
      expect(settlements.map(({ outcome }) => outcome)).to.deep.equal(['done', 'dead', 'done']);
      expect(settlements[1]).to.have.nested.property('error.code', 'unstorable');
    });

    it('passes that on too if it shows while one that the store can never take is looked for', async () => {
      let calls = 0;
      const refuse = () => {
        calls += 1;
        throw new WahookError(calls === 1 ? 'unstorable' : 'storage_unavailable', 'not now');
      };
      const { run } = open(refuse);
      const error = await run(incoming(statusUpdate('sent'))).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'storage_unavailable');
    });

    it('passes on what the store cannot do right now', async () => {
      const refuse = () => {
        throw new WahookError('storage_unavailable', 'gone');
      };
      const { run } = open(refuse);
      const error = await run(incoming(statusUpdate('sent'))).catch((reason: unknown) => reason);
      expect(error).to.have.property('code', 'storage_unavailable');
    });

    it('keeps all statuses of a recipient in one lane, and spreads recipients over a few', () => {
      const lanes = Array.from({ length: 200 }, (_, index) =>
        laneOf(statusUpdate('sent', { recipient: { waId: `1555010${index}` } })),
      );
      expect(new Set(lanes).size).to.be.within(2, 16);
      expect(laneOf(statusUpdate('sent'))).to.equal(laneOf(statusUpdate('read')));
    });
  });

  it('stops where the bot wants to try again', async () => {
    const retry: JobHandler<StatusUpdate> = async () => [
      { outcome: 'retry', inMs: 1, counted: true, error: { code: 'handler_failed', message: '' } },
    ];
    const early = statusUpdate('sent');
    const { run } = open((update) => update !== early, retry);
    const settlements = await run(jobOf(statusUpdate('read')), jobOf(early));
    expect(settlements).to.have.length(1);
  });
});
