import type { Json, Media, MessageContent, SharedContact } from '../../core/model.ts';
import { decodeInteractive } from './decode-interactive.ts';
import {
  buttonSchema,
  editSchema,
  locationSchema,
  mediaSchema,
  orderSchema,
  reactionSchema,
  revokeSchema,
  sharedContactSchema,
  systemSchema,
  textSchema,
  unsupportedSchema,
  type WireMedia,
} from './webhook-schema.ts';
import { isJsonArray, type JsonObject } from './wire-json.ts';
import { withoutUndefined } from './without-undefined.ts';

/** Gets `message[type]` and the whole message; undefined: it has not the form that this version knows. */
type ContentDecoder = (wire: Json | undefined, message: JsonObject) => MessageContent | undefined;

const CONTENT_DECODERS: ReadonlyMap<string, ContentDecoder> = new Map<string, ContentDecoder>([
  ['text', text],
  ['image', (wire) => captioned('image', wire)],
  ['video', (wire) => captioned('video', wire)],
  ['audio', audio],
  ['document', document],
  ['sticker', sticker],
  ['location', location],
  ['contacts', contacts],
  ['reaction', reaction],
  ['interactive', (wire) => ({ type: 'interactive', reply: decodeInteractive(wire) })],
  ['button', button],
  ['order', order],
  ['system', system],
  ['edit', edit],
  ['revoke', revoke],
  ['unsupported', unsupported],
  // Meta's OpenAPI description (v23.0) calls the two the same.
  ['unknown', (_wire, message) => unsupported(message['unsupported'])],
]);

/**
 * What a message says. Never fails: a type that this version does not know, or a form of it, becomes `unknown` with the
 * whole message, so that the bot can still answer.
 */
export function decodeContent(type: string | undefined, message: JsonObject): MessageContent {
  const decode = CONTENT_DECODERS.get(type ?? '');
  const content = type === undefined ? undefined : decode?.(message[type], message);
  return content ?? withoutUndefined({ type: 'unknown', reported: type, raw: message });
}

function text(wire: Json | undefined): MessageContent | undefined {
  const { data } = textSchema.safeParse(wire);
  return data && { type: 'text', text: data.body };
}

function parseMedia(wire: Json | undefined): { readonly media: Media; readonly file: WireMedia } | undefined {
  const { data: file } = mediaSchema.safeParse(wire);
  return (
    file && {
      media: withoutUndefined({ id: file.id, mimeType: file.mime_type, sha256: file.sha256, url: file.url }),
      file,
    }
  );
}

function captioned(type: 'image' | 'video', wire: Json | undefined): MessageContent | undefined {
  const parsed = parseMedia(wire);
  return parsed && withoutUndefined({ type, media: parsed.media, caption: parsed.file.caption });
}

function audio(wire: Json | undefined): MessageContent | undefined {
  const parsed = parseMedia(wire);
  return parsed && { type: 'audio', media: parsed.media, voice: parsed.file.voice ?? false };
}

function document(wire: Json | undefined): MessageContent | undefined {
  const parsed = parseMedia(wire);
  const { caption, filename } = parsed?.file ?? {};
  return parsed && withoutUndefined({ type: 'document', media: parsed.media, caption, filename });
}

function sticker(wire: Json | undefined): MessageContent | undefined {
  const parsed = parseMedia(wire);
  return parsed && { type: 'sticker', media: parsed.media, animated: parsed.file.animated ?? false };
}

function location(wire: Json | undefined): MessageContent | undefined {
  const { data } = locationSchema.safeParse(wire);
  if (data === undefined) return undefined;
  const { latitude, longitude, name, address, url } = data;
  return withoutUndefined({ type: 'location', latitude, longitude, name, address, url });
}

/** `origin` stands on the message in one of Meta's pages, on the contact in another. */
function contacts(wire: Json | undefined, message: JsonObject): MessageContent | undefined {
  if (!isJsonArray(wire)) return undefined;
  const origins = [message, ...wire].map((holder) => sharedContactSchema.safeParse(holder).data?.origin);
  const origin = origins.find((found) => found !== undefined);
  return withoutUndefined({ type: 'contacts', contacts: wire.map(sharedContact), origin });
}

function sharedContact(card: Json): SharedContact {
  const { data } = sharedContactSchema.safeParse(card);
  return withoutUndefined({
    formattedName: data?.name?.formatted_name,
    firstName: data?.name?.first_name,
    lastName: data?.name?.last_name,
    phones: (data?.phones ?? []).map(({ phone, wa_id: waId, type }) => withoutUndefined({ phone, waId, type })),
    card,
  });
}

function reaction(wire: Json | undefined): MessageContent | undefined {
  const { data } = reactionSchema.safeParse(wire);
  // Taken back: by the docs without emoji; an empty one has been seen.
  return data && withoutUndefined({ type: 'reaction', messageId: data.message_id, emoji: data.emoji || undefined });
}

function button(wire: Json | undefined): MessageContent | undefined {
  const { data } = buttonSchema.safeParse(wire);
  return data && withoutUndefined({ type: 'button', payload: data.payload, text: data.text });
}

function order(wire: Json | undefined): MessageContent | undefined {
  const { data } = orderSchema.safeParse(wire);
  if (data === undefined) return undefined;
  const items = data.product_items.map((item) => ({
    productRetailerId: item.product_retailer_id,
    quantity: item.quantity,
    itemPrice: item.item_price,
    currency: item.currency,
  }));
  return withoutUndefined({ type: 'order', catalogId: data.catalog_id, text: data.text, items });
}

function system(wire: Json | undefined): MessageContent | undefined {
  const { data } = systemSchema.safeParse(wire);
  if (data === undefined || wire === undefined) return undefined;
  return withoutUndefined({
    type: 'system',
    change: data.type,
    body: data.body,
    newWaId: data.wa_id ?? data.new_wa_id,
    previousUserId: data.previous_user_id ?? undefined,
    value: wire,
  });
}

function edit(wire: Json | undefined): MessageContent | undefined {
  const { data } = editSchema.safeParse(wire);
  return data && { type: 'edit', originalMessageId: data.original_message_id, edited: data.message ?? null };
}

function revoke(wire: Json | undefined): MessageContent | undefined {
  const { data } = revokeSchema.safeParse(wire);
  return data && { type: 'revoke', originalMessageId: data.original_message_id };
}

function unsupported(wire: Json | undefined): MessageContent {
  return withoutUndefined({ type: 'unsupported', reported: unsupportedSchema.safeParse(wire).data?.type });
}
