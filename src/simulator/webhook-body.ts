import type { Customer } from './customers.ts';
import type { JsonObject } from './json.ts';
import type { Business } from './world.ts';

/** The body of a webhook of the field `messages`, keys in Meta's order. */
function messagesWebhook(business: Business, content: JsonObject): JsonObject {
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: business.displayPhoneNumber, phone_number_id: business.phoneNumberId },
    ...content,
  };
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: business.businessAccountId, changes: [{ value, field: 'messages' }] }],
  };
}

/** An element of `contacts[]`. */
function contact(customer: Customer, showUsername: boolean): JsonObject {
  return {
    profile: {
      name: customer.name,
      ...(showUsername && customer.username !== undefined ? { username: customer.username } : {}),
    },
    ...(customer.waId === undefined ? {} : { wa_id: customer.waId }),
    user_id: customer.userId,
  };
}

export function messageWebhook(business: Business, customer: Customer, message: JsonObject): JsonObject {
  // Meta's page on system messages shows none.
  const contacts = message['type'] === 'system' ? {} : { contacts: [contact(customer, true)] };
  return messagesWebhook(business, { ...contacts, messages: [message] });
}

/** `contacts` shows the user name only with delivered and read, as at Meta since 2026, and is absent with failed. */
export function statusWebhook(business: Business, customer: Customer, status: JsonObject): JsonObject {
  const showUsername = status['status'] !== 'sent';
  const contacts = status['status'] === 'failed' ? {} : { contacts: [contact(customer, showUsername)] };
  return messagesWebhook(business, { ...contacts, statuses: [status] });
}
