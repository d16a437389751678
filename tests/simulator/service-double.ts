import http, { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly json: WebhookBody;
}

/** As much of a webhook as the specs look at. */
interface WebhookBody {
  readonly entry: readonly {
    readonly id: string;
    readonly changes: readonly { readonly field: string; readonly value: Readonly<Record<string, unknown>> }[];
  }[];
}

export type Answer = (request: ReceivedRequest, response: ServerResponse) => void;

const DEADLINE_MS = 5_000;

/** Stands where the service under test would be: keeps what it gets and answers as the spec says. */
export class ServiceDouble {
  readonly requests: ReceivedRequest[] = [];
  /** How it answers. Default: 200 to everything. */
  answer: Answer = (_request, response) => response.end();
  readonly #server = http.createServer((request, response) => void this.#receive(request, response));
  readonly #waiting = new Set<() => void>();

  static async open(): Promise<ServiceDouble> {
    const double = new ServiceDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/webhook/whatsapp`;
  }

  /** The values of all changes so far, in the order of arrival. */
  get values(): readonly Readonly<Record<string, unknown>>[] {
    return this.requests.flatMap(({ json }) => json.entry.flatMap(({ changes }) => changes.map(({ value }) => value)));
  }

  /** Resolves when `count` requests have come. */
  received(count: number): Promise<readonly ReceivedRequest[]> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.requests.length < count) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(this.requests);
      };
      const timer = setTimeout(
        () => reject(new Error(`${this.requests.length} of ${count} requests came within ${DEADLINE_MS} ms`)),
        DEADLINE_MS,
      );
      this.#waiting.add(look);
      look();
    });
  }

  /** Answers with these statuses, one after the other, then with 200. */
  answerInTurn(...statuses: readonly number[]): void {
    const left = [...statuses];
    this.answer = (_request, response) => {
      response.statusCode = left.shift() ?? 200;
      response.end();
    };
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = '', url = '', headers } = request;
    const received = { method, url, headers, body, json: parsed(body) };
    this.requests.push(received);
    this.answer(received, response);
    for (const look of [...this.#waiting]) look();
  }
}

function parsed(body: Buffer): WebhookBody {
  try {
    return JSON.parse(body.toString('utf8')) as WebhookBody;
  } catch {
    return { entry: [] };
  }
}
