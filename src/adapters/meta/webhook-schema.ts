import { z } from 'zod';
import type { Json } from '../../core/model.ts';

/*
 * Meta's format as far as we read it. New fields come weekly and old ones vary, so everything is loose and nearly everything
 * optional. Applied to one element at a time: a bad one does not reject its neighbours. The types stay in this folder.
 *
 * What identifies something must be right, or its element is quarantined; anything else that has an unexpected form counts
 * as absent, for a message is worth more than its caption.
 */

/** Ids have at most some 300 characters; one beyond this would not fit into an index. */
const LONGEST_ID = 512;

const id = z.string().min(1).max(LONGEST_ID);
const personId = z.string().max(LONGEST_ID).nullish();
const text = z.string().optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);
/** Seconds since 1970, as text or as a number. */
const timestamp = z.union([z.string(), z.number()]).optional().catch(undefined);
/** Meta's quantities and prices are numbers; text with a number in it has been seen. */
const amount = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,15}(\.\d{1,15})?$/)
    .transform(Number),
]);
/** Passed on as it is. */
const anything = z.custom<Json>().optional();

export const entrySchema = z.looseObject({
  id,
  time: timestamp,
  /** Stands here, not in the change, in Meta's own example of PARTNER_APP_INSTALLED (docs, 2025-12). */
  field: text,
});
export type WireEntry = z.infer<typeof entrySchema>;

export const metadataSchema = z.looseObject({ phone_number_id: id, display_phone_number: text });

export const contactSchema = z.looseObject({
  wa_id: personId,
  user_id: personId,
  parent_user_id: personId,
  profile: z.looseObject({ name: text, username: text }).optional().catch(undefined),
});
export type WireContact = z.infer<typeof contactSchema>;

export const errorSchema = z.looseObject({
  code: amount,
  title: text,
  message: text,
  /** An object by the docs; a plain string has been seen. */
  error_data: z
    .union([z.string(), z.looseObject({ details: text })])
    .optional()
    .catch(undefined),
});

export const messageSchema = z.looseObject({
  id,
  from: personId,
  from_user_id: personId,
  from_parent_user_id: personId,
  group_id: personId,
  timestamp,
  type: text,
  context: z
    .looseObject({
      id: text,
      from: text,
      forwarded: flag,
      frequently_forwarded: flag,
      referred_product: z
        .looseObject({ catalog_id: z.string(), product_retailer_id: z.string() })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});
export type WireMessage = z.infer<typeof messageSchema>;

export const referralSchema = z.looseObject({
  source_type: text,
  source_id: text,
  source_url: text,
  headline: text,
  body: text,
  ctwa_clid: text,
});

export const statusSchema = z.looseObject({
  id,
  status: z.string().min(1),
  timestamp,
  /** `payment` in India; absent for statuses of messages. */
  type: text,
  recipient_id: personId,
  recipient_user_id: personId,
  recipient_type: text,
  /** Two of Meta's own examples differ in the name. */
  parent_recipient_user_id: personId,
  parent_user_id: personId,
  recipient_participant_id: personId,
  recipient_participant_user_id: personId,
  recipient_participant_parent_user_id: personId,
  /** What some of Meta's examples call `recipient_participant_id`. */
  participant_recipient_id: personId,
  biz_opaque_callback_data: text,
  pricing: anything,
  /** Some examples have the pricing in here. */
  conversation: z.looseObject({ pricing: anything }).optional().catch(undefined),
  payment: anything,
});
export type WireStatus = z.infer<typeof statusSchema>;

/** An item of the lists of calls, echoes and standby copies: only what its key needs. */
export const itemSchema = z.looseObject({ id, event: text, status: text, timestamp });

export const mediaSchema = z.looseObject({
  id: z.string().min(1),
  mime_type: text,
  sha256: text,
  url: text,
  caption: text,
  filename: text,
  voice: flag,
  animated: flag,
});
export type WireMedia = z.infer<typeof mediaSchema>;

export const textSchema = z.looseObject({ body: z.string() });

export const locationSchema = z.looseObject({
  latitude: amount,
  longitude: amount,
  name: text,
  address: text,
  url: text,
});

export const sharedContactSchema = z.looseObject({
  name: z.looseObject({ formatted_name: text, first_name: text, last_name: text }).optional().catch(undefined),
  phones: z
    .array(z.looseObject({ phone: text, wa_id: text, type: text }))
    .optional()
    .catch(undefined),
  origin: text,
});

export const reactionSchema = z.looseObject({ message_id: z.string().min(1), emoji: text });

export const buttonSchema = z.looseObject({ payload: text, text: z.string() });

export const orderSchema = z.looseObject({
  catalog_id: z.string(),
  text,
  product_items: z.array(
    z.looseObject({ product_retailer_id: z.string(), quantity: amount, item_price: amount, currency: z.string() }),
  ),
});

export const systemSchema = z.looseObject({
  type: z.string(),
  body: text,
  wa_id: text,
  /** The name of `wa_id` before Graph API v12. */
  new_wa_id: text,
  user_id: personId.catch(undefined),
  previous_user_id: personId.catch(undefined),
});

export const editSchema = z.looseObject({ original_message_id: z.string().min(1), message: anything });

export const revokeSchema = z.looseObject({ original_message_id: z.string().min(1) });

export const unsupportedSchema = z.looseObject({ type: text });

export const interactiveSchema = z.looseObject({ type: text });

export const buttonReplySchema = z.looseObject({ id: z.string(), title: z.string() });

export const listReplySchema = z.looseObject({ id: z.string(), title: z.string(), description: text });

export const nfmReplySchema = z.looseObject({ name: text, body: text, response_json: z.string() });

export const callPermissionReplySchema = z.looseObject({
  response: z.string(),
  expiration_timestamp: timestamp,
  is_permanent: flag,
  response_source: text,
});
