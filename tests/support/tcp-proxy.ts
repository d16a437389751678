import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** How long what goes through is held up; `text` is a chunk as it came. */
type Delay = (text: Buffer, direction: 'to server' | 'to client') => number;

/** Stands between a client and a server on 127.0.0.1, to break the network in the ways that a server does not show. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isFrozen = false;
  #delayMs: Delay = () => 0;
  /** What came in from clients so far, whether or not it was passed on. */
  receivedBytes = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** The target need not be there yet: until it is, connections are broken off at once. */
  static async open(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server);
    server.on('connection', (client) => proxy.#join(client, connect(targetPort, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** From now on nothing gets through in either direction, and nobody is told. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** From now on bytes get through again; those sent in the meantime are lost. */
  thaw(): void {
    this.#isFrozen = false;
  }

  /** From now on what goes through is held up for so long, in order; a far or slow server. */
  slowDown(delayMs: Delay): void {
    this.#delayMs = delayMs;
  }

  /** Breaks all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, upstream: Socket): void {
    client.on('data', (data) => {
      this.receivedBytes += data.length;
    });
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    for (const [from, to, direction] of [
      [client, upstream, 'to server'],
      [upstream, client, 'to client'],
    ] as const) {
      this.#sockets.add(from);
      let passed = Promise.resolve();
      from.on('data', (data) => {
        if (this.#isFrozen) return;
        const dueMs = performance.now() + this.#delayMs(data, direction);
        // One after the other: timers of different lengths may come in another order.
        passed = passed.then(async () => {
          if (performance.now() < dueMs) await pause(dueMs - performance.now());
          if (to.writable) to.write(data);
        });
      });
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
