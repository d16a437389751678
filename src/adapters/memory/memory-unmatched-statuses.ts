import { type Delivery, nextDelivery, UNMATCHED_DAYS } from '../../core/delivery-status.ts';
import type { DeliveryFailure, ReportedError, StatusUpdate } from '../../core/model.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** What statuses have said about one message. */
export interface Told {
  readonly delivery: Delivery;
  /** The first one. */
  readonly error?: ReportedError;
  readonly failed?: {
    readonly errors: StatusUpdate['errors'];
    readonly resend: NonNullable<DeliveryFailure['resend']>;
  };
}

/** What statuses have said about messages that are not known, by wamid; so long as it is of use. */
export class MemoryUnmatchedStatuses {
  /** In the order of `keptAtMs`. */
  readonly #told = new Map<string, Told & { readonly keptAtMs: number }>();

  keep(update: StatusUpdate, nowMs: number): void {
    this.#forget(nowMs);
    const { messageId } = update;
    const before = this.#told.get(messageId);
    const delivery = nextDelivery(before?.delivery, update.status);
    if (delivery === undefined) return;
    this.#told.delete(messageId);
    this.#told.set(messageId, { ...toldBy(update), ...before, delivery, keptAtMs: nowMs });
  }

  /** About the message with this wamid. */
  about(messageId: string, nowMs: number): Told | undefined {
    this.#forget(nowMs);
    return this.#told.get(messageId);
  }

  #forget(nowMs: number): void {
    for (const [messageId, { keptAtMs }] of this.#told) {
      if (keptAtMs >= nowMs - UNMATCHED_DAYS * DAY_MS) return;
      this.#told.delete(messageId);
    }
  }
}

/** What one status adds to the delivery state. */
export function toldBy({ status, errors, failure }: StatusUpdate): Pick<Told, 'error' | 'failed'> {
  const error = status === 'failed' ? errors?.[0] : undefined;
  return {
    ...(error !== undefined && { error: structuredClone(error) }),
    ...(failure?.resend !== undefined && { failed: structuredClone({ errors, resend: failure.resend }) }),
  };
}
