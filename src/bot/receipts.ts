import type { InboundMessage } from '../core/model.ts';
import type { HandlerRun } from '../core/ports/bot.ts';

/**
 * Tells the customer that the message was read, with `typing` also that an answer is being written. Right away and not by the
 * queue: it is a courtesy, so a failure is logged and fails nobody.
 */
export async function markRead({ id, phoneNumberId }: InboundMessage, typing: boolean, run: HandlerRun): Promise<void> {
  const { gateway } = run.channel;
  const result = await gateway.markRead({ phoneNumberId, messageId: id, typing }, run.signal);
  if (result.kind === 'marked') return;
  run.log.warn('A message could not be marked as read', { code: result.code, reason: result.reason });
}
