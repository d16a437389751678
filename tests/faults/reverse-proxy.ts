import http from 'node:http';
import type { AddressInfo } from 'node:net';

interface Upstream {
  readonly url: string;
  readonly agent: http.Agent;
  readonly check: NodeJS.Timeout;
  healthy: boolean;
  failures: number;
}

/** Load balancers ask more rarely; two failures in a row are the fewest that they wait for. */
const CHECK_EVERY_MS = 1_000;
const FAILURES = 2;

/**
 * A load balancer as services stand behind: connections kept alive, `/ready` asked again and again, requests to those that are
 * ready in turn, and no second try: what goes wrong is a 502.
 */
export class ReverseProxy {
  readonly #server: http.Server;
  readonly #upstreams = new Map<string, Upstream>();
  #turn = 0;

  private constructor() {
    this.#server = http.createServer((request, response) => this.#forward(request, response));
    // As load balancers have it; with Node's 5 s it would itself close connections that a sender is about to use.
    this.#server.keepAliveTimeout = 60_000;
  }

  static async open(): Promise<ReverseProxy> {
    const proxy = new ReverseProxy();
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The services that get requests now. */
  get healthy(): readonly string[] {
    return [...this.#upstreams.values()].filter(({ healthy }) => healthy).map(({ url }) => url);
  }

  add(url: string): void {
    const check = setInterval(() => void this.#check(url), CHECK_EVERY_MS);
    this.#upstreams.set(url, { url, agent: new http.Agent({ keepAlive: true }), check, healthy: false, failures: 0 });
    void this.#check(url);
  }

  remove(url: string): void {
    const upstream = this.#upstreams.get(url);
    clearInterval(upstream?.check);
    upstream?.agent.destroy();
    this.#upstreams.delete(url);
  }

  async close(): Promise<void> {
    for (const url of [...this.#upstreams.keys()]) this.remove(url);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #check(url: string): Promise<void> {
    const ready = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5_000) }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status === 200;
      },
      () => false,
    );
    const upstream = this.#upstreams.get(url);
    if (upstream === undefined) return;
    upstream.failures = ready ? 0 : upstream.failures + 1;
    upstream.healthy = ready || (upstream.healthy && upstream.failures < FAILURES);
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const healthy = [...this.#upstreams.values()].filter((upstream) => upstream.healthy);
    this.#turn += 1;
    const upstream = healthy[this.#turn % healthy.length];
    if (upstream === undefined) {
      response.writeHead(502).end();
      return;
    }
    const { method, url, headers } = request;
    const outgoing = http.request(`${upstream.url}${url}`, {
      agent: upstream.agent,
      ...(method && { method }),
      headers: { ...headers, connection: 'keep-alive' },
    });
    outgoing.on('error', () => {
      if (!response.headersSent) response.writeHead(502).end();
    });
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
    });
    request.pipe(outgoing);
  }
}
