import { isWahookError } from './errors.ts';
import type { MessageQueue } from './ports/queue.ts';
import type {
  DecodeWebhook,
  DedupStore,
  KeyedEvent,
  Quarantine,
  QuarantinedPiece,
  QuarantineReason,
  Unit,
} from './ports/receiving.ts';
import { storeEvents } from './store-events.ts';

/** What became of one piece. */
export type Replay =
  /** It is out of quarantine. `fresh`: queued now; `duplicate`: accepted before; `quarantined`: smaller pieces kept for it. */
  | {
      readonly outcome: 'replayed';
      readonly fresh: number;
      readonly duplicate: number;
      readonly quarantined: number;
    }
  /** Of a dry run: it would be, with so many events. */
  | { readonly outcome: 'replayable'; readonly events: number }
  /** It stays: for this reason it can still not be handled. */
  | { readonly outcome: 'refused'; readonly reason: QuarantineReason }
  /** It stays: another process is storing the same element right now. Try again. */
  | { readonly outcome: 'busy' }
  /** There is no such piece, or somebody else has replayed or discarded it meanwhile. */
  | { readonly outcome: 'absent' };

/** Takes a piece out of quarantine once the decoder, or the store, can do what it could not. */
export class ReplayQuarantine {
  readonly #quarantine: Quarantine;
  readonly #decode: DecodeWebhook;
  readonly #dedup: DedupStore;
  readonly #queue: MessageQueue;

  constructor(quarantine: Quarantine, decode: DecodeWebhook, dedup: DedupStore, queue: MessageQueue) {
    this.#quarantine = quarantine;
    this.#decode = decode;
    this.#dedup = dedup;
    this.#queue = queue;
  }

  /**
   * Decodes the piece anew. Its event is queued behind what its conversation has waiting, in one unit of work with its key
   * and the removal of the piece: a death in between loses nothing and doubles nothing, and of concurrent runs one queues
   * it. If the element was accepted meanwhile (Meta delivered it again, and the key is still remembered), it is a duplicate.
   *
   * A piece that decodes to several elements is stored as a whole or not at all; what of it cannot be handled becomes
   * pieces of its own, kept before it is removed.
   *
   * @throws WahookError `storage_unavailable`: whether it was replayed is then unknown; a repetition finds out
   */
  async run(id: string, { dryRun = false } = {}): Promise<Replay> {
    const kept = await this.#quarantine.find(id);
    if (kept === undefined) return { outcome: 'absent' };
    const elements = this.#decode(kept.raw);
    const events = elements.filter((element) => element.kind === 'event');
    const pieces = elements.flatMap((element) => (element.kind === 'quarantined' ? [element.piece] : []));
    const same = pieces.find(({ raw }) => Buffer.compare(raw, kept.raw) === 0);
    if (same !== undefined) return { outcome: 'refused', reason: same.reason };
    if (dryRun) return { outcome: 'replayable', events: events.length };
    return await this.#replay(id, events, pieces);
  }

  async #replay(id: string, events: readonly KeyedEvent[], pieces: readonly QuarantinedPiece[]): Promise<Replay> {
    await this.#quarantine.keep(pieces);
    const ids = new Set(events.map(({ key }) => key.id));
    try {
      const { fresh, duplicate, busy } = await storeEvents(this.#dedup, this.#queue, events, async (stored, unit) => {
        // Only if it is all of them: another process may have the others in hand, and may fail.
        if (stored.length === ids.size && !(await this.#remove(id, unit))) throw new Gone();
      });
      if (busy.length > 0) return { outcome: 'busy' };
      // By the result: the store may have run the work more than once, and only the last time counts.
      const removed = ids.size > 0 && fresh.length === ids.size;
      // Every key is recorded now, so a piece that outlives a death at this point is a duplicate at the next replay.
      if (!removed && !(await this.#remove(id))) return { outcome: 'absent' };
      return { outcome: 'replayed', fresh: fresh.length, duplicate: duplicate.length, quarantined: pieces.length };
    } catch (error) {
      if (error instanceof Gone) return { outcome: 'absent' };
      if (isWahookError(error, 'unstorable')) return { outcome: 'refused', reason: 'unstorable' };
      throw error;
    }
  }

  async #remove(id: string, unit?: Unit): Promise<boolean> {
    return (await this.#quarantine.remove([id], unit)).length === 1;
  }
}

/** Ends the unit of work: the piece went out from under it. */
class Gone extends Error {}
