import { expect } from 'chai';
import fc from 'fast-check';
import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryQuarantine } from '../../src/adapters/memory/memory-quarantine.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { decodeWebhook } from '../../src/adapters/meta/decode-webhook.ts';
import { Intake } from '../../src/core/intake.ts';
import { ReplayQuarantine } from '../../src/core/replay-quarantine.ts';
import { StoreEvents } from '../../src/core/store-events.ts';
import { POISON } from '../adapters/meta/poison.ts';
import { messagesChange } from '../adapters/meta/webhook-bodies.ts';
import { RecordingMetrics } from '../support/recording.ts';

const LIMIT = 100_000;

const poison = Object.values(POISON)
  .map(([, json]) => json)
  .filter((json) => json.length < 100_000);

/** Of few ids, so that messages repeat within a webhook and over webhooks. */
const good = fc.nat(30).map((id) => `{"id":"wamid.${id}","from":"${id % 3}","timestamp":"1790000000"}`);
const bad = fc.constantFrom(...poison);
const message = fc.oneof({ weight: 3, arbitrary: good }, { weight: 1, arbitrary: bad });
const webhooks = fc.array(fc.array(message, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 });

/** A body of these messages, as JSON texts. */
function bodyOf(messages: readonly string[]): Buffer {
  const body = messagesChange({ messages: ['MESSAGES'] }).toString();
  return Buffer.from(body.replace('"MESSAGES"', () => messages.join()));
}

function open() {
  const dedup = new MemoryDedupStore(Date);
  const queue = new MemoryMessageQueue(new MemoryRows());
  const quarantine = new MemoryQuarantine(Date, { maxPieces: LIMIT });
  const options = { commitElements: 50, waitingElements: LIMIT, waitMs: Number.POSITIVE_INFINITY };
  const intake = new Intake(new StoreEvents(dedup, queue), quarantine, new RecordingMetrics(), Date, options);
  return { dedup, queue, quarantine, intake };
}

describe('Of whatever comes in', () => {
  it('every element is an event, a duplicate or quarantined, and nothing else; each event is queued once', async () => {
    await fc.assert(
      fc.asyncProperty(webhooks, async (batches) => {
        const { intake, queue, quarantine } = open();
        const accepted = await Promise.all(
          batches.map((messages) => intake.accept(decodeWebhook(bodyOf(messages)), Date.now() + 60_000)),
        );
        for (const [index, { fresh, duplicate, quarantined }] of accepted.entries())
          expect(fresh + duplicate + quarantined).to.equal(batches[index]?.length);
        const all = batches.flat();
        const goods = new Set(all.filter((json) => !poison.includes(json)));
        const sum = (what: 'fresh' | 'quarantined') => accepted.reduce((total, counts) => total + counts[what], 0);
        expect(sum('fresh')).to.equal(goods.size);
        expect(sum('quarantined')).to.equal(all.filter((json) => poison.includes(json)).length);
        expect((await queue.depth('messages')).waiting).to.equal(goods.size);
        const kept = await quarantine.list({ limit: LIMIT });
        expect(kept.length > 0).to.equal(sum('quarantined') > 0);
      }),
      { numRuns: 100 },
    );
  });

  it('a decoder that refused everything would have cost nothing: the replay queues each event once', async () => {
    await fc.assert(
      fc.asyncProperty(webhooks, async (batches) => {
        const { dedup, queue, quarantine } = open();
        const all = batches.flatMap((messages) => decodeWebhook(bodyOf(messages)));
        await quarantine.keep(
          all.map((element) => (element.kind === 'event' ? element.origin.quarantined('wrong_shape') : element.piece)),
        );
        const before = await quarantine.list({ limit: LIMIT });
        const replay = new ReplayQuarantine(quarantine, decodeWebhook, dedup, queue);
        for (const { id } of before.toReversed()) await replay.run(id);

        const events = all.filter((element) => element.kind === 'event');
        expect((await queue.depth('messages')).waiting).to.equal(new Set(events.map(({ key }) => key.id)).size);
        const reasons = (await quarantine.list({ limit: LIMIT })).map(({ reason, path }) => `${reason} ${path}`);
        const pieces = all.flatMap((element) => (element.kind === 'event' ? [] : [element.piece]));
        expect(new Set(reasons)).to.deep.equal(new Set(pieces.map(({ reason, path }) => `${reason} ${path}`)));
      }),
      { numRuns: 50 },
    );
  });
});
