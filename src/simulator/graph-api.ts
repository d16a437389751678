import express, { type Request, type Response, type Router } from 'express';
import { type Recipient, wamidDigits } from './customers.ts';
import type { FaultSubject, GraphFault } from './faults.ts';
import { errorEnvelope, type GraphProblem, graphProblem, unknownObject, unknownPath } from './graph-problem.ts';
import { isObject, type JsonObject, parseJson } from './json.ts';
import { screenOf } from './screen.ts';
import { readAddress, readSendRequest, type SendRequest } from './send-request.ts';
import type { StatusLadder } from './status-ladder.ts';
import type { OutboundRecord, World } from './world.ts';

interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

const VERSION = /^v\d+\.\d+$/;

/** Meta's Graph API as far as it is simulated: `POST /vN.N/{phone_number_id}/messages`, any version. */
export class GraphApi {
  readonly #world: World;
  readonly #ladder: StatusLadder;
  /** Calls that get no answer, by a fault. */
  readonly #held = new Set<Response>();

  constructor(world: World, ladder: StatusLadder) {
    this.#world = world;
    this.#ladder = ladder;
  }

  router(): Router {
    const router = express.Router();
    router.use(express.raw({ type: () => true, limit: '5mb' }));
    router.post('/:version/:phoneNumberId/messages', (request, response, next) => {
      if (VERSION.test(request.params.version)) this.#messages(request, response, request.params.phoneNumberId);
      else next();
    });
    router.use((request, response) => {
      this.#answer(request, response, this.#refusal(unknownPath(request.path)));
    });
    return router;
  }

  /** Ends the calls that a fault left without an answer. */
  reset(): void {
    for (const response of this.#held) response.destroy();
    this.#held.clear();
  }

  #messages(request: Request, response: Response, phoneNumberId: string): void {
    const body = bodyOf(request);
    const fault = this.#world.faults.take('graph', this.#subjectOf(body));
    const run = (): Answer => this.#send(request, phoneNumberId, body);
    if (fault === undefined) this.#answer(request, response, run());
    else this.#strike(fault, request, response, run);
  }

  #strike(fault: GraphFault, request: Request, response: Response, run: () => Answer): void {
    if (fault.do === 'accept_then_timeout' || fault.do === 'accept_then_reset') run();
    switch (fault.do) {
      case 'error':
        this.#answer(request, response, this.#refusal(problemOf(fault)), fault.do);
        break;
      case 'answer':
        this.#record(request, fault.status, fault.body, fault.do);
        response.status(fault.status).type(fault.contentType ?? 'text/html');
        response.send(fault.body);
        break;
      case 'timeout':
      case 'accept_then_timeout':
        this.#record(request, null, null, fault.do);
        this.#held.add(response);
        response.on('close', () => this.#held.delete(response));
        break;
      case 'reset':
      case 'accept_then_reset':
        this.#record(request, null, null, fault.do);
        request.socket.resetAndDestroy();
    }
  }

  /** The checks in Meta's order (token, object, content), then the deed. */
  #send(request: Request, phoneNumberId: string, body: unknown): Answer {
    const { business } = this.#world;
    if (request.headers.authorization !== `Bearer ${business.accessToken}`) return this.#refusal(graphProblem(190));
    if (phoneNumberId !== business.phoneNumberId) return this.#refusal(unknownObject(phoneNumberId));
    const read = readSendRequest(body);
    if ('code' in read) return this.#refusal(read);
    if (read.kind === 'receipt') {
      this.#world.markRead(read.messageId);
      return { status: 200, body: { success: true } };
    }
    if (read.recipient.by === 'phone' && read.recipient.digits === business.displayPhoneNumber)
      return this.#refusal(graphProblem(131021));
    return { status: 200, body: this.#accept(read) };
  }

  #accept(request: Extract<SendRequest, { kind: 'message' }>): JsonObject {
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
    this.#ladder.start({ record, customer, recipient, ...(callbackData === undefined ? {} : { callbackData }) });
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

  #answer(request: Request, response: Response, answer: Answer, fault?: GraphFault['do']): void {
    this.#record(request, answer.status, answer.body, fault);
    const version = request.path.split('/')[1] ?? '';
    if (VERSION.test(version)) response.set('facebook-api-version', version);
    response.set('x-fb-trace-id', this.#world.ids.headerTraceId()).status(answer.status).json(answer.body);
  }

  #record(request: Request, status: number | null, answer: unknown, fault?: GraphFault['do']): void {
    this.#world.addRequest({
      method: request.method,
      path: request.path,
      body: bodyOf(request),
      answer: { status, body: answer },
      ...(fault === undefined ? {} : { fault }),
    });
  }
}

/** Parsed if it is JSON, else its text. */
function bodyOf(request: Request): unknown {
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
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
