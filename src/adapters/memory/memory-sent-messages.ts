import type { OutboundMessage, SentMessage, StatusUpdate } from '../../core/model.ts';
import type { Clock } from '../../core/ports/observation.ts';
import type { SentMessages } from '../../core/ports/sending.ts';
import type { MemoryMessageQueue } from './memory-message-queue.ts';
import type { MemoryRow, MemoryRows } from './memory-rows.ts';
import { toldBy } from './memory-unmatched-statuses.ts';

/** What became of our messages, in the rows of a `MemoryMessageQueue`. */
export class MemorySentMessages implements SentMessages {
  readonly #rows: MemoryRows;
  readonly #queue: Pick<MemoryMessageQueue, 'wake'>;
  readonly #clock: Clock;

  /** @param queue the one with these rows; by the same `clock` */
  constructor(rows: MemoryRows, queue: Pick<MemoryMessageQueue, 'wake'>, clock: Clock = Date) {
    this.#rows = rows;
    this.#clock = clock;
    this.#queue = queue;
  }

  async apply(updates: readonly StatusUpdate[]): Promise<readonly StatusUpdate[]> {
    return updates.filter((update) => !this.#isKnown(update));
  }

  #isKnown(update: StatusUpdate): boolean {
    const { sendId, messageId, status } = update;
    const nowMs = this.#clock.now();
    const named = sendId === undefined ? undefined : this.#rows.send(sendId);
    const own = named?.refusedIds.includes(messageId) ? undefined : named;
    const row = own ?? this.#rows.sentAs(messageId);
    if (row === undefined) {
      if (named === undefined) this.#rows.keep(update, nowMs);
      return false;
    }
    const wasWaiting = row.state === 'waiting';
    this.#rows.raise(row, { ...toldBy(update), ...(status !== 'unknown' && { delivery: status }) });
    if (own !== undefined) this.#rows.resend(row, this.#rows.sent(row, messageId, nowMs), nowMs);
    if (row.messageId === messageId) this.#rows.resend(row, toldBy(update).failed, nowMs);
    if (wasWaiting || row.state === 'waiting') this.#queue.wake('outbound', row.lane);
    return true;
  }

  async proofOf({ sendId }: OutboundMessage): Promise<string | undefined> {
    const row = this.#rows.send(sendId);
    if (row?.state === 'done') return row.messageId;
    const updates = this.#rows.allWaiting('statuses').map(({ payload }) => JSON.parse(payload) as StatusUpdate);
    const ofNow = updates.filter(({ messageId }) => !row?.refusedIds.includes(messageId));
    return ofNow.find((update) => update.sendId === sendId)?.messageId;
  }

  async find(sendId: string): Promise<SentMessage | undefined> {
    const row = this.#rows.send(sendId);
    if (row === undefined) return undefined;
    return {
      sendId,
      state: stateOf(row),
      ...(row.messageId !== undefined && { messageId: row.messageId }),
      ...(row.delivery !== undefined && { delivery: row.delivery }),
      ...(row.deliveryError !== undefined && { error: structuredClone(row.deliveryError) }),
      ...(row.state === 'dead' && row.lastError !== undefined && { failure: { ...row.lastError } }),
    };
  }

  async queued(sendId: string): Promise<OutboundMessage | undefined> {
    const row = this.#rows.send(sendId);
    return row && (JSON.parse(row.payload) as OutboundMessage);
  }
}

function stateOf({ state, lastError }: MemoryRow): SentMessage['state'] {
  if (state === 'waiting') return lastError?.code === 'ambiguous' ? 'unsettled' : 'waiting';
  return state === 'done' ? 'sent' : 'dead';
}
