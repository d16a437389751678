import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What the network does to the connections of one process. */
export type NetworkFault = 'latency' | 'blackhole' | 'reset' | 'half-open';

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Dead for good, though neither side is told. */
  isHalfOpen: boolean;
}

/** A dropped connection is noticed on the server's side only when its own keep-alive gives up. */
const HALF_OPEN_MS = 20_000;

/** Stands between one process and one server on 127.0.0.1. */
export class NetworkProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #latencyMs = 0;
  #isBlack = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(targetPort: number): Promise<NetworkProxy> {
    const server = createServer();
    const proxy = new NetworkProxy(server);
    server.on('connection', (client) => proxy.#join(client, connect({ port: targetPort, host: '127.0.0.1' })));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Each piece of data takes so much longer, in either direction. */
  latency(ms: number): void {
    this.#latencyMs = ms;
  }

  /** Nothing gets through, and nobody is told; what was sent arrives when it ends, as TCP repeats it. */
  blackhole(isBlack: boolean): void {
    this.#isBlack = isBlack;
    for (const link of this.#links) this.#flow(link);
  }

  reset(): void {
    for (const { client, upstream } of this.#links) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  /** The connections of now are dead without a word, new ones work: a firewall that forgot them. */
  halfOpen(): void {
    for (const link of this.#links) {
      link.isHalfOpen = true;
      this.#flow(link);
      setTimeout(() => {
        link.client.destroy();
        link.upstream.destroy();
      }, HALF_OPEN_MS).unref();
    }
  }

  heal(): void {
    this.latency(0);
    this.blackhole(false);
  }

  async close(): Promise<void> {
    for (const { client, upstream } of this.#links) {
      client.destroy();
      upstream.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, upstream: Socket): void {
    const link: Link = { client, upstream, isHalfOpen: false };
    this.#links.add(link);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (data) => this.#pass(link, from, to, data));
      from.on('error', () => {});
      from.on('end', () => link.isHalfOpen || to.end());
      from.on('close', () => {
        this.#links.delete(link);
        if (!link.isHalfOpen) to.destroy();
      });
    }
    this.#flow(link);
  }

  #pass(link: Link, from: Socket, to: Socket, data: Buffer): void {
    const write = () => {
      if (!link.isHalfOpen && !to.destroyed && !to.write(data)) {
        from.pause();
        to.once('drain', () => this.#flow(link));
      }
    };
    // Equal delays keep the order; a change of the latency while data is under way could not, so the timer is a queue's.
    if (this.#latencyMs === 0) write();
    else {
      from.pause();
      setTimeout(() => {
        write();
        this.#flow(link);
      }, this.#latencyMs);
    }
  }

  /** A socket that is not read fills up, as behind a link that is down. */
  #flow({ client, upstream, isHalfOpen }: Link): void {
    for (const socket of [client, upstream]) {
      if (this.#isBlack || isHalfOpen) socket.pause();
      else socket.resume();
    }
  }
}
