import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { signatureOf, textWebhook } from '../system/webhook-client.ts';

export interface Delivery {
  /** Of the message, without `wamid.`. */
  readonly id: string;
  readonly startedMs: number;
  readonly endedMs: number;
  /** 0: there was no answer. */
  readonly status: number;
}

export interface SenderOptions {
  readonly perSecond: number;
  /** Every nth message comes again, right behind its first delivery; none if absent. */
  readonly repeatEvery?: number;
  readonly headers?: http.OutgoingHttpHeaders;
}

let made = 0;

/** Delivers webhooks of one message each at a steady pace, whatever becomes of them, and remembers what did. */
export class SteadySender {
  readonly deliveries: Delivery[] = [];
  readonly #url: string;
  readonly #options: SenderOptions;
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 2_000 });
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #run: Promise<void>;
  #stopped = false;

  constructor(url: string, options: SenderOptions) {
    this.#url = url;
    this.#options = options;
    this.#run = this.#send();
  }

  /** For so long, and then until everything is answered. */
  static async during(url: string, seconds: number, options: SenderOptions): Promise<SteadySender> {
    const sender = new SteadySender(url, options);
    await pause(seconds * 1_000);
    await sender.stop();
    return sender;
  }

  /** Sends nothing more; resolves when everything is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#run;
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  get acked(): readonly string[] {
    return this.deliveries.filter(({ status }) => status === 200).map(({ id }) => id);
  }

  /** How often each status came. */
  get statuses(): Readonly<Record<number, number>> {
    const counts: Record<number, number> = {};
    for (const { status } of this.deliveries) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  async #send(): Promise<void> {
    let dueMs = performance.now();
    while (!this.#stopped) {
      dueMs += 1_000 / this.#options.perSecond;
      while (performance.now() < dueMs) await pause(1);
      this.#track(this.#deliver());
    }
  }

  async #deliver(): Promise<void> {
    made += 1;
    const id = `FAULT-${process.pid}-${made}`;
    // Of somebody else each time, within some hundreds.
    const body = textWebhook(id, 'hi', String(15550100000 + (made % 500)));
    await this.#post(id, body);
    const { repeatEvery } = this.#options;
    if (repeatEvery !== undefined && made % repeatEvery === 0) await this.#post(id, body);
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  #post(id: string, body: Buffer): Promise<void> {
    const startedMs = performance.now();
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'x-hub-signature-256': signatureOf(body),
      ...this.#options.headers,
    };
    return new Promise((resolve) => {
      const end = (status: number) => {
        this.deliveries.push({ id, startedMs, endedMs: performance.now(), status });
        resolve();
      };
      const request = http.request(`${this.#url}/webhook/whatsapp`, { method: 'POST', headers, agent: this.#agent });
      request.on('error', () => end(0));
      request.on('response', (response) => {
        response.on('end', () => end(response.statusCode ?? 0)).on('error', () => end(0));
        response.resume();
      });
      request.end(body);
    });
  }
}

/** The value that `share` of the others do not exceed; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function latencies(deliveries: readonly Delivery[]): readonly number[] {
  return deliveries.map(({ startedMs, endedMs }) => endedMs - startedMs);
}
