import type { Load } from './load.ts';
import { type SignedWebhook, unsigned, webhookOf } from './webhooks.ts';

const CUSTOMERS = 1_000;

/** Made before a closed loop begins, a second of it: making one takes about 15 µs. What goes beyond is made on the way. */
const AHEAD_PER_SECOND = 15_000;

/** Where nothing is stored, so many are enough. */
const RECYCLED = 2_000;

/** A webhook comes again after so many others: not in the same commit, mostly. */
const REPEATED_AFTER = 200;

/** The requests of one load, ready to be written. */
export class Requests {
  readonly #load: Load;
  readonly #ready: Buffer[] = [];
  readonly #sent: Buffer[] = [];
  #made = 0;
  #next = 0;

  constructor(load: Load) {
    this.#load = load;
    const { seconds, content = {} } = load;
    const wanted = load.kind === 'open' ? load.perSecond * seconds : AHEAD_PER_SECOND * seconds;
    const count = content.recycled ? RECYCLED : Math.ceil(wanted / (content.elements ?? 1));
    for (let index = 0; index < count; index += 1) this.#ready.push(this.#make());
  }

  next(): Buffer {
    const { repeated = 0, recycled = false } = this.#load.content ?? {};
    this.#next += 1;
    if (recycled) return this.#ready[this.#next % RECYCLED] as Buffer;
    if (repeated > 0 && Math.floor(this.#next * repeated) > Math.floor((this.#next - 1) * repeated)) {
      const again = this.#sent.length >= REPEATED_AFTER ? this.#sent.shift() : undefined;
      if (again !== undefined) return again;
    }
    const request = this.#ready.pop() ?? this.#make();
    if (repeated > 0) this.#sent.push(request);
    return request;
  }

  #make(): Buffer {
    const { statusesPerMessage = 0, elements = 1, signed = true } = this.#load.content ?? {};
    this.#made += 1;
    const kind = this.#made % (statusesPerMessage + 1) === 0 ? 'message' : 'status';
    const webhook = webhookOf(kind, CUSTOMERS, elements);
    return requestOf(signed ? webhook : unsigned(webhook));
  }
}

/** A webhook as it goes over the wire. */
export function requestOf({ body, signature }: SignedWebhook): Buffer {
  const head = [
    'POST /webhook/whatsapp HTTP/1.1',
    'host: 127.0.0.1',
    'content-type: application/json',
    'accept: */*',
    'user-agent: facebookexternalua',
    `content-length: ${body.length}`,
    `x-hub-signature-256: ${signature}`,
  ].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]);
}
