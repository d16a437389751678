import { nextDelivery } from '../../core/delivery-status.ts';
import type { OutboundMessage, SentMessage, StatusUpdate } from '../../core/model.ts';
import type { SentMessages } from '../../core/ports.ts';
import type { MemoryMessageQueue } from './memory-message-queue.ts';
import type { MemoryRow, MemoryRows } from './memory-rows.ts';

/** What became of our messages, in the rows of a `MemoryMessageQueue`. */
export class MemorySentMessages implements SentMessages {
  readonly #rows: MemoryRows;
  readonly #queue: Pick<MemoryMessageQueue, 'wake'>;

  /** @param queue the one with these rows */
  constructor(rows: MemoryRows, queue: Pick<MemoryMessageQueue, 'wake'>) {
    this.#rows = rows;
    this.#queue = queue;
  }

  async apply(updates: readonly StatusUpdate[]): Promise<readonly StatusUpdate[]> {
    return updates.filter((update) => {
      const own = update.sendId === undefined ? undefined : this.#rows.send(update.sendId);
      const row = own ?? this.#rows.sentAs(update.messageId);
      if (row !== undefined) raise(row, update);
      if (own !== undefined) this.#prove(own, update.messageId);
      return row === undefined;
    });
  }

  async proofOf({ sendId }: OutboundMessage): Promise<string | undefined> {
    const row = this.#rows.send(sendId);
    if (row?.state === 'done') return row.messageId;
    const updates = this.#rows.allWaiting('statuses').map(({ payload }) => JSON.parse(payload) as StatusUpdate);
    return updates.find((update) => update.sendId === sendId)?.messageId;
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

  /** Meta took the message, whatever we believe. */
  #prove(row: MemoryRow, messageId: string): void {
    this.#rows.name(row, messageId);
    if (row.state === 'done') return;
    this.#rows.finish(row, 'done');
    this.#queue.wake('outbound', row.lane);
  }
}

function stateOf({ state, lastError }: MemoryRow): SentMessage['state'] {
  if (state === 'waiting') return lastError?.code === 'ambiguous' ? 'unsettled' : 'waiting';
  return state === 'done' ? 'sent' : 'dead';
}

function raise(row: MemoryRow, { status, errors }: StatusUpdate): void {
  const delivery = nextDelivery(row.delivery, status);
  if (delivery !== undefined) row.delivery = delivery;
  const [error] = errors ?? [];
  if (status === 'failed' && error !== undefined) row.deliveryError ??= structuredClone(error);
}
