import { expect } from 'chai';
import { WahookError } from '../../src/core/errors.ts';
import { Intake } from '../../src/core/intake.ts';
import type { MessageQueue } from '../../src/core/ports/queue.ts';
import type { DedupStore, Quarantine, Unit, WebhookElement } from '../../src/core/ports/receiving.ts';
import { ReceiveWebhook } from '../../src/core/receive-webhook.ts';
import { StoreEvents } from '../../src/core/store-events.ts';
import { manualClock, RecordingLog, RecordingMetrics } from '../support/recording.ts';
import { eventElement, textMessage } from './builders.ts';

describe('Receiving a webhook', () => {
  const open = (
    once: DedupStore['once'],
    elements: readonly WebhookElement[] = [eventElement(textMessage('hi'), '1')],
  ) => {
    const decoded: Uint8Array[] = [];
    const decode = (body: Uint8Array) => {
      decoded.push(body);
      return elements;
    };
    const queue = { publish: async () => {} } as unknown as MessageQueue;
    const quarantine = { keep: async () => {} } as unknown as Quarantine;
    const limits = { commitElements: 1, waitingElements: 1, waitMs: 0 };
    const intake = new Intake(
      new StoreEvents({ once }, queue),
      quarantine,
      new RecordingMetrics(),
      manualClock(),
      limits,
    );
    const log = new RecordingLog();
    const clock = manualClock();
    const verifier = { verify: (_: Uint8Array, header: string | undefined) => header === 'good' };
    const receive = new ReceiveWebhook(verifier, decode, intake, clock, log, 30);
    return { receive, run: (header = 'good') => receive.run(new Uint8Array([1]), header), decoded, log, clock };
  };
  const store: DedupStore['once'] = async (keys, work) => {
    const fresh = keys.map((key) => key.id);
    await work(fresh, {} as Unit);
    return { fresh, duplicate: [], busy: [] };
  };
  const rejectWith = (error: unknown) => open(() => Promise.reject(error));

  it('accepts what is signed and stored', async () => {
    expect(await open(store).run()).to.deep.equal({ outcome: 'accepted', fresh: 1, duplicate: 0, quarantined: 0 });
  });

  it('does not even parse what is not signed', async () => {
    const { run, decoded } = open(() => Promise.reject(new Error('the store was asked')));
    expect(await run('bad')).to.deep.equal({ outcome: 'bad_signature' });
    expect(decoded).to.deep.equal([]);
  });

  it('tells the operator about refused webhooks once a minute, with their number', async () => {
    const { run, log, clock } = open(store);
    for (let sent = 0; sent < 5; sent += 1) await run('bad');
    expect(log.lines.map(({ fields }) => fields['badSignature'])).to.deep.equal([1]);
    clock.advance(60_000);
    await run('bad');
    expect(log.lines.map(({ level, fields }) => [level, fields['badSignature']])).to.deep.equal([
      ['warn', 1],
      ['warn', 5],
    ]);
  });

  it('accepts a webhook without elements and without the store', async () => {
    const { run } = open(() => Promise.reject(new Error('the store was asked')), []);
    expect(await run()).to.deep.equal({ outcome: 'accepted', fresh: 0, duplicate: 0, quarantined: 0 });
  });

  it('is unavailable when the store is, and says in the log why', async () => {
    const { run, log } = rejectWith(new WahookError('storage_unavailable', 'connection refused'));
    expect(await run()).to.deep.equal({ outcome: 'unavailable', reason: 'storage' });
    expect(log.lines.map(({ level, fields }) => [level, fields])).to.deep.equal([
      ['warn', { storage: 1, error: 'connection refused' }],
    ]);
  });

  it('is unavailable when too much waits', async () => {
    const { run } = rejectWith(new WahookError('overloaded', 'too much'));
    expect(await run()).to.deep.equal({ outcome: 'unavailable', reason: 'overload' });
  });

  it('is full while one more webhook would wait too long, and tells the operator that it refuses some', async () => {
    const { promise: stored, resolve } = Promise.withResolvers<{ fresh: []; duplicate: string[]; busy: [] }>();
    const { receive, run, log } = open(() => stored);
    expect(receive.isFull()).to.equal(false);
    const both = [run(), run()];
    expect(receive.isFull()).to.equal(true);
    expect(log.lines.map(({ level, fields }) => [level, fields])).to.deep.equal([['warn', { overload: 1 }]]);
    resolve({ fresh: [], duplicate: ['1'], busy: [] });
    await Promise.all(both);
    expect(receive.isFull()).to.equal(false);
  });

  it('does not wait longer than its deadline, and says so in the log', async () => {
    const { run, log } = open(() => new Promise(() => {}));
    expect(await run()).to.deep.equal({ outcome: 'unavailable', reason: 'timeout' });
    expect(log.lines.map(({ level, fields }) => [level, fields])).to.deep.equal([['warn', { timeout: 1 }]]);
  });

  it('lets a bug through to whoever answers with 500', async () => {
    for (const bug of [new TypeError('a bug'), 'not even an error']) {
      const { run, log } = rejectWith(bug);
      const seen = await run().catch((error: unknown) => error);
      expect(seen).to.equal(bug);
      expect(log.lines.map((line) => line.level)).to.deep.equal(['error']);
    }
  });
});
