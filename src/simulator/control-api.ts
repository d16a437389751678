import express, { type ErrorRequestHandler, type Request, type Response, type Router } from 'express';
import { readCustomer, readFault, readJsonBody, readMessage, readWait, type Wait } from './control-input.ts';
import type { CustomerMessages } from './customer-messages.ts';
import { acknowledgement, DEFAULT_WAIT_MS, repliesSince } from './effects.ts';
import type { Handshake } from './handshake.ts';
import { isObject } from './json.ts';
import { loopbackOnly } from './loopback-only.ts';
import { SimulatorError, type SimulatorErrorCode } from './simulator-error.ts';
import type { WebhookSender } from './webhook-sender.ts';
import type { DeliveryRecord, InboundRecord, OutboundRecord, WebhookRecord, World } from './world.ts';

/** What the control API drives. */
export interface Controls {
  readonly world: World;
  readonly messages: CustomerMessages;
  readonly sender: WebhookSender;
  subscribe(url?: string): Promise<Handshake>;
  reset(): void;
}

const HTTP_STATUS: { readonly [Code in SimulatorErrorCode]: number } = {
  invalid: 400,
  unknown_customer: 404,
  nothing_to_tap: 409,
  no_webhook_url: 409,
  timeout: 408,
  given_up: 502,
  closed: 503,
};

/** The simulator's own API under `/_sim`, for tests in any language and for the chat page. JSON in, JSON out. */
export function controlApi(controls: Controls): Router {
  const { world, sender } = controls;
  const router = express.Router();
  router.use(loopbackOnly, express.raw({ type: () => true, limit: '4mb' }));
  router.post('/messages', (request, response) => sendMessage(controls, request, response));
  router.post('/webhooks', (request, response) => sendRaw(controls, request, response));
  router.get('/messages', ({ query }, response) => {
    const { customer, direction } = query;
    const wanted = world.transcript.items.filter(
      (record) =>
        (customer === undefined || record.customer === customer) &&
        (direction === undefined || record.direction === direction),
    );
    response.json({ messages: wanted });
  });
  router.get('/webhooks', (_request, response) => {
    response.json({ webhooks: world.webhooks.items.map(webhookView) });
  });
  router.get('/requests', (_request, response) => {
    response.json({ requests: world.requests.items });
  });
  router.get('/customers', (_request, response) => {
    response.json({ customers: world.customers.all });
  });
  router.get('/choices', ({ query }, response) => {
    response.json(controls.messages.choicesOf(String(query['customer'] ?? 'ana')));
  });
  router.post('/customers', (request, response) => {
    response.status(201).json(world.customers.add(readCustomer(bodyOf(request))));
  });
  addFaultRoutes(router, world);
  router.post('/subscribe', async (request, response) => {
    const body = bodyOf(request);
    const url = isObject(body) && typeof body['url'] === 'string' ? body['url'] : undefined;
    response.json(await controls.subscribe(url));
  });
  router.post('/reset', (_request, response) => {
    controls.reset();
    response.json({ reset: true });
  });
  router.get('/health', (_request, response) => {
    response.json({ status: 'ok', phoneNumberId: world.business.phoneNumberId, webhookUrl: sender.url ?? null });
  });
  router.use((request, response) => {
    response.status(404).json({ error: { code: 'not_found', message: `No ${request.method} ${request.path} here.` } });
  });
  router.use(answerError);
  return router;
}

function addFaultRoutes(router: Router, { faults }: World): void {
  router.get('/faults', (_request, response) => {
    response.json({ faults: faults.list() });
  });
  router.post('/faults', (request, response) => {
    response.status(201).json(faults.arm(readFault(bodyOf(request))));
  });
  router.delete('/faults', (_request, response) => {
    faults.clear();
    response.json({ cleared: true });
  });
  router.delete('/faults/:id', (request, response) => {
    const cleared = faults.clear(request.params.id);
    response.status(cleared ? 200 : 404).json({ cleared });
  });
}

/** A customer's message. Also when what was waited for did not come the message was sent: 200 with everything that did. */
async function sendMessage({ world, messages }: Controls, request: Request, response: Response): Promise<void> {
  const { from, content, wait } = readMessage(bodyOf(request));
  const { record, webhook } = messages.send(from, content);
  const waited = await waitFor(world, wait, webhook, record);
  response.json({
    wamid: record.wamid,
    webhook: webhook.id,
    deliveries: webhook.deliveries.map(deliveryView),
    replies: world.repliesTo(record.customer, record.seq).map(replyView),
    ...waited,
  });
}

/** Any bytes, signed and delivered as they are. */
async function sendRaw({ world, sender }: Controls, request: Request, response: Response): Promise<void> {
  const body: unknown = request.body;
  const wait = readWait(request.query);
  if (wait.until === 'reply')
    throw new SimulatorError('invalid', 'A raw webhook belongs to no customer; wait for ack.');
  const webhook = sender.send(Buffer.isBuffer(body) ? body : Buffer.alloc(0), { kind: 'raw' });
  const waited = await waitFor(world, wait, webhook);
  response.json({ ...webhookView(webhook), ...waited });
}

/** How a wait ended; `reason` says what came instead. Absent where nobody waited. */
interface Waited {
  readonly waited?: 'done' | SimulatorErrorCode;
  readonly reason?: string;
}

/** `reply` includes `ack`: a reply may overtake the acknowledgement. */
async function waitFor(
  world: World,
  { until, timeoutMs = DEFAULT_WAIT_MS, quietMs }: Wait,
  webhook: WebhookRecord,
  record?: InboundRecord,
): Promise<Waited> {
  try {
    if (until === undefined) return {};
    const waits: Promise<unknown>[] = [acknowledgement(world, webhook, timeoutMs)];
    if (until === 'reply' && record) waits.push(someReplies(world, record, timeoutMs, quietMs));
    await Promise.all(waits);
    return { waited: 'done' };
  } catch (error) {
    if (error instanceof SimulatorError) return { waited: error.code, reason: error.message };
    throw error;
  }
}

/** The first one, and those that follow it closely. */
async function someReplies(
  world: World,
  { customer, seq }: InboundRecord,
  timeoutMs: number,
  quietMs: number | undefined,
): Promise<void> {
  let { length } = await repliesSince(world, { customer, seq, count: 1, timeoutMs });
  if (quietMs === undefined) return;
  try {
    for (;;) ({ length } = await repliesSince(world, { customer, seq, count: length + 1, timeoutMs: quietMs }));
  } catch (error) {
    if (!(error instanceof SimulatorError && error.code === 'timeout')) throw error;
  }
}

function bodyOf(request: Request): unknown {
  const body: unknown = request.body;
  return readJsonBody(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
}

function deliveryView({ status, ms, error }: DeliveryRecord): object {
  return { status: status ?? null, ms, ...(error === undefined ? {} : { error }) };
}

function replyView({ wamid, type, text, buttons, rows, request, atMs, statuses }: OutboundRecord): object {
  return { wamid, type, text, buttons, rows, request, atMs, statuses };
}

function webhookView({ id, kind, body, signature, deliveries, state }: WebhookRecord): object {
  return { id, kind, state, signature, body: body.toString('utf8'), deliveries: deliveries.map(deliveryView) };
}

const answerError: ErrorRequestHandler = (error, _request, response, next) => {
  if (!(error instanceof SimulatorError)) return next(error);
  response.status(HTTP_STATUS[error.code]).json({ error: { code: error.code, message: error.message } });
};
