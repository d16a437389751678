import { expect } from 'chai';
import { isWahookError, WahookError } from '../../src/core/errors.ts';
import { Intake, type IntakeOptions } from '../../src/core/intake.ts';
import { laneOf } from '../../src/core/lanes.ts';
import type { AccountEvent } from '../../src/core/model.ts';
import type { MessageQueue } from '../../src/core/ports/queue.ts';
import type { DedupStore, Quarantine, QuarantinedPiece, Unit, WebhookElement } from '../../src/core/ports/receiving.ts';
import { StoreEvents } from '../../src/core/store-events.ts';
import { manualClock, RecordingMetrics } from '../support/recording.ts';
import { eventElement, originOf, statusUpdate, textMessage } from './builders.ts';

/** A store whose commits wait for a word, so that a test decides what happens while one is in flight. */
class GatedStore {
  readonly commits: string[][] = [];
  readonly published: { readonly queue: string; readonly lane: string; readonly key: string }[] = [];
  readonly kept: QuarantinedPiece[] = [];
  readonly #known = new Set<string>();
  readonly busy = new Set<string>();
  readonly forgotten = new Set<string>();
  readonly unstorable = new Set<string>();
  failure: Error | undefined;
  gate: Promise<void> = Promise.resolve();

  readonly dedup: DedupStore = {
    once: async (keys, work) => {
      const ids = keys.map((key) => key.id);
      this.commits.push(ids);
      await this.gate;
      if (this.failure !== undefined) throw this.failure;
      const busy = ids.filter((id) => this.busy.has(id));
      const duplicate = ids.filter((id) => this.#known.has(id));
      const fresh = ids.filter((id) => !this.busy.has(id) && !this.#known.has(id));
      if (fresh.length > 0) await work(fresh, {} as Unit);
      for (const id of fresh) this.#known.add(id);
      return { fresh: fresh.filter((id) => !this.forgotten.has(id)), duplicate, busy };
    },
  };

  readonly queue: MessageQueue = {
    publish: async (queue, jobs) => {
      if (jobs.some((job) => this.unstorable.has(job.key.id))) throw new WahookError('unstorable', 'refused');
      for (const { lane, key } of jobs) this.published.push({ queue, lane, key: key.id });
    },
    consume: () => Promise.reject(new Error('not used here')),
    depth: () => Promise.reject(new Error('not used here')),
  };

  readonly quarantine = {
    keep: async (pieces: readonly QuarantinedPiece[]) => void this.kept.push(...pieces),
  } as unknown as Quarantine;
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

const piece: WebhookElement = {
  kind: 'quarantined',
  piece: { reason: 'nul_character', path: 'entry[0]', raw: new Uint8Array([1]) },
};

describe('The intake', () => {
  const open = (options: Partial<IntakeOptions> = {}) => {
    const store = new GatedStore();
    const metrics = new RecordingMetrics();
    const clock = manualClock(1_790_000_005_000);
    const limits = { commitElements: 500, waitingElements: 1_000, waitMs: 500, ...options };
    const intake = new Intake(new StoreEvents(store.dedup, store.queue), store.quarantine, metrics, clock, limits);
    const accept = (...elements: readonly WebhookElement[]) => intake.accept(elements, clock.now() + 3_500);
    return { store, metrics, clock, accept, intake };
  };
  const message = (id: string, waId = '15550100001') => eventElement(textMessage(id, { id, waId }), id);
  const refusal = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return isWahookError(error) ? error.code : error;
  };

  it('stores each kind of event in its queue, in order, and counts it', async () => {
    const { store, accept, metrics } = open();
    const account: AccountEvent = {
      kind: 'account',
      field: 'security',
      businessAccountId: '1',
      value: {},
    };
    const counts = await accept(
      message('m1'),
      eventElement(statusUpdate('read'), 's1'),
      eventElement(account, 'a1'),
      eventElement({ ...account, phoneNumberId: '106' }, 'a2'),
      message('m2', '15550100002'),
    );
    expect(counts).to.deep.equal({ fresh: 5, duplicate: 0, quarantined: 0 });
    expect(store.published).to.deep.equal([
      { queue: 'account', lane: '1|security', key: 'a1' },
      { queue: 'account', lane: '106|security', key: 'a2' },
      { queue: 'messages', lane: '106540352242922|US.15550100001', key: 'm1' },
      { queue: 'messages', lane: '106540352242922|US.15550100002', key: 'm2' },
      { queue: 'statuses', lane: laneOf(statusUpdate('read')), key: 's1' },
    ]);
    expect(metrics.total('webhook_elements_total', { kind: 'message', type: 'text' })).to.equal(2);
    expect(metrics.total('webhook_elements_total', { kind: 'status', type: 'read' })).to.equal(1);
    expect(metrics.total('webhook_elements_total', { kind: 'account', type: 'account' })).to.equal(2);
    expect(metrics.values('webhook_delivery_lag_seconds')).to.deep.equal([5, 5]);
  });

  it('puts the webhooks that arrive while a commit is in flight into the next one', async () => {
    const { store, accept } = open();
    const first = gate();
    store.gate = first.opened;
    const all = [accept(message('1')), accept(message('2')), accept(message('3'))];
    first.open();
    await Promise.all(all);
    expect(store.commits).to.deep.equal([['1'], ['2', '3']]);
  });

  it('keeps a commit small, though a large webhook stays whole', async () => {
    const { store, accept } = open({ commitElements: 2 });
    const first = gate();
    store.gate = first.opened;
    const all = [
      accept(message('1')),
      accept(message('2'), message('3'), message('4')),
      accept(message('5')),
      accept(message('6')),
    ];
    first.open();
    await Promise.all(all);
    expect(store.commits).to.deep.equal([['1'], ['2', '3', '4'], ['5', '6']]);
  });

  it('gives an element that came twice in one commit to the first webhook alone', async () => {
    const { store, accept, metrics } = open();
    const first = gate();
    store.gate = first.opened;
    const all = [accept(message('0')), accept(message('1'), message('1')), accept(message('1'))];
    first.open();
    expect((await Promise.all(all)).slice(1)).to.deep.equal([
      { fresh: 1, duplicate: 1, quarantined: 0 },
      { fresh: 0, duplicate: 1, quarantined: 0 },
    ]);
    expect(metrics.total('webhook_duplicates_total', { kind: 'message' })).to.equal(2);
    expect(store.published.filter(({ key }) => key === '1')).to.have.length(1);
  });

  it('knows what it stored before', async () => {
    const { accept } = open();
    await accept(message('1'));
    expect(await accept(message('1'), message('2'))).to.deep.equal({ fresh: 1, duplicate: 1, quarantined: 0 });
  });

  it('tells of each event once it is stored, and of none that is not', async () => {
    const told: string[] = [];
    const { store, accept } = open({ accepted: (event) => void told.push(event.kind === 'message' ? event.id : '') });
    await accept(message('1'), message('2'), piece);
    await accept(message('1'));
    store.failure = new WahookError('storage_unavailable', 'gone');
    expect(await refusal(accept(message('3')))).not.to.equal(undefined);
    expect(told).to.deep.equal(['1', '2']);
  });

  it('quarantines what is no event, and stores its neighbours', async () => {
    const { store, accept, metrics } = open();
    expect(await accept(message('1'), piece)).to.deep.equal({ fresh: 1, duplicate: 0, quarantined: 1 });
    expect(store.kept.map(({ reason }) => reason)).to.deep.equal(['nul_character']);
    expect(metrics.total('webhook_quarantined_total', { reason: 'nul_character' })).to.equal(1);
    expect(await accept(piece)).to.deep.equal({ fresh: 0, duplicate: 0, quarantined: 1 });
  });

  it('finds the one element that the store refuses for good, quarantines it, and stores the 99 others in order', async () => {
    const { store, accept } = open();
    store.unstorable.add('37');
    const elements = Array.from({ length: 100 }, (_, index) => message(String(index)));
    expect(await accept(...elements)).to.deep.equal({ fresh: 99, duplicate: 0, quarantined: 1 });
    expect(store.published.map(({ key }) => Number(key))).to.deep.equal(
      Array.from({ length: 100 }, (_, index) => index).filter((index) => index !== 37),
    );
    expect(store.kept).to.deep.equal([originOf('37').quarantined('unstorable')]);
  });

  it('refuses every webhook of a commit that failed, and serves the next ones', async () => {
    const { store, accept } = open();
    store.failure = new WahookError('storage_unavailable', 'gone');
    expect(await Promise.all([refusal(accept(message('1'))), refusal(accept(message('2')))])).to.deep.equal([
      'storage_unavailable',
      'storage_unavailable',
    ]);
    store.failure = undefined;
    expect(await accept(message('1'))).to.deep.equal({ fresh: 1, duplicate: 0, quarantined: 0 });
  });

  it('never says that an element is stored while another process works on it', async () => {
    const { store, accept } = open();
    store.busy.add('1');
    expect(await refusal(accept(message('1')))).to.equal('overloaded');
  });

  it('never says that an element is stored of which the store says nothing', async () => {
    const { store, accept } = open();
    store.forgotten.add('2');
    const refused = await accept(message('1'), message('2')).catch((error: unknown) => error);
    expect(refused).to.be.an('error').with.property('message', 'the store does not say what became of an element');
  });

  it('refuses at once when too much waits, but takes one webhook of any size when nothing does', async () => {
    const { store, accept } = open({ commitElements: 2, waitingElements: 2 });
    const first = gate();
    store.gate = first.opened;
    const large = accept(message('1'), message('2'), message('3'));
    const waiting = accept(message('4'), message('5'));
    expect(await refusal(accept(message('6')))).to.equal('overloaded');
    first.open();
    expect(await Promise.all([large, waiting])).to.have.length(2);
    expect(await accept(message('6'))).to.deep.include({ fresh: 1 });
  });

  describe('whose store is slow', () => {
    /** A commit that took so long, and then one in flight with as much waiting as the next one takes. */
    const openFull = async (commitMs: number) => {
      const opened = open({ commitElements: 2 });
      const { store, accept, clock } = opened;
      const slow = gate();
      store.gate = slow.opened;
      const first = accept(message('first'));
      clock.advance(commitMs);
      slow.open();
      await first;
      // The intake is idle a moment after it has answered.
      await new Promise(setImmediate);
      const inFlight = gate();
      store.gate = inFlight.opened;
      const all = [accept(message('1')), accept(message('2'), message('3'))];
      return { ...opened, all, finish: inFlight.open };
    };

    it('takes what fits into the next commit, however long a commit takes', async () => {
      const { store, accept, clock, intake } = open({ commitElements: 2 });
      const inFlight = gate();
      store.gate = inFlight.opened;
      const all = [accept(message('1')), accept(message('2'))];
      clock.advance(3_000);
      expect(intake.isFull).to.equal(false);
      all.push(accept(message('3')));
      expect(intake.isFull).to.equal(true);
      inFlight.open();
      expect(await Promise.all(all)).to.have.length(3);
      expect(intake.isFull).to.equal(false);
    });

    it('takes more only if the commits before it take no longer than it may wait', async () => {
      for (const { commitMs, isFull } of [
        { commitMs: 250, isFull: false },
        { commitMs: 251, isFull: true },
      ]) {
        const { accept, intake, all, finish } = await openFull(commitMs);
        expect(intake.isFull, `${commitMs} ms`).to.equal(isFull);
        const next = accept(message('4')).then(
          () => 'stored',
          (error: unknown) => (isWahookError(error) ? error.code : error),
        );
        finish();
        expect(await next).to.equal(isFull ? 'overloaded' : 'stored');
        await Promise.all(all);
      }
    });

    it('sees that the commit in flight takes longer than the last one', async () => {
      const { intake, all, finish, clock } = await openFull(10);
      expect(intake.isFull).to.equal(false);
      clock.advance(300);
      expect(intake.isFull).to.equal(true);
      finish();
      await Promise.all(all);
    });
  });

  it('does not store what nobody waits for any more', async () => {
    const { store, accept, clock } = open();
    const first = gate();
    store.gate = first.opened;
    const stored = accept(message('1'));
    const late = refusal(accept(message('2')));
    clock.advance(3_500);
    first.open();
    await stored;
    expect(await late).to.equal('overloaded');
    expect(store.published.map(({ key }) => key)).to.deep.equal(['1']);
  });
});
