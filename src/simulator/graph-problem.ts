import type { JsonObject } from './json.ts';

/** An error of the Graph API before it is put into Meta's envelope. */
export interface GraphProblem {
  readonly httpStatus: number;
  readonly code: number;
  readonly message: string;
  readonly type: 'OAuthException' | 'GraphMethodException';
  readonly subcode?: number;
  readonly details?: string;
}

/**
 * HTTP status and title per code. Titles: Meta's page of error codes, copy of 2026-09-11; statuses: its older version, the
 * newer one has none. Throttling is 400 there, not 429.
 */
const KNOWN: { readonly [code: number]: readonly [httpStatus: number, title: string] } = {
  1: [400, 'API Unknown'],
  2: [503, 'API Service'],
  3: [500, 'API Method'],
  4: [400, 'API Too Many Calls'],
  10: [403, 'Permission Denied'],
  100: [400, 'Invalid parameter'],
  368: [403, 'Temporarily blocked for policies violations'],
  80007: [400, 'Rate limit issues'],
  130429: [400, 'Rate limit hit'],
  130472: [400, "User's number is part of an experiment"],
  131000: [500, 'Something went wrong'],
  131005: [403, 'Access denied'],
  131008: [400, 'Required parameter is missing'],
  131009: [400, 'Parameter value is not valid'],
  131016: [500, 'Service unavailable'],
  131021: [400, 'Recipient cannot be sender'],
  131026: [400, 'Message undeliverable'],
  131031: [403, 'Account has been locked'],
  131042: [400, 'Business eligibility payment issue'],
  131045: [500, 'Incorrect certificate'],
  131047: [400, 'Re-engagement message'],
  131048: [400, 'Spam rate limit hit'],
  131049: [400, 'This message was not delivered to maintain healthy ecosystem engagement.'],
  131051: [400, 'Unsupported message type'],
  131053: [400, 'Media upload error'],
  131056: [400, '(Business Account, Consumer Account) pair rate limit hit'],
  131057: [500, 'Account in maintenance mode'],
  132000: [400, 'Number of parameters does not match the expected number of params'],
  132001: [404, 'Template name does not exist in the translation'],
  132012: [400, 'Parameter format does not match format in the created template'],
  132015: [400, 'Template is paused'],
  132016: [400, 'Template is disabled'],
  133004: [503, 'Server temporarily unavailable'],
  133010: [400, 'Phone number not registered'],
};

/** Wordings without the usual `(#code)` in front. */
const TOKEN_MESSAGES: { readonly [code: number]: string } = {
  0: 'We were unable to authenticate the app user.',
  190: 'Invalid OAuth access token - Cannot parse access token',
};

/** The problem of this code with Meta's title and status; 400 and no title of its own if the code is not known here. */
export function graphProblem(code: number, details?: string, subcode?: number): GraphProblem {
  const tokenMessage = TOKEN_MESSAGES[code];
  const [httpStatus, title] = KNOWN[code] ?? [tokenMessage === undefined ? 400 : 401, 'Error'];
  return {
    httpStatus,
    code,
    message: tokenMessage ?? `(#${code}) ${title}`,
    type: 'OAuthException',
    ...(subcode === undefined ? {} : { subcode }),
    ...(details === undefined ? {} : { details }),
  };
}

/** `(#100)` with a sentence of its own, as Graph itself (not WhatsApp behind it) words it. */
export function invalidParameter(sentence: string): GraphProblem {
  return { ...graphProblem(100), message: `(#100) ${sentence}` };
}

export function unknownObject(id: string): GraphProblem {
  return {
    ...graphProblem(100, undefined, 33),
    message:
      `Unsupported post request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, ` +
      'or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api',
    type: 'GraphMethodException',
  };
}

export function unknownPath(path: string): GraphProblem {
  return { ...graphProblem(2500), message: `Unknown path components: ${path}` };
}

/** An element of `errors[]` of a status `failed`: `message` repeats the title, and `details` too where none are known. */
export function statusError(code: number, details?: string): JsonObject {
  const [, title] = KNOWN[code] ?? [400, 'Error'];
  const href = '/documentation/business-messaging/whatsapp/support/error-codes';
  return { code, title, message: title, error_data: { details: details ?? title }, href };
}

/** The body of an error answer. */
export function errorEnvelope(problem: GraphProblem, traceId: string): JsonObject {
  const { message, type, code, subcode, details } = problem;
  return {
    error: {
      message,
      type,
      code,
      ...(details === undefined ? {} : { error_data: { messaging_product: 'whatsapp', details } }),
      ...(subcode === undefined ? {} : { error_subcode: subcode }),
      fbtrace_id: traceId,
    },
  };
}
