import { nextDelivery, refusal } from '../../core/delivery-status.ts';
import type { OutboundMessage, SentMessage, StatusUpdate } from '../../core/model.ts';
import type { Clock } from '../../core/ports/observation.ts';
import type { SentMessages } from '../../core/ports/sending.ts';
import type { MemoryMessageQueue } from './memory-message-queue.ts';
import type { MemoryRow, MemoryRows } from './memory-rows.ts';

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
    return updates.filter((update) => {
      const named = update.sendId === undefined ? undefined : this.#rows.send(update.sendId);
      const own = named?.refusedId === update.messageId ? undefined : named;
      const row = own ?? this.#rows.sentAs(update.messageId);
      if (row !== undefined) raise(row, update);
      if (own !== undefined) this.#prove(own, update.messageId);
      if (row !== undefined) this.#resend(row, update);
      return row === undefined;
    });
  }

  async proofOf({ sendId }: OutboundMessage): Promise<string | undefined> {
    const row = this.#rows.send(sendId);
    if (row?.state === 'done') return row.messageId;
    const updates = this.#rows.allWaiting('statuses').map(({ payload }) => JSON.parse(payload) as StatusUpdate);
    const ofNow = updates.filter(({ messageId }) => messageId !== row?.refusedId);
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

  #resend(row: MemoryRow, { messageId, failure, errors }: StatusUpdate): void {
    const { resend } = failure ?? {};
    if (resend === undefined || row.messageId !== messageId || row.state !== 'done' || row.delivery !== 'failed')
      return;
    if (row.failures >= resend.limit || (resend.only === 'link' && !row.payload.includes('"link":'))) return;
    this.#rows.resend(row, refusal(errors), this.#clock.now() + resend.afterMs);
    this.#queue.wake('outbound', row.lane);
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
