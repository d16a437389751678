import { expect } from 'chai';
import fc from 'fast-check';
import { ApplyStatuses, type Delivery, nextDelivery } from '../../src/core/delivery-status.ts';
import type { StatusUpdate } from '../../src/core/model.ts';
import type { Job, JobHandler, SentMessages } from '../../src/core/ports.ts';
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

  it('does not change by a word that this version does not know', () => {
    expect(stateAfter('unknown')).to.equal(undefined);
    expect(stateAfter('read', 'unknown')).to.equal('read');
  });
});

describe('Applying statuses', () => {
  const open = (known: (update: StatusUpdate) => boolean, handle?: JobHandler<StatusUpdate>) => {
    const applied: StatusUpdate[] = [];
    const sentMessages: SentMessages = {
      apply: async (updates) => {
        applied.push(...updates);
        return updates.filter((update) => !known(update));
      },
      find: async () => undefined,
      proofOf: async () => undefined,
    };
    const handled: StatusUpdate[] = [];
    const done: JobHandler<StatusUpdate> = async (jobs) => {
      handled.push(...jobs.map((job) => job.payload));
      return jobs.map(() => ({ outcome: 'done' }));
    };
    const metrics = new RecordingMetrics();
    const clock = manualClock(1_790_000_001_000);
    const statuses = new ApplyStatuses(sentMessages, handle ?? done, metrics, clock);
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
