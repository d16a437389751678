import { createHash, timingSafeEqual } from 'node:crypto';
import type { IRouter, NextFunction, Request, RequestHandler, Response } from 'express';
import type { AcceptedSend, SendRequest } from '../core/accept-send.ts';
import { isWahookError } from '../core/errors.ts';
import type { SentMessage } from '../core/model.ts';
import type { Admission } from './admission.ts';
import { answerEmpty, answerJson, methodNotAllowed } from './answer.ts';
import { readBody } from './read-body.ts';

/** More than any message that Meta takes. */
const MAX_BODY_BYTES = 262_144;

/** Printable, as a UUID or a number of the caller's own. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** The ids of what was sent are UUIDs; the store is not asked for anything else. */
const SEND_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface ApiRoutesOptions {
  /** Who has it may send. */
  readonly token: string;
  /** What is wrong with a body, or the message that it asks for. */
  readonly read: (body: unknown) => SendRequest | { readonly problem: string };
  readonly accept: (request: SendRequest, idempotencyKey: string) => Promise<AcceptedSend>;
  readonly find: (sendId: string) => Promise<SentMessage | undefined>;
}

/** `POST /api/messages` and `GET /api/messages/{id}`: sending for programs that are no bot. Every answer is JSON. */
export function addApiRoutes(
  app: IRouter,
  options: ApiRoutesOptions,
  admission: Admission,
  ...before: readonly RequestHandler[]
): void {
  const authorized = authorization(options.token);
  app
    .route('/api/messages')
    .all(authorized)
    .post(...before, (request: Request, response: Response) => postMessage(options, admission, request, response))
    .all(methodNotAllowed('POST'));
  app
    .route('/api/messages/:id')
    .all(authorized)
    .get((request, response) => getMessage(options, request.params.id, response))
    .all(methodNotAllowed('GET, HEAD'));
}

/** Compares digests, so that the time tells nothing about the token, not even its length. */
function authorization(token: string) {
  const wanted = digestOf(`Bearer ${token}`);
  return (request: Request, response: Response, next: NextFunction): void => {
    if (!timingSafeEqual(digestOf(request.headers.authorization ?? ''), wanted)) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      fail(response, 401, 'unauthorized', 'Send the header "Authorization: Bearer <API_TOKEN>".');
    } else next();
  };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function postMessage(
  { read, accept }: ApiRoutesOptions,
  admission: Admission,
  request: Request,
  response: Response,
): Promise<void> {
  const key = request.get('idempotency-key') ?? '';
  if (!KEY.test(key))
    return fail(
      response,
      400,
      'invalid_idempotency_key',
      'Send the header Idempotency-Key, 1 to 255 printable characters: a repetition with the same key sends nothing twice.',
    );
  const body = await readBody(request, MAX_BODY_BYTES, admission);
  if (body.outcome === 'aborted') return;
  if (body.outcome === 'too_large') return fail(response, 413, 'too_large', `More than ${MAX_BODY_BYTES} bytes.`);
  if (body.outcome === 'no_room') return busy(response);
  admission.release(body.bytes.length);
  const wanted = read(parse(body.bytes));
  if ('problem' in wanted) return fail(response, 400, 'invalid_message', wanted.problem);
  try {
    answerAccepted(response, await accept(wanted, key));
  } catch (error) {
    if (isWahookError(error, 'unstorable', 'invalid_message'))
      return fail(response, 400, 'invalid_message', error.message);
    if (!isWahookError(error, 'storage_unavailable')) throw error;
    busy(response);
  }
}

function answerAccepted(response: Response, accepted: AcceptedSend): void {
  switch (accepted.outcome) {
    case 'accepted':
      response.setHeader('Location', `/api/messages/${accepted.sendId}`);
      answerJson(response, 202, { id: accepted.sendId });
      break;
    case 'window_closed':
      fail(response, 422, 'window_closed', whyClosed(accepted.closedAtMs));
      break;
    case 'unknown_number':
      fail(response, 400, 'unknown_number', UNKNOWN_NUMBER);
      break;
    case 'unfit_template':
      fail(response, 400, 'unfit_template', accepted.problem);
      break;
    case 'conflict':
      fail(response, 409, 'idempotency_conflict', 'This Idempotency-Key was used for another message.');
      break;
    case 'busy':
      busy(response);
  }
}

const UNKNOWN_NUMBER =
  'The file NUMBERS has no number with this phoneNumberId, so nothing can be sent from it. Add it there, or leave phoneNumberId out to send from WHATSAPP_PHONE_NUMBER_ID.';

function whyClosed(closedAtMs: number): string {
  const when = new Date(closedAtMs).toISOString();
  const what = `Not sent: the window of this person closed at ${when}`;
  const why = '24 hours after they last wrote or called, and Meta takes only templates since';
  return `${what}, ${why}. Send a template, or name the one that goes instead in "fallback".`;
}

async function getMessage({ find }: ApiRoutesOptions, id: string, response: Response): Promise<void> {
  try {
    const sent = SEND_ID.test(id) ? await find(id) : undefined;
    if (sent === undefined) return fail(response, 404, 'not_found', 'There is no message with this id.');
    const { sendId, ...rest } = sent;
    answerJson(response, 200, { id: sendId, ...rest });
  } catch (error) {
    if (!isWahookError(error, 'storage_unavailable')) throw error;
    busy(response);
  }
}

/** Nothing is known to be stored: a repetition with the same key is right. */
function busy(response: Response): void {
  response.setHeader('Retry-After', '5');
  fail(response, 503, 'unavailable', 'Not stored, or not known to be. Repeat it with the same Idempotency-Key.');
}

function fail(response: Response, status: number, code: string, message: string): void {
  if (response.headersSent) answerEmpty(response, status);
  else answerJson(response, status, { error: { code, message } });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
