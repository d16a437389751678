import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';

/** What the stub does with one request, after it has read all of it. */
export type StubAnswer =
  /** 200 with a message id, as Meta answers. */
  | { readonly kind: 'sent' }
  /** A Graph error. Meta answers throttling with 400, so the status is of no use to a client. */
  | { readonly kind: 'error'; readonly code: number; readonly status?: number; readonly more?: object }
  /** Any other answer: the page of a proxy, a redirect, rubbish. */
  | { readonly kind: 'raw'; readonly status: number; readonly headers?: Record<string, string>; readonly body: string }
  /** Takes the message and never answers. */
  | { readonly kind: 'hang' }
  /** Takes the message and resets the connection. */
  | { readonly kind: 'reset' }
  /** Takes the message, sends half of the answer, and then nothing more. */
  | { readonly kind: 'hang_midway' }
  /** Takes the message, sends half of the answer, and resets the connection. */
  | { readonly kind: 'reset_midway' };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface GraphStubOptions {
  /** Speaks HTTPS with these. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

const TAKING: readonly StubAnswer['kind'][] = ['sent', 'hang', 'reset', 'hang_midway', 'reset_midway'];

/** Plays the Graph API on 127.0.0.1: answers each request as scripted, and without a script with a message id. */
export class GraphStub {
  readonly requests: SeenRequest[] = [];
  /** The send ids of the messages that it took, whether or not the answer got through. */
  readonly taken: string[] = [];
  /** Connections accepted so far. */
  connections = 0;
  readonly #script: StubAnswer[] = [];
  readonly #server: http.Server;
  readonly #scheme: string;
  #sent = 0;

  private constructor({ tls }: GraphStubOptions) {
    const listener: http.RequestListener = (request, response) => void this.#handle(request, response);
    this.#server = tls ? https.createServer(tls, listener) : http.createServer(listener);
    this.#scheme = tls ? 'https' : 'http';
    // Longer than any test: what closes an idle connection is then the client.
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  static async open(options: GraphStubOptions = {}): Promise<GraphStub> {
    const stub = new GraphStub(options);
    await new Promise<void>((resolve) => stub.#server.listen(0, '127.0.0.1', resolve));
    return stub;
  }

  /** With a version, as a client is configured with. */
  get apiUrl(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v25.0`;
  }

  answerNext(...answers: readonly StubAnswer[]): void {
    this.#script.push(...answers);
  }

  /** Connections that are open now. */
  openConnections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    this.requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    const answer = this.#script.shift() ?? { kind: 'sent' };
    if (TAKING.includes(answer.kind)) this.taken.push(JSON.parse(body).biz_opaque_callback_data);
    this.#answer(answer, response);
  }

  #answer(answer: StubAnswer, response: http.ServerResponse): void {
    switch (answer.kind) {
      case 'sent':
        return void response.writeHead(200, JSON_TYPE).end(this.#accepted());
      case 'error':
        return void response.writeHead(answer.status ?? 400, JSON_TYPE).end(graphError(answer.code, answer.more));
      case 'raw':
        return void response.writeHead(answer.status, answer.headers).end(answer.body);
      case 'hang':
        return;
      case 'reset':
        return void reset(response);
      case 'hang_midway':
        return void response.writeHead(200, JSON_TYPE).write('{"messages":[{"id"');
      case 'reset_midway':
        return void response
          .writeHead(200, { ...JSON_TYPE, 'content-length': '200' })
          .write('{"messages":[{"id"', () => reset(response));
    }
  }

  #accepted(): string {
    this.#sent += 1;
    return JSON.stringify({
      messaging_product: 'whatsapp',
      contacts: [{ input: '+15550100001', wa_id: '15550100001' }],
      messages: [{ id: `wamid.STUB${this.#sent}` }],
    });
  }
}

/** Over TLS there is no reset at will; there the connection just ends. */
function reset({ socket }: http.ServerResponse): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket?.resetAndDestroy();
}

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };

/** A Graph error as Meta's page "Error codes" shows it (2026-09-11); `more` goes into the `error` object. */
export function graphError(code: number, more: object = {}): string {
  return JSON.stringify({
    error: {
      message: `(#${code}) Some title`,
      type: 'OAuthException',
      code,
      error_data: { messaging_product: 'whatsapp', details: 'Details that may quote the message.' },
      fbtrace_id: 'Az8or2yhqkZfEZ-_4Qn_Bam',
      ...more,
    },
  });
}
