import type { OutboundContent, OutboundMessage, Recipient } from '../../core/model.ts';

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
    ...content(message.content),
    context: message.replyTo === undefined ? undefined : { message_id: message.replyTo },
    biz_opaque_callback_data: message.sendId,
  });
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

function content(message: OutboundContent): object {
  switch (message.type) {
    case 'text':
      return { type: 'text', text: { body: message.text, preview_url: message.previewUrl } };
    case 'image':
      return { type: 'image', image: { link: message.link, caption: unlessEmpty(message.caption) } };
    case 'template': {
      const { name, language, components } = message;
      return { type: 'template', template: { name, language: { code: language }, components } };
    }
    case 'buttons':
      return { type: 'interactive', interactive: interactiveButtons(message) };
  }
}

function interactiveButtons(message: OutboundContent & { readonly type: 'buttons' }): object {
  return {
    type: 'button',
    header: message.header ? { type: 'text', text: message.header } : undefined,
    body: { text: message.text },
    footer: message.footer ? { text: message.footer } : undefined,
    action: { buttons: message.buttons.map(({ id, title }) => ({ type: 'reply', reply: { id, title } })) },
  };
}

function unlessEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
