import { expect } from 'chai';
import type { ApplyStatuses } from '../../src/core/delivery-status.ts';
import type { HandleEvent } from '../../src/core/handle-event.ts';
import { laneOf } from '../../src/core/lanes.ts';
import type { ConsumeOptions, Job, JobHandler, MessageQueue, Settlement } from '../../src/core/ports/queue.ts';
import type { SendMessage } from '../../src/core/send-message.ts';
import { Worker } from '../../src/core/worker.ts';
import { RecordingMetrics } from '../support/recording.ts';
import { jobOf, recordingContext, statusUpdate } from './builders.ts';

describe('The worker', () => {
  const open = (settlement: Settlement, broken?: string, messagesAtOnce = 1) => {
    const consumers = new Map<string, { readonly handler: JobHandler<unknown>; readonly options: ConsumeOptions }>();
    const stopped: string[] = [];
    const queue = {
      consume: async (name: string, handler: JobHandler<unknown>, options: ConsumeOptions) => {
        if (name === broken) throw new Error('cannot consume');
        consumers.set(name, { handler, options });
        return { stop: async () => void stopped.push(name) };
      },
    } as unknown as MessageQueue;
    const ran: string[] = [];
    const part = (name: string) => ({
      messagesAtOnce,
      run: async (jobs: readonly Job[]) => {
        ran.push(name);
        return jobs.map(() => settlement);
      },
    });
    const metrics = new RecordingMetrics();
    const worker = new Worker(
      queue,
      part('handle') as unknown as HandleEvent,
      part('statuses') as unknown as ApplyStatuses,
      part('send') as unknown as SendMessage,
      metrics,
      8,
    );
    return { worker, consumers, stopped, ran, metrics };
  };

  it('gives each queue to its use case, messages one by one, statuses in bursts', async () => {
    const { worker, consumers, ran } = open({ outcome: 'done' });
    await worker.start();
    for (const { handler } of consumers.values()) await handler([jobOf({})], recordingContext());
    expect([...consumers.keys()]).to.deep.equal(['messages', 'outbound', 'statuses', 'account']);
    expect(ran).to.deep.equal(['handle', 'send', 'statuses', 'handle']);
    const bursts = (lane: string) =>
      [...consumers.values()].map(({ options: { burst } }) => (typeof burst === 'number' ? burst : burst(lane)));
    expect(bursts('1065|15550100001')).to.deep.equal([1, 1, 20, 1]);
    expect(bursts(laneOf(statusUpdate('sent'))), 'where statuses come in').to.deep.equal([1, 1, 500, 1]);
    expect(consumers.get('messages')?.options.concurrency).to.equal(8);
  });

  it('asks for as many messages at once as the bot wants', async () => {
    const { worker, consumers } = open({ outcome: 'done' }, undefined, 12);
    await worker.start();
    expect(consumers.get('messages')?.options.burst).to.equal(12);
  });

  it('counts dead letters by queue and reason', async () => {
    const { worker, consumers, metrics } = open({ outcome: 'dead', error: { code: 'graph_131047', message: '' } });
    await worker.start();
    await consumers.get('outbound')?.handler([jobOf({})], recordingContext());
    expect(metrics.total('dead_letters_total', { queue: 'outbound', reason: 'graph_131047' })).to.equal(1);
  });

  it('consumes all queues or none, so that it can be started again', async () => {
    const { worker, stopped } = open({ outcome: 'done' }, 'outbound');
    const outcome = await worker.start().catch((error: unknown) => (error as Error).message);
    expect(outcome).to.equal('cannot consume');
    expect(stopped).to.have.members(['messages', 'statuses', 'account']);
  });

  it('stops every consumption, also before it was started', async () => {
    const { worker, stopped } = open({ outcome: 'done' });
    await worker.stop();
    await worker.start();
    await worker.stop();
    expect(stopped).to.have.members(['messages', 'outbound', 'statuses', 'account']);
  });
});
