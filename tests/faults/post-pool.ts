import { connect, type Socket } from 'node:net';

/** More than are ever needed while answers come in time. */
const MAX_CONNECTIONS = 4_000;

/** One answer at a time, without a body, as a webhook's is. */
class Connection {
  readonly #socket: Socket;
  #received = '';
  #answered: ((status: number) => void) | undefined;
  isOpen = true;

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#received += text;
      if (!this.#received.endsWith('\r\n\r\n')) return;
      const status = Number(this.#received.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
      if (/^connection: close/im.test(this.#received)) {
        this.isOpen = false;
        this.#socket.destroy();
      }
      this.#received = '';
      this.#answered?.(status);
    });
    this.#socket
      .on('error', () => {})
      .on('close', () => {
        this.isOpen = false;
        this.#answered?.(0);
      });
  }

  /** Resolves to the status, or to 0 if there was no answer. */
  send(request: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#answered = resolve;
    this.#socket.write(request, 'latin1');
    return promise;
  }
}

/**
 * Posts over connections that it keeps and opens as they are needed. Node's own client takes about as long for a request as the
 * service does for refusing it: a sender that is to offer five times what the service takes cannot afford that.
 */
export class PostPool {
  readonly #host: string;
  readonly #port: number;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #open = 0;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** Resolves to the status, or to 0 if there was no answer. The body is ASCII. */
  async post(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
    const connection = await this.#take();
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-length: ${body.length}\r\n${lines.join('')}\r\n`;
    const status = await connection.send(head + body);
    this.#giveBack(connection);
    return status;
  }

  async #take(): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isOpen) return idle;
      this.#open -= 1;
    }
    if (this.#open >= MAX_CONNECTIONS) return await new Promise((resolve) => this.#waiting.push(resolve));
    this.#open += 1;
    return new Connection(this.#host, this.#port);
  }

  #giveBack(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(connection);
    else next(connection.isOpen ? connection : new Connection(this.#host, this.#port));
  }
}
