import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AcceptedReply } from './ledger.ts';
import type { Random } from './random.ts';
import { type StatusElement, statusElement } from './webhook.ts';

export interface GraphEndpointOptions {
  readonly random: Random;
  /** How many times as often as usual it fails; 1 if absent. */
  readonly trouble?: number;
  /** No status comes sooner after its message; 50 ms if absent. */
  readonly statusAfterMs?: number;
  readonly onAccepted: (reply: AcceptedReply) => void;
  /** What Meta then tells about it, when it is time to tell. */
  readonly onStatus: (status: StatusElement) => void;
}

/** What happens to one request. `accepted`: whether Meta has the message then. */
interface Treatment {
  readonly name: string;
  /** Of all requests. */
  readonly share: number;
  readonly accepted: boolean;
  readonly answer: (response: http.ServerResponse, random: Random) => void;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };

/** A Graph error says for certain that the message was not taken; Meta answers throttling with 400 (error codes, 2026-09-11). */
function graphError(code: number, status: number): Treatment['answer'] {
  const error = {
    message: `(#${code}) Some title`,
    type: 'OAuthException',
    code,
    fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
  };
  return (response) => void response.writeHead(status, JSON_TYPE).end(JSON.stringify({ error }));
}

const reset: Treatment['answer'] = ({ socket }) => void socket?.resetAndDestroy();

const TREATMENTS: readonly Treatment[] = [
  {
    name: 'accepted, then 500 without a Graph error',
    share: 0.005,
    accepted: true,
    answer: (response) => void response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Sorry</h1>'),
  },
  { name: 'accepted, then reset', share: 0.005, accepted: true, answer: reset },
  {
    name: 'accepted, then hung',
    share: 0.002,
    accepted: true,
    // A hang holds a place of the receiver, so most end before its patience does.
    answer: (response, random) => void setTimeout(() => reset(response, random), random.logInt(1_000, 40_000)).unref(),
  },
  {
    name: '500 without a Graph error',
    share: 0.001,
    accepted: false,
    answer: (response) => void response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Sorry</h1>'),
  },
  { name: '131016', share: 0.004, accepted: false, answer: graphError(131_016, 500) },
  { name: '130429', share: 0.01, accepted: false, answer: graphError(130_429, 400) },
  { name: '131056', share: 0.005, accepted: false, answer: graphError(131_056, 400) },
];

const RESET_BEFORE_READING = { name: 'reset before reading', share: 0.001 };

/** How long after the message each status comes; delivered and read not always. */
const STATUSES = [
  { status: 'sent', share: 1, leastMs: 50, mostMs: 2_500 },
  { status: 'delivered', share: 0.6, leastMs: 100, mostMs: 1_500 },
  { status: 'read', share: 0.4, leastMs: 100, mostMs: 1_000 },
] as const;

/** Plays `POST /{version}/{phone_number_id}/messages` of the Graph API, with its failures, and the statuses that follow. */
export class GraphEndpoint {
  readonly #options: GraphEndpointOptions;
  readonly #server: http.Server;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #faults = new Map<string, number>();
  #accepted = 0;
  #isCalm = false;

  private constructor(options: GraphEndpointOptions) {
    this.#options = options;
    this.#server = http.createServer((request, response) => void this.#handle(request, response).catch(() => {}));
    this.#server.keepAliveTimeout = 60_000;
  }

  static async open(options: GraphEndpointOptions): Promise<GraphEndpoint> {
    const endpoint = new GraphEndpoint(options);
    endpoint.#server.listen(0, '127.0.0.1');
    await once(endpoint.#server, 'listening');
    return endpoint;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v25.0`;
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** Statuses that are still to come. */
  get outstanding(): number {
    return this.#timers.size;
  }

  /** How often each failure was played. */
  get faults(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#faults);
  }

  /** From now on every message is accepted and answered. */
  calm(): void {
    this.#isCalm = true;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { random, trouble = 1 } = this.#options;
    if (!this.#isCalm && random.chance(RESET_BEFORE_READING.share * trouble)) {
      this.#count(RESET_BEFORE_READING.name);
      return void request.socket.resetAndDestroy();
    }
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const treatment = this.#isCalm ? undefined : treatmentFor(random.next() / trouble);
    if (treatment !== undefined) this.#count(treatment.name);
    const wamid = treatment?.accepted === false ? undefined : this.#accept(body);
    if (treatment !== undefined) return treatment.answer(response, random);
    const answer = { messaging_product: 'whatsapp', messages: [{ id: wamid }] };
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(answer));
  }

  #accept(body: string): string {
    const sent = JSON.parse(body) as { to: string; text: { body: string }; biz_opaque_callback_data?: string };
    this.#accepted += 1;
    const wamid = `wamid.R${this.#accepted.toString(36)}`;
    const sendId = sent.biz_opaque_callback_data;
    this.#options.onAccepted({ text: sent.text.body, sendId });
    this.#tell(sent.to.replace('+', ''), wamid, sendId);
    return wamid;
  }

  #tell(waId: string, wamid: string, sendId: string | undefined): void {
    const { random, onStatus, statusAfterMs = 0 } = this.#options;
    let afterMs = statusAfterMs;
    for (const { status, share, leastMs, mostMs } of STATUSES) {
      if (!random.chance(share)) return;
      afterMs += random.between(leastMs, mostMs);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        onStatus(statusElement(waId, wamid, status, sendId));
      }, afterMs);
      this.#timers.add(timer);
    }
  }

  #count(name: string): void {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
  }
}

function treatmentFor(chance: number): Treatment | undefined {
  let upTo = 0;
  return TREATMENTS.find(({ share }) => {
    upTo += share;
    return chance < upTo;
  });
}
