import express, { type Request, type Response, type Router } from 'express';
import { type Recipient, wamidDigits } from './customers.ts';
import type { FaultSubject, GraphFault } from './faults.ts';
import { errorEnvelope, type GraphProblem, graphProblem, unknownObject, unknownPath } from './graph-problem.ts';
import { isObject, type JsonObject, parseJson } from './json.ts';
import { screenOf } from './screen.ts';
import { readAddress, readSendRequest, type SendRequest } from './send-request.ts';
import type { Accepted, StatusLadder } from './status-ladder.ts';
import type { OutboundRecord, World } from './world.ts';

interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

/** One call of the Graph API, over HTTP or from the same process. */
export interface GraphCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query?: string;
  readonly authorization: string | undefined;
  readonly body: Uint8Array;
}

/** What the caller gets: an answer, none at all, or a reset connection (the last two by a fault). */
export type GraphAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'reset' };

const MESSAGES = /^\/(v\d+\.\d+)\/([^/]+)\/messages\/?$/;
const TEMPLATES = /^\/(v\d+\.\d+)\/([^/]+)\/message_templates\/?$/;
const VERSION = /^v\d+\.\d+$/;

/** "24-hour customer service window" (Meta's page on sending messages, 2025-11). */
const WINDOW_MS = 24 * 60 * 60 * 1000;
const WINDOW_CLOSED =
  'Message failed to send because more than 24 hours have passed since the customer last replied to this number.';

/** Meta's Graph API as far as it is simulated, any version: `POST /{phone_number_id}/messages`, `GET /{WABA}/message_templates`. */
export class GraphApi {
  readonly #world: World;
  readonly #ladder: StatusLadder;
  readonly #enforceWindow: boolean;
  /** Calls that get no answer, by a fault. */
  readonly #held = new Set<Response>();

  constructor(world: World, ladder: StatusLadder, { enforceWindow }: { readonly enforceWindow: boolean }) {
    this.#world = world;
    this.#ladder = ladder;
    this.#enforceWindow = enforceWindow;
  }

  router(): Router {
    const router = express.Router();
    router.use(express.raw({ type: () => true, limit: '5mb' }));
    router.use((request, response) => {
      const { method, path } = request;
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const query = request.url.split('?')[1] ?? '';
      const answer = this.handle({ method, path, query, authorization: request.headers.authorization, body });
      this.#answer(request, response, answer);
    });
    return router;
  }

  handle(call: GraphCall): GraphAnswer {
    const accountId = call.method === 'GET' ? TEMPLATES.exec(call.path)?.[2] : undefined;
    if (accountId !== undefined) return this.#told(call, this.#listTemplates(call, accountId));
    const phoneNumberId = call.method === 'POST' ? MESSAGES.exec(call.path)?.[2] : undefined;
    if (phoneNumberId === undefined) return this.#told(call, this.#refusal(unknownPath(call.path)));
    const body = parsed(call.body);
    const fault = this.#world.faults.take('graph', this.#subjectOf(body));
    const failure = fault?.do === 'accept_then_fail' ? fault : undefined;
    const run = (): Answer => this.#send(call, phoneNumberId, body, failure);
    return fault === undefined ? this.#told(call, run()) : this.#strike(fault, call, run);
  }

  /** Ends the calls that a fault left without an answer. */
  reset(): void {
    for (const response of this.#held) response.destroy();
    this.#held.clear();
  }

  #answer(request: Request, response: Response, answer: GraphAnswer): void {
    switch (answer.kind) {
      case 'answer':
        response.set(answer.headers).status(answer.status).send(answer.body);
        break;
      case 'none':
        this.#held.add(response);
        response.on('close', () => this.#held.delete(response));
        break;
      case 'reset':
        request.socket.resetAndDestroy();
    }
  }

  #strike(fault: GraphFault, call: GraphCall, run: () => Answer): GraphAnswer {
    if (fault.do === 'accept_then_timeout' || fault.do === 'accept_then_reset') run();
    switch (fault.do) {
      case 'error':
        return this.#told(call, this.#refusal(problemOf(fault)), fault.do);
      case 'answer': {
        const { status, body, contentType = 'text/html' } = fault;
        this.#record(call, status, body, fault.do);
        return { kind: 'answer', status, headers: { 'content-type': contentType }, body };
      }
      case 'accept_then_fail':
        return this.#told(call, run(), fault.do);
      case 'timeout':
      case 'accept_then_timeout':
        this.#record(call, null, null, fault.do);
        return { kind: 'none' };
      case 'reset':
      case 'accept_then_reset':
        this.#record(call, null, null, fault.do);
        return { kind: 'reset' };
    }
  }

