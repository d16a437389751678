import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type ErrorRequestHandler } from 'express';
import { type Clock, RealClock } from './clock.ts';
import { controlApi } from './control-api.ts';
import { CustomerMessages } from './customer-messages.ts';
import type { NewCustomer } from './customers.ts';
import { DEFAULT_WAIT_MS, repliesSince, SentWebhook } from './effects.ts';
import type { Faults } from './faults.ts';
import { type GraphAnswer, GraphApi, type GraphCall } from './graph-api.ts';
import { type Handshake, shakeHands } from './handshake.ts';
import { exchange } from './http-exchange.ts';
import { isObject, type JsonObject } from './json.ts';
import { MediaApi } from './media-api.ts';
import type { MediaShelf } from './media-shelf.ts';
import { SimulatedCustomer } from './simulated-customer.ts';
import { SimulatorError } from './simulator-error.ts';
import { type StatusDelays, StatusLadder } from './status-ladder.ts';
import type { TemplateShelf } from './template-shelf.ts';
import { MODEL_RETRY_DELAYS_MS, requireHttpUrl, WebhookSender } from './webhook-sender.ts';
import { wireJson } from './wire-json.ts';
import {
  type Business,
  type OutboundRecord,
  type RequestRecord,
  type TranscriptRecord,
  type WebhookRecord,
  World,
} from './world.ts';

export interface SimulatorOptions extends Partial<Business> {
  /** Where webhooks go; may come later by `subscribe`. Given here it is believed without a handshake. */
  readonly webhookUrl?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** From the acceptance of a message; default 50, 300 and 800. */
  readonly statusDelaysMs?: StatusDelays;
  /** Gaps before the 1st, 2nd … redelivery; then it is given up. Default: a model of Meta's 7 days. */
  readonly retryDelaysMs?: readonly number[];
  /** How long the service may take to answer a webhook; default 10 s. */
  readonly webhookTimeoutMs?: number;
  /**
   * All ids follow from it. Default: a random one, because a service that remembers wamids (as it must) would take the
   * messages of a second run with the same seed for duplicates.
   */
  readonly seed?: string | number;
  /** Newest messages, calls and webhooks that are remembered, each; default 10,000. */
  readonly historyLimit?: number;
  /** Default: time as it passes. */
  readonly clock?: Clock;
  /** How webhooks reach the service; default: HTTP. */
  readonly deliver?: typeof exchange;
  /**
   * Refuses (131047) what is no template to people who have not written within 24 hours, as Meta does. Default false: a service
   * can be driven without a customer who writes first.
   */
  readonly enforceWindow?: boolean;
}

/** Ids from Meta's documentation, secrets that nobody can mistake for real ones. */
const DEFAULT_BUSINESS: Business = {
  phoneNumberId: '106540352242922',
  businessAccountId: '102290129340398',
  displayPhoneNumber: '15550783881',
  appSecret: '00112233445566778899aabbccddeeff',
  verifyToken: 'simulator-verify-token',
  accessToken: 'simulator-access-token',
};

