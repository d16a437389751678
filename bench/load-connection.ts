import { connect, type Socket } from 'node:net';

/**
 * A connection that sends one request after the other. Written for this benchmark because `http.request` costs as much as the
 * service that it is to load, on the same two cores: with it a bare `node:http` server reached 5,000 requests a second in place
 * of 25,000. Reads the answers of servers that say how long they are, or send chunks; nothing else.
 */
export class LoadConnection {
  readonly #socket: Socket;
  #answer = '';
  #done: ((status: number) => void) | undefined;
  #open = true;

  constructor(url: URL) {
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => this.#receive(text as unknown as string));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#open = false;
      this.#finish(0);
    });
  }

  /** False if it cannot be used again. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Calls back with the status, or with 0 if the connection breaks. Not before the last one has been answered. */
  send(request: Buffer, done: (status: number) => void): void {
    this.#done = done;
    if (this.#open) this.#socket.write(request);
    else this.#finish(0);
  }

  close(): void {
    this.#open = false;
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#answer += text;
    const headEnd = this.#answer.indexOf('\r\n\r\n');
    if (headEnd < 0 || !isComplete(this.#answer, headEnd)) return;
    const status = Number(this.#answer.slice(9, 12));
    if (/\r\nconnection: close\r\n/i.test(this.#answer.slice(0, headEnd + 2))) this.close();
    this.#answer = '';
    this.#finish(status);
  }

  #finish(status: number): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(status);
  }
}

function isComplete(answer: string, headEnd: number): boolean {
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
  if (length !== undefined) return answer.length >= headEnd + 4 + Number(length);
  return answer.endsWith('\r\n0\r\n\r\n');
}
