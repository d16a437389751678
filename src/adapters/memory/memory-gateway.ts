import type { OutboundMessage } from '../../core/model.ts';
import type { Marked, Receipt, SendFailure, Sent, WhatsAppGateway } from '../../core/ports/sending.ts';

/** A WhatsApp that takes everything and delivers nothing: for tests and for running without a network. */
export class MemoryGateway implements WhatsAppGateway {
  readonly #sent: OutboundMessage[] = [];
  readonly #receipts: Receipt[] = [];
  readonly #failures: SendFailure[] = [];

  /** What was taken, oldest first; a message that failed is not among it. Copies: changing them changes nothing here. */
  get sent(): readonly OutboundMessage[] {
    return structuredClone(this.#sent);
  }

  /** The next send that is not failed already ends like this; calls add up, in their order. */
  failNext(failure: SendFailure): void {
    this.#failures.push(failure);
  }

  async send(message: OutboundMessage, signal?: AbortSignal): Promise<Sent | SendFailure> {
    if (signal?.aborted) return { kind: 'retry', reason: 'The send was stopped before the message could leave.' };
    const failure = this.#failures.shift();
    if (failure !== undefined) return failure;
    this.#sent.push(structuredClone(message));
    return { kind: 'sent', messageId: `wamid.${crypto.randomUUID()}` };
  }

  /** What was marked as read, oldest first. */
  get receipts(): readonly Receipt[] {
    return structuredClone(this.#receipts);
  }

  async markRead(receipt: Receipt, signal?: AbortSignal): Promise<Marked | SendFailure> {
    if (signal?.aborted) return { kind: 'retry', reason: 'The call was stopped before it could leave.' };
    const failure = this.#failures.shift();
    if (failure !== undefined) return failure;
    this.#receipts.push(structuredClone(receipt));
    return { kind: 'marked' };
  }
}
