import type { Clock } from './clock.ts';
import { type Customer, Customers } from './customers.ts';
import { Faults } from './faults.ts';
import { History } from './history.ts';
import { Identifiers } from './identifiers.ts';
import type { JsonObject } from './json.ts';
import { MediaShelf } from './media-shelf.ts';
import type { Screen } from './screen.ts';
import { TemplateShelf } from './template-shelf.ts';
import { Watch } from './watch.ts';

/** The business that the service under test works for, as Meta knows it. */
export interface Business {
  readonly phoneNumberId: string;
  readonly businessAccountId: string;
  /** Digits. */
  readonly displayPhoneNumber: string;
  readonly appSecret: string;
  readonly verifyToken: string;
  readonly accessToken: string;
}

/** A message that a customer sent. */
export interface InboundRecord {
  /** Position in the transcript; grows by one with each message of either direction. */
  readonly seq: number;
  readonly direction: 'inbound';
  readonly wamid: string;
  /** Id of the customer. */
  readonly customer: string;
  readonly type: string;
  /** The element of `messages[]` as it was sent. */
  readonly message: JsonObject;
  readonly atMs: number;
  /** When the service marked it as read. */
  readAtMs?: number;
}

/** A message that the service sent and Meta accepted. */
export interface OutboundRecord extends Screen {
  readonly seq: number;
  readonly direction: 'outbound';
  readonly wamid: string;
  /** Id of the customer, or of the group. */
  readonly customer: string;
  readonly type: string;
  /** The body of the send request. */
  readonly request: JsonObject;
  readonly atMs: number;
  readonly statuses: { readonly status: string; readonly atMs: number }[];
}

export type TranscriptRecord = InboundRecord | OutboundRecord;

/** One call of the Graph API. `answer.status` is null if the caller got none (a fault). */
export interface RequestRecord {
  readonly id: string;
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  /** Parsed where it is JSON, else its text. */
  readonly body: unknown;
  readonly answer: { readonly status: number | null; readonly body: unknown };
  /** What was armed and struck here. */
  readonly fault?: string;
}

/** One POST to the webhook URL. `status` is absent if no answer came. */
export interface DeliveryRecord {
  readonly atMs: number;
  readonly status?: number;
  readonly ms: number;
  readonly error?: string;
}

/** A webhook with all its deliveries: redeliveries and the copies that a fault made. */
export interface WebhookRecord {
  readonly id: string;
  readonly kind: 'message' | 'status' | 'raw';
  readonly body: Buffer;
  readonly signature: string;
  readonly deliveries: DeliveryRecord[];
  /** `acknowledged`: every copy was answered with 200. `given_up`: one was not, and is not tried again. */
  state: 'pending' | 'acknowledged' | 'given_up';
}

/** Everything that is and was in the simulated world. */
export class World {
  readonly business: Business;
  readonly clock: Clock;
  readonly ids: Identifiers;
  readonly customers: Customers;
  readonly faults: Faults;
  readonly watch = new Watch();
  readonly transcript: History<TranscriptRecord>;
  readonly requests: History<RequestRecord>;
  readonly webhooks: History<WebhookRecord>;
  readonly media: MediaShelf;
  readonly templates: TemplateShelf;
  /** Where the simulator listens, `http://127.0.0.1:<port>`; empty before it does. */
  origin = '';
  #seq = 0;

  constructor(business: Business, clock: Clock, seed: string, historyLimit: number) {
    this.business = business;
    this.clock = clock;
    this.ids = new Identifiers(seed);
    this.customers = new Customers(this.ids);
    this.faults = new Faults(this.ids);
    this.transcript = new History(historyLimit);
    this.requests = new History(historyLimit);
    this.webhooks = new History(historyLimit);
    this.media = new MediaShelf(clock, this.ids);
    this.templates = new TemplateShelf();
  }

  addInbound(customer: Customer, type: string, message: JsonObject, id: string): InboundRecord {
    const record: InboundRecord = {
      seq: this.#nextSeq(),
      direction: 'inbound',
      wamid: id,
      customer: customer.id,
      type,
      message,
      atMs: this.clock.now(),
    };
    this.transcript.add(record);
    return record;
  }

  addOutbound(sent: Omit<OutboundRecord, 'seq' | 'direction' | 'atMs' | 'statuses'>): OutboundRecord {
    const record: OutboundRecord = {
      seq: this.#nextSeq(),
      direction: 'outbound',
      ...sent,
      atMs: this.clock.now(),
      statuses: [],
    };
    this.transcript.add(record);
    this.watch.changed();
    return record;
  }

  addRequest(request: Omit<RequestRecord, 'id' | 'atMs'>): void {
    this.requests.add({ id: this.ids.record('r'), atMs: this.clock.now(), ...request });
  }

  /** Marks a customer's message and nothing else: that earlier ones count as read too is up to the reader. */
  markRead(id: string): void {
    const record = this.transcript.last((one): one is InboundRecord => one.direction === 'inbound' && one.wamid === id);
    if (record) record.readAtMs ??= this.clock.now();
    this.watch.changed();
  }

  /** What the service sent to this customer after the transcript's position `seq`, oldest first. */
  repliesTo(customerId: string, seq: number): readonly OutboundRecord[] {
    return this.transcript
      .tail((record) => record.seq > seq)
      .filter((record): record is OutboundRecord => record.direction === 'outbound' && record.customer === customerId);
  }

  lastFrom(customerId: string): InboundRecord | undefined {
    return this.transcript.last(
      (record): record is InboundRecord => record.direction === 'inbound' && record.customer === customerId,
    );
  }

  lastInteractiveTo(customerId: string): OutboundRecord | undefined {
    return this.transcript.last(
      (record): record is OutboundRecord =>
        record.direction === 'outbound' && record.customer === customerId && record.type === 'interactive',
    );
  }

  /** As at the start, but for the ids: they go on, because the service under test may remember the old ones. */
  reset(): void {
    this.clock.clear();
    this.watch.abandon('The simulator was reset.');
    this.customers.reset();
    this.faults.clear();
    this.transcript.clear();
    this.requests.clear();
    this.webhooks.clear();
    this.media.clear();
    this.templates.reset();
  }

  #nextSeq(): number {
    this.#seq += 1;
    return this.#seq;
  }
}
