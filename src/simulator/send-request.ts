import { contentProblem } from './content-limits.ts';
import type { Recipient } from './customers.ts';
import { type GraphProblem, graphProblem, invalidParameter } from './graph-problem.ts';
import { isObject, type JsonObject } from './json.ts';

/** A request to `/messages` that Meta would take. */
export type SendRequest =
  | {
      readonly kind: 'message';
      readonly recipient: Recipient;
      /** The address as it stood in the request. */
      readonly input: string;
      readonly type: string;
      readonly body: JsonObject;
      readonly callbackData?: string;
    }
  /** The mark-as-read call, with or without typing indicator. */
  | { readonly kind: 'receipt'; readonly messageId: string };

/** What Meta makes of the body of `POST /{phone_number_id}/messages`. */
export function readSendRequest(body: unknown): SendRequest | GraphProblem {
  if (!isObject(body)) return graphProblem(100, 'The request body is not a JSON object.');
  if (body['messaging_product'] !== 'whatsapp') return invalidParameter('The parameter messaging_product is required.');
  if (body['status'] !== undefined) return readReceipt(body);
  const address = readAddress(body);
  if ('code' in address) return address;
  const type = body['type'] ?? 'text';
  if (typeof type !== 'string') return invalidParameter('Param type must be a string.');
  const problem = contextProblem(body['context']) ?? callbackProblem(body) ?? contentProblem(type, body);
  if (problem) return problem;
  const callbackData = body['biz_opaque_callback_data'];
  return { kind: 'message', ...address, type, body, ...(typeof callbackData === 'string' ? { callbackData } : {}) };
}

/**
 * Whom a request is for; `to` goes before `recipient`. A phone number may hold `+`, spaces, dashes and brackets. Meta puts the
 * business's country code before a number without `+`; here it is taken as it is, since everybody's test numbers are whole.
 */
export function readAddress(body: JsonObject): { recipient: Recipient; input: string } | GraphProblem {
  const { to, recipient, recipient_type: recipientType } = body;
  const input = to ?? recipient;
  if (typeof input !== 'string' || input === '') return invalidParameter('The parameter to is required.');
  if (recipientType === 'group') return { recipient: { by: 'group', groupId: input }, input };
  if (to === undefined)
    return /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/.test(input)
      ? { recipient: { by: 'user_id', userId: input }, input }
      : invalidParameter('Param recipient must be a business-scoped user ID.');
  const digits = input.replace(/[+\-() ]/g, '');
  return /^\d{5,15}$/.test(digits)
    ? { recipient: { by: 'phone', digits }, input }
    : graphProblem(131009, 'The phone number is malformed: Please use the format: +1234567890.');
}

function readReceipt(body: JsonObject): SendRequest | GraphProblem {
  const messageId = body['message_id'];
  if (body['status'] !== 'read')
    return invalidParameter(`Param status must be one of {READ} - got "${body['status']}".`);
  if (typeof messageId !== 'string' || messageId === '')
    return invalidParameter('The parameter message_id is required.');
  if (!messageId.startsWith('wamid.')) return graphProblem(131009, 'Message ID is invalid.');
  const typing = body['typing_indicator'];
  if (typing !== undefined && !(isObject(typing) && typing['type'] === 'text'))
    return invalidParameter("Param typing_indicator['type'] must be one of {TEXT}.");
  return { kind: 'receipt', messageId };
}

function contextProblem(context: unknown): GraphProblem | undefined {
  if (context === undefined || (isObject(context) && typeof context['message_id'] === 'string')) return undefined;
  return invalidParameter("The parameter context['message_id'] is required.");
}

/** 512: Meta's limit, raised from 256 (changelog, read 2026-08-11). */
function callbackProblem(body: JsonObject): GraphProblem | undefined {
  const data = body['biz_opaque_callback_data'];
  if (data === undefined || (typeof data === 'string' && data.length <= 512)) return undefined;
  return invalidParameter('Param biz_opaque_callback_data must be a string of at most 512 characters.');
}
