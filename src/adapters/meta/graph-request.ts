import type { OutboundMessage, Recipient } from '../../core/model.ts';
import type { Receipt } from '../../core/ports/sending.ts';
import { encodeContent } from './encode-content.ts';

/**
 * The JSON body of `POST /{phone_number_id}/messages` for one message. Sources: Meta's pages "Send messages" (2025-11-04),
 * "Business-scoped user IDs" (2026-05-28) and the page of each message type.
 *
 * Fields that are `undefined` are left out by `JSON.stringify`.
 */
export function requestBody(message: OutboundMessage): string {
  return JSON.stringify({
    messaging_product: 'whatsapp',
    ...recipient(message.to),
    ...encodeContent(message.content),
    context: message.replyTo === undefined ? undefined : { message_id: message.replyTo },
    biz_opaque_callback_data: message.sendId,
  });
}

/** The body of the call to the same address that marks a message as read (Meta, Typing indicators, copy of 2025-12). */
export function receiptBody({ messageId, typing }: Receipt): object {
  return {
    messaging_product: 'whatsapp',
    status: 'read',
    message_id: messageId,
    ...(typing && { typing_indicator: { type: 'text' } }),
  };
}

/**
 * The `+` matters: to a number without it Meta prepends the country code of the business ("Send messages", 2025-11-04),
 * and a stranger gets the message.
 */
function recipient({ waId, userId, groupId }: Recipient): object {
  if (groupId !== undefined) return { recipient_type: 'group', to: groupId };
  if (waId !== undefined) return { recipient_type: 'individual', to: `+${waId}` };
  return { recipient_type: 'individual', recipient: userId };
}