/** Meta on this machine: a Graph API, webhooks and customers. One service under test per simulator. */
export class Simulator {
  readonly #world: World;
  readonly #sender: WebhookSender;
  readonly #messages: CustomerMessages;
  readonly #graph: GraphApi;
  readonly #ladder: StatusLadder;
  readonly #handshakeTimeoutMs: number;
  /** Made when it is needed: in the test of a bot there is none. */
  #server: http.Server | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: SimulatorOptions = {}) {
    const { seed = randomBytes(8).toString('hex'), historyLimit = 10_000, webhookTimeoutMs = 10_000 } = options;
    const { retryDelaysMs = MODEL_RETRY_DELAYS_MS, statusDelaysMs = {}, webhookUrl } = options;
    const { clock = new RealClock(), deliver = exchange, enforceWindow = false } = options;
    this.#world = new World(businessOf(options), clock, String(seed), historyLimit);
    this.#sender = new WebhookSender(this.#world, { retryDelaysMs, webhookTimeoutMs, deliver }, webhookUrl);
    this.#messages = new CustomerMessages(this.#world, this.#sender);
    this.#ladder = new StatusLadder(this.#world, this.#sender, statusDelaysMs);
    this.#graph = new GraphApi(this.#world, this.#ladder, { enforceWindow });
    this.#handshakeTimeoutMs = webhookTimeoutMs;
  }

  /** @throws Error of Node if the port is taken */
  listen(port: number): Promise<void> {
    const server = this.#makeServer();
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        this.#world.origin = this.url;
        resolve();
      });
    });
  }

  /** `http://127.0.0.1:<port>` */
  get url(): string {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    if (!address) throw new SimulatorError('closed', 'The simulator does not listen.');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Base URL of the Graph API for a service under test. */
  get apiUrl(): string {
    return `${this.url}/v25.0`;
  }

  /** What the service under test needs in its environment. */
  get env(): { readonly [name: string]: string } {
    const { business } = this.#world;
    return {
      WHATSAPP_API_URL: this.apiUrl,
      WHATSAPP_PHONE_NUMBER_ID: business.phoneNumberId,
      WHATSAPP_BUSINESS_ACCOUNT_ID: business.businessAccountId,
      WHATSAPP_ACCESS_TOKEN: business.accessToken,
      WHATSAPP_VERIFY_TOKEN: business.verifyToken,
      WHATSAPP_WEBHOOK_SECRET: business.appSecret,
    };
  }

  get business(): Business {
    return this.#world.business;
  }

  get faults(): Faults {
    return this.#world.faults;
  }

  /** The templates of the account: some to begin with, and what is put there. */
  get templates(): TemplateShelf {
    return this.#world.templates;
  }

  /** The files that Meta holds, for a service in the same process. */
  get media(): MediaShelf {
    return this.#world.media;
  }

  /** Graph calls, oldest first. */
  get requests(): readonly RequestRecord[] {
    return this.#world.requests.items;
  }

  /** Messages of both directions, oldest first. */
  get transcript(): readonly TranscriptRecord[] {
    return this.#world.transcript.items;
  }

  /** Webhooks with their deliveries, oldest first. */
  get webhooks(): readonly WebhookRecord[] {
    return this.#world.webhooks.items;
  }

  /** `ana`, `kim`, or somebody who was added. @throws SimulatorError `unknown_customer` */
  customer(id: string): SimulatedCustomer {
    return new SimulatedCustomer(this.#world, this.#messages, this.#world.customers.get(id));
  }

  /** @throws SimulatorError `invalid` if the id is taken */
  addCustomer(customer: NewCustomer): SimulatedCustomer {
    return this.customer(this.#world.customers.add(customer).id);
  }

  /** The Graph API for a service in the same process. */
  graph(call: GraphCall): GraphAnswer {
    return this.#graph.handle(call);
  }

  /** Takes the customer's phone off the net: messages are `sent` and no more, until it is back. @throws SimulatorError `unknown_customer` */
  setOnline(customerId: string, online: boolean): void {
    this.#ladder.setOnline(this.#world.customers.get(customerId).id, online);
  }

  /** The customer reads a message of ours; the status follows. Ignored for one that has no status to come. */
  read(record: OutboundRecord): void {
    this.#ladder.read(record);
  }

  /** The customer has another phone number from now on; their user id stays. @throws SimulatorError `invalid` if somebody has it */
  changeNumber(customerId: string, phone: string): void {
    this.#world.customers.changeNumber(customerId, phone);
  }

  /**
   * Sets the callback URL as Meta's dashboard does: only if the handshake succeeds do webhooks go there. Without `url`: once
   * more for the one that is set. @throws SimulatorError `no_webhook_url` or `invalid`
   */
  async subscribe(url?: string): Promise<Handshake> {
    const target = requireHttpUrl(url ?? this.#sender.requireUrl());
    const { business, ids } = this.#world;
    const handshake = await shakeHands(target, {
      verifyToken: business.verifyToken,
      challenge: ids.challenge(),
      timeoutMs: this.#handshakeTimeoutMs,
      signal: this.#sender.signal,
    });
    if (handshake.ok) this.#sender.pointAt(target);
    return handshake;
  }

  /** Signs and delivers a whole body: bytes and text as they are, an object in Meta's wire form. @throws SimulatorError `no_webhook_url` */
  sendWebhook(body: Uint8Array | string | JsonObject): SentWebhook {
    const bytes = typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body as string) : wireJson(body);
    return new SentWebhook(this.#world, this.#sender.send(bytes, { kind: 'raw' }));
  }

  /**
   * The first message to the customer since their own last one, at once if it is there already.
   * @throws SimulatorError `timeout` or `closed`
   */
  async waitForReply(customerId: string, timeoutMs = DEFAULT_WAIT_MS): Promise<OutboundRecord> {
    const seq = this.#world.lastFrom(customerId)?.seq ?? 0;
    const [first] = await repliesSince(this.#world, { customer: customerId, seq, count: 1, timeoutMs });
    return first as OutboundRecord;
  }

  /**
   * Forgets people, messages, calls and faults and drops what is under way; the webhook URL stays. Ids go on, so that the
   * service under test does not take new messages for old ones.
   */
  reset(): void {
    this.#sender.reset();
    this.#graph.reset();
    this.#ladder.reset();
    this.#world.reset();
  }

  /** Leaves nothing behind: no timer, connection or pending wait. Repeating it is harmless. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.reset();
      if (this.#server === undefined) return resolve();
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    return this.#closing;
  }

  #makeServer(): http.Server {
    const app = express();
    app.disable('x-powered-by');
    app.disable('etag');
    app.use(
      '/_sim',
      controlApi({
        world: this.#world,
        messages: this.#messages,
        sender: this.#sender,
        subscribe: (url) => this.subscribe(url),
        reset: () => this.reset(),
      }),
    );
    app.use(new MediaApi(this.#world).router());
    app.use(this.#graph.router());
    app.use(answerOversized);
    const server = http.createServer(app);
    // A kept-alive connection that closes just as the next request is written would be a fault that nobody armed.
    server.keepAliveTimeout = 300_000;
    return server;
  }
}

/** Starts Meta on 127.0.0.1. @throws Error of Node if the port is taken, SimulatorError `invalid` for a bad webhook URL */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = new Simulator(options);
  await simulator.listen(options.port ?? 0);
  return simulator;
}

function businessOf(options: SimulatorOptions): Business {
  const { phoneNumberId, businessAccountId, displayPhoneNumber, appSecret, verifyToken, accessToken } = options;
  const given = { phoneNumberId, businessAccountId, displayPhoneNumber, appSecret, verifyToken, accessToken };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_BUSINESS, ...Object.fromEntries(set) };
}

const answerOversized: ErrorRequestHandler = (error, _request, response, next) => {
  const status = isObject(error) && typeof error['status'] === 'number' ? error['status'] : undefined;
  if (status === undefined) return next(error);
  response.status(status).json({ error: { message: 'The request cannot be read.', type: 'OAuthException', code: 1 } });
};
