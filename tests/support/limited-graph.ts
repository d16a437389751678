import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MetaLimits {
  /** Messages of one number that any second may hold. */
  readonly perSecond: number;
  /** One message to one person in this time, after a burst that is borrowed from the future. */
  readonly pair: { readonly intervalMs: number; readonly burst: number };
}

interface Taken {
  readonly to: string;
  readonly text: string;
}

const THROUGHPUT = 130_429;
const PAIR = 131_056;

/** Plays the Graph API with the limits that Meta keeps, by its own clock, and refuses what is beyond them. */
export class LimitedGraph {
  readonly taken: Taken[] = [];
  /** The codes of all refusals. */
  readonly refused: number[] = [];
  readonly #limits: MetaLimits;
  readonly #server: http.Server;
  #arrivals: number[] = [];
  readonly #owed = new Map<string, number>();
  #scripted: number[] = [];

  private constructor(limits: MetaLimits) {
    this.#limits = limits;
    this.#server = http.createServer((request, response) => void this.#handle(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  static async open(limits: MetaLimits): Promise<LimitedGraph> {
    const graph = new LimitedGraph(limits);
    graph.#server.listen(0, '127.0.0.1');
    await once(graph.#server, 'listening');
    return graph;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v25.0`;
  }

  /** The next messages are refused with these, whatever the limits say. */
  refuseNext(...codes: readonly number[]): void {
    this.#scripted.push(...codes);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const arrivedMs = performance.now();
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const message = JSON.parse(body) as { to: string; text: { body: string } };
    const code = this.#scripted.shift() ?? this.#judge(message.to, arrivedMs);
    if (code !== undefined) {
      this.refused.push(code);
      const error = { message: `(#${code}) Some title`, type: 'OAuthException', code };
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return;
    }
    this.taken.push({ to: message.to, text: message.text.body });
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id: `wamid.L${this.taken.length}` }] }));
  }

  #judge(to: string, nowMs: number): number | undefined {
    const { perSecond, pair } = this.#limits;
    this.#arrivals = this.#arrivals.filter((atMs) => atMs > nowMs - 1_000);
    if (this.#arrivals.length >= perSecond) return THROUGHPUT;
    const owedMs = Math.max(this.#owed.get(to) ?? 0, nowMs);
    if (owedMs - nowMs > (pair.burst - 1) * pair.intervalMs) return PAIR;
    this.#arrivals.push(nowMs);
    this.#owed.set(to, owedMs + pair.intervalMs);
    return undefined;
  }
}
