import { expect } from 'chai';
import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryQuarantine } from '../../src/adapters/memory/memory-quarantine.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { isWahookError, WahookError } from '../../src/core/errors.ts';
import type { MessageQueue } from '../../src/core/ports/queue.ts';
import type { DedupStore, QuarantinedPiece, QuarantineReason, WebhookElement } from '../../src/core/ports/receiving.ts';
import { ReplayQuarantine } from '../../src/core/replay-quarantine.ts';
import { eventElement, textMessage } from './builders.ts';

const piece = (raw: string, reason: QuarantineReason = 'wrong_shape'): QuarantinedPiece => ({
  ...{ reason, path: 'entry[0]' },
  raw: new TextEncoder().encode(raw),
});
const message = (id: string) => eventElement(textMessage(id, { id }), id);
const refused = (raw: string, reason?: QuarantineReason): WebhookElement => ({
  ...{ kind: 'quarantined', piece: piece(raw, reason) },
});

describe('The replay of a piece in quarantine', () => {
  /** Real stores in memory; `becomes` is what a decoder of today makes of the piece. */
  const open = async (becomes: readonly WebhookElement[], kept = piece('piece', 'too_deep')) => {
    const quarantine = new MemoryQuarantine(Date);
    const dedup = new MemoryDedupStore(Date);
    const rows = new MemoryRows();
    const queue = new MemoryMessageQueue(rows);
    await quarantine.keep([kept]);
    const id = (await quarantine.list({ limit: 1 }))[0]!.id;
    const decoded: string[] = [];
    const decode = (raw: Uint8Array) => {
      decoded.push(new TextDecoder().decode(raw));
      return becomes;
    };
    const replay = (more: { readonly dedup?: DedupStore; readonly queue?: Partial<MessageQueue> } = {}) =>
      new ReplayQuarantine(
        quarantine,
        decode,
        more.dedup ?? dedup,
        more.queue ? ({ ...more.queue } as MessageQueue) : queue,
      );
    const left = async () => (await quarantine.list({ limit: 10 })).map(({ id: leftId }) => leftId);
    const waiting = async () => (await queue.depth('messages')).waiting;
    return { id, quarantine, dedup, replay, run: () => replay().run(id), decoded, left, waiting };
  };

  it('queues its event, records its key, and takes it out', async () => {
    const { run, decoded, left, waiting, dedup } = await open([message('1')]);

    expect(await run()).to.deep.equal({ outcome: 'replayed', fresh: 1, duplicate: 0, quarantined: 0 });

    expect(decoded).to.deep.equal(['piece']);
    expect([await left(), await waiting()]).to.deep.equal([[], 1]);
    const { duplicate } = await dedup.once([message('1').key], async () => {});
    expect(duplicate).to.deep.equal(['1']);
  });

  it('leaves one that is still refused, and says why', async () => {
    const { run, left, waiting, id } = await open([
      refused('piece', 'nul_character'),
      message('of the errors beside it'),
    ]);

    expect(await run()).to.deep.equal({ outcome: 'refused', reason: 'nul_character' });

    expect([await left(), await waiting()]).to.deep.equal([[id], 0]);
  });

  it('leaves one that the store still refuses', async () => {
    const { replay, left, id } = await open([message('1')]);
    const queue = { publish: () => Promise.reject(new WahookError('unstorable', 'no')) };

    expect(await replay({ queue }).run(id)).to.deep.equal({ outcome: 'refused', reason: 'unstorable' });

    expect(await left()).to.deep.equal([id]);
  });

  it('passes on that the store is gone, and keeps the piece', async () => {
    const { replay, left, id, run } = await open([message('1')]);
    const queue = { publish: () => Promise.reject(new WahookError('storage_unavailable', 'gone')) };

    const error = await replay({ queue })
      .run(id)
      .catch((reason: unknown) => reason);

    expect(isWahookError(error, 'storage_unavailable')).to.equal(true);
    expect(await left()).to.deep.equal([id]);
    expect(await run()).to.include({ outcome: 'replayed', fresh: 1 });
  });

  it('takes one out whose element was accepted meanwhile, and queues nothing', async () => {
    const { run, left, waiting, dedup } = await open([message('1')]);
    await dedup.once([message('1').key], async () => {});

    expect(await run()).to.deep.equal({ outcome: 'replayed', fresh: 0, duplicate: 1, quarantined: 0 });

    expect([await left(), await waiting()]).to.deep.equal([[], 0]);
  });

  it('takes one out whose element was accepted while the store had to begin anew', async () => {
    const { replay, left, waiting, dedup, id } = await open([message('1')]);
    const conflicting: DedupStore = {
      once: async (keys, work) => {
        const conflict = new Error('deadlock');
        const lost = dedup.once(keys, async (fresh, unit) => {
          await work(fresh, unit);
          throw conflict;
        });
        expect(await lost.catch((error: unknown) => error)).to.equal(conflict);
        await dedup.once(keys, async () => {});
        return await dedup.once(keys, work);
      },
    };

    const replayed = await replay({ dedup: conflicting }).run(id);

    expect(replayed).to.deep.equal({ outcome: 'replayed', fresh: 0, duplicate: 1, quarantined: 0 });
    expect([await left(), await waiting()]).to.deep.equal([[], 0]);
  });

  it('leaves one whose element another process is storing, which may yet fail', async () => {
    const { run, left, waiting, dedup, id } = await open([message('1'), message('2')]);
    await dedup.once([message('1').key], async () => {
      expect(await run()).to.deep.equal({ outcome: 'busy' });
    });

    expect([await left(), await waiting()]).to.deep.equal([[id], 1]);
    expect(await run()).to.deep.equal({ outcome: 'replayed', fresh: 0, duplicate: 2, quarantined: 0 });
    expect([await left(), await waiting()]).to.deep.equal([[], 1]);
  });

  it('says of one that is not there that it is not', async () => {
    const { replay } = await open([message('1')]);

    expect(await replay().run('99')).to.deep.equal({ outcome: 'absent' });
  });

  it('queues nothing of one that was discarded while it was decoded', async () => {
    const { quarantine, waiting, id, dedup, run } = await open([message('1')]);
    const racing = new ReplayQuarantine(
      Object.assign(Object.create(quarantine) as MemoryQuarantine, {
        find: async () => ({ ...(await quarantine.find(id))!, gone: await quarantine.remove([id]) }),
        remove: quarantine.remove.bind(quarantine),
        keep: quarantine.keep.bind(quarantine),
      }),
      () => [message('1')],
      dedup,
      { publish: () => Promise.reject(new Error('queued')) } as unknown as MessageQueue,
    );

    expect(await racing.run(id)).to.deep.equal({ outcome: 'absent' });
    expect(await run()).to.deep.equal({ outcome: 'absent' });
    expect(await waiting()).to.equal(0);
    expect((await dedup.once([message('1').key], async () => {})).fresh).to.deep.equal(['1']);
  });

  it('queues it once, however many replay it at once, and tells one of them', async () => {
    const { run, left, waiting } = await open([message('1')]);

    const outcomes = (await Promise.all(Array.from({ length: 10 }, run))).map(({ outcome }) => outcome);

    expect(outcomes.filter((outcome) => outcome === 'replayed')).to.have.length(1);
    expect([await left(), await waiting()]).to.deep.equal([[], 1]);
  });

  it('tells one of two that found all of it accepted before', async () => {
    const { run, dedup } = await open([message('1')]);
    await dedup.once([message('1').key], async () => {});

    const outcomes = (await Promise.all([run(), run()])).map(({ outcome }) => outcome);

    expect(outcomes.sort()).to.deep.equal(['absent', 'replayed']);
  });

  it('keeps what of a whole body can still not be handled as pieces of their own', async () => {
    const { run, quarantine, waiting } = await open([message('1'), refused('smaller'), message('2'), message('1')]);

    expect(await run()).to.deep.equal({ outcome: 'replayed', fresh: 2, duplicate: 0, quarantined: 1 });

    const kept = await quarantine.list({ limit: 10 });
    expect(kept.map(({ bytes }) => bytes)).to.deep.equal(['smaller'.length]);
    expect(await waiting()).to.equal(2);
  });

  it('takes out a body that holds nothing', async () => {
    const { run, left } = await open([]);

    expect(await run()).to.deep.equal({ outcome: 'replayed', fresh: 0, duplicate: 0, quarantined: 0 });
    expect(await left()).to.deep.equal([]);
  });

  it('says in a dry run what would become of it, and changes nothing', async () => {
    const { replay, left, waiting, id } = await open([message('1'), message('2')]);

    expect(await replay().run(id, { dryRun: true })).to.deep.equal({ outcome: 'replayable', events: 2 });

    expect([await left(), await waiting()]).to.deep.equal([[id], 0]);
  });
});