  #listTemplates(call: GraphCall, accountId: string): Answer {
    const { business, templates } = this.#world;
    if (call.authorization !== `Bearer ${business.accessToken}`) return this.#refusal(graphProblem(190));
    if (accountId !== business.businessAccountId) return this.#refusal(unknownObject(accountId));
    const page = templates.page(new URLSearchParams(call.query));
    return 'code' in page ? this.#refusal(page) : { status: 200, body: { ...page } };
  }

  /** The checks in Meta's order (token, object, content), then the deed. */
  #send(call: GraphCall, phoneNumberId: string, body: unknown, failure: Accepted['failure']): Answer {
    const { business } = this.#world;
    if (call.authorization !== `Bearer ${business.accessToken}`) return this.#refusal(graphProblem(190));
    if (phoneNumberId !== business.phoneNumberId) return this.#refusal(unknownObject(phoneNumberId));
    const read = readSendRequest(body);
    if ('code' in read) return this.#refusal(read);
    if (read.kind === 'receipt') {
      this.#world.markRead(read.messageId);
      return { status: 200, body: { success: true } };
    }
    if (read.recipient.by === 'phone' && read.recipient.digits === business.displayPhoneNumber)
      return this.#refusal(graphProblem(131021));
    const misfit = read.type === 'template' ? this.#world.templates.misfit(read.body['template']) : undefined;
    if (misfit) return this.#refusal(misfit);
    if (this.#enforceWindow && this.#isOutsideWindow(read)) return this.#refusal(graphProblem(131047, WINDOW_CLOSED));
    return { status: 200, body: this.#accept(read, failure) };
  }

  /** Groups have no window here, as nobody writes in them. */
  #isOutsideWindow({ recipient, type }: Extract<SendRequest, { kind: 'message' }>): boolean {
    if (type === 'template' || recipient.by === 'group') return false;
    const customer = this.#world.customers.find(recipient);
    const last = customer && this.#world.lastFrom(customer.id);
    return last === undefined || this.#world.clock.now() - last.atMs > WINDOW_MS;
  }

  #accept(request: Extract<SendRequest, { kind: 'message' }>, failure: Accepted['failure']): JsonObject {
    const { recipient, input, type, body, callbackData } = request;
    const add = (customer: string, digits: string): OutboundRecord =>
      this.#world.addOutbound({
        wamid: this.#world.ids.outboundWamid(digits),
        customer,
        type,
        ...screenOf(body),
        request: body,
      });
    // Group messages are accepted, no more: their statuses come per participant, and groups have none here.
    if (recipient.by === 'group') {
      const { wamid } = add(input, input.replace(/\D/g, '').slice(0, 18));
      return accepted({ input, wa_id: input }, { id: wamid, group_id: input });
    }
    const customer = this.#world.customers.reach(recipient);
    const record = add(customer.id, wamidDigits(customer));
    this.#ladder.start({
      ...{ record, customer, recipient },
      ...(callbackData === undefined ? {} : { callbackData }),
      ...(failure && { failure }),
    });
    return accepted({ input, ...addressShown(recipient) }, { id: record.wamid });
  }

  #subjectOf(body: unknown): FaultSubject {
    if (!isObject(body)) return { kind: 'message' };
    if (body['status'] !== undefined) return { kind: 'receipt' };
    const address = readAddress(body);
    const customer = 'code' in address ? undefined : this.#world.customers.find(address.recipient)?.id;
    return { kind: 'message', type: String(body['type'] ?? 'text'), ...(customer === undefined ? {} : { customer }) };
  }

  #refusal(problem: GraphProblem): Answer {
    return { status: problem.httpStatus, body: errorEnvelope(problem, this.#world.ids.traceId()) };
  }

  #told(call: GraphCall, answer: Answer, fault?: GraphFault['do']): GraphAnswer {
    this.#record(call, answer.status, answer.body, fault);
    const version = call.path.split('/')[1] ?? '';
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'x-fb-trace-id': this.#world.ids.headerTraceId(),
      ...(VERSION.test(version) ? { 'facebook-api-version': version } : {}),
    };
    return { kind: 'answer', status: answer.status, headers, body: JSON.stringify(answer.body) };
  }

  #record(call: GraphCall, status: number | null, answer: unknown, fault?: GraphFault['do']): void {
    this.#world.addRequest({
      method: call.method,
      path: call.path,
      body: parsed(call.body),
      answer: { status, body: answer },
      ...(fault === undefined ? {} : { fault }),
    });
  }
}

/** The value if it is JSON, else its text. */
function parsed(body: Uint8Array): unknown {
  const text = Buffer.from(body).toString('utf8');
  return parseJson(text) ?? text;
}

function problemOf(fault: Extract<GraphFault, { do: 'error' }>): GraphProblem {
  const problem = graphProblem(fault.code, fault.details, fault.subcode);
  return fault.status === undefined ? problem : { ...problem, httpStatus: fault.status };
}

function accepted(contact: JsonObject, message: JsonObject): JsonObject {
  return { messaging_product: 'whatsapp', contacts: [contact], messages: [message] };
}

/** `wa_id` only if it was sent to a phone, `user_id` only if to a BSUID. */
function addressShown(recipient: Exclude<Recipient, { by: 'group' }>): JsonObject {
  return recipient.by === 'phone' ? { wa_id: recipient.digits } : { user_id: recipient.userId };
}
