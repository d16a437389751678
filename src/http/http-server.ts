import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../core/ports/observation.ts';
import type { Admission } from './admission.ts';
import type { MessageClasses } from './message-classes.ts';

const SERVER_OPTIONS: ServerOptions = {
  /** Ours and Meta's headers need 1 kB. */
  maxHeaderSize: 16 * 1024,
  /** Lenient parsing is what request smuggling lives on. */
  insecureHTTPParser: false,
  requireHostHeader: true,
  /** Answers are one small packet: never wait for a second. */
  noDelay: true,
};

/** Lets long-lived connections spread again over processes that were added. */
const MAX_REQUESTS_PER_SOCKET = 10_000;

/** A flood of connections costs a few kB each; beyond this they are closed at once. */
const MAX_CONNECTIONS = 10_000;

/**
 * Connections that wait for this process to take them, if the system allows so many (Linux: `somaxconn`, 4096). Node takes one in
 * each turn of its loop. Beyond this the system drops what comes, and the peer tries again after 1 s, then 3 s: with Node's
 * default of 511 a burst of connections lost seconds that way (docs/decisions/0006).
 */
const BACKLOG = 4_096;

/** With no request running for this long, what is still connected is idle or has not said anything: nobody waits for it. */
const QUIET_MS = 250;

/** In milliseconds. */
export interface HttpTimeLimits {
  /** How long a client may take for its headers, and for the whole request; checked every `checkEveryMs`. */
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkEveryMs: number;
  /** How long a connection may be idle, as the client is told; it lives `keepAliveBufferMs` longer. */
  readonly keepAliveMs: number;
  readonly keepAliveBufferMs: number;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly admission: Admission;
  readonly log: Log;
  /** What stands before HOST and PORT in the names of the settings that messages advise on; nothing if not given. */
  readonly settings?: '' | 'METRICS_';
  readonly limits: HttpTimeLimits;
  /** Of the requests and responses that the app gets; Node's own if not given. */
  readonly messages?: MessageClasses;
}

export interface HttpServer {
  /** For people and tests, e.g. `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly port: number;
  /** Not ready any more; still serves, and asks clients to connect anew elsewhere. */
  drain(): void;
  /**
   * Takes no new connection and no new webhook, and resolves when the running requests are answered; those that are not
   * after `limitMs` are cut off. A repetition waits for the same end.
   */
  stop(limitMs: number): Promise<void>;
}

/** Why a server cannot listen there, for people. */
interface ListenRefusal {
  readonly reason: 'port_taken' | 'port_forbidden' | 'unknown_address';
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export type ListenResult =
  | { readonly outcome: 'listening'; readonly server: HttpServer }
  | { readonly outcome: 'refused'; readonly refusal: ListenRefusal };

/** Serves `app`. That the address cannot be had is a result, so that the caller may try the next one or explain. */
export async function listen(app: RequestListener, options: ListenOptions): Promise<ListenResult> {
  const server = new DrainingServer(app, options);
  try {
    await server.open(options.host, options.port);
    return { outcome: 'listening', server };
  } catch (error) {
    const refusal = refusalOf(error, options);
    if (refusal === undefined) throw error;
    return { outcome: 'refused', refusal };
  }
}

class DrainingServer implements HttpServer {
  readonly #admission: Admission;
  readonly #log: Log;
  readonly #server: Server;
  #running = 0;
  #stopped: Promise<void> | undefined;
  #address = { host: '', port: 0 };

  constructor(app: RequestListener, options: ListenOptions) {
    const { admission, log, limits, messages } = options;
    this.#admission = admission;
    this.#log = log;
    const timeouts: ServerOptions = {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      keepAliveTimeout: limits.keepAliveMs,
      keepAliveTimeoutBuffer: limits.keepAliveBufferMs,
    };
    this.#server = createServer({ ...SERVER_OPTIONS, ...timeouts, ...messages }, (request, response) => {
      this.#running += 1;
      response.once('close', () => {
        this.#running -= 1;
      });
      if (admission.phase !== 'open') response.setHeader('Connection', 'close');
      app(request, response);
    });
    this.#server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  get port(): number {
    return this.#address.port;
  }

  get url(): string {
    const host = ['0.0.0.0', '::', ''].includes(this.#address.host) ? 'localhost' : this.#address.host;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  async open(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen({ host, port, backlog: BACKLOG }, resolve);
    await promise;
    this.#server.off('error', reject);
    // Out of file descriptors, for one: the connections that exist go on, and so does the process.
    this.#server.on('error', (error) => this.#log.error('Cannot accept a connection', { code: codeOf(error) }));
    this.#address = { host, port: (this.#server.address() as AddressInfo).port };
  }

  drain(): void {
    this.#admission.leave();
  }

  stop(limitMs: number): Promise<void> {
    this.#stopped ??= this.#stop(limitMs);
    return this.#stopped;
  }

  async #stop(limitMs: number): Promise<void> {
    this.#admission.close();
    let open = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        open = false;
        resolve();
      });
    });
    const giveUpAtMs = performance.now() + limitMs;
    let quietSinceMs = performance.now();
    while (open && performance.now() < giveUpAtMs && performance.now() - quietSinceMs < QUIET_MS) {
      await Promise.race([closed, delay(20)]);
      this.#server.closeIdleConnections();
      if (this.#running > 0) quietSinceMs = performance.now();
    }
    if (this.#running > 0) this.#log.warn('Requests were cut off at the end', { requests: this.#running });
    this.#server.closeAllConnections();
    await closed;
  }
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function refusalOf(error: unknown, { host, port, settings = '' }: ListenOptions): ListenRefusal | undefined {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return {
        reason: 'port_taken',
        what: `Port ${port} on ${host} is taken`,
        why: 'Another program listens there, quite often an earlier start of this one.',
        fix: `Stop it, or choose another port, e.g. ${settings}PORT=${port < 65_535 ? port + 1 : 3000}`,
      };
    case 'EACCES':
      return {
        reason: 'port_forbidden',
        what: `Port ${port} on ${host} is not allowed`,
        why: 'The system keeps low ports for privileged programs.',
        fix: `Choose a port from 1024 up, e.g. ${settings}PORT=3000, and let a proxy listen on 443.`,
      };
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        reason: 'unknown_address',
        what: `This machine has no address "${host}"`,
        why: 'A server can only listen on an address of its own machine.',
        fix: `Use ${settings}HOST=127.0.0.1 for this machine alone, or ${settings}HOST=0.0.0.0 for every network that it is in.`,
      };
    default:
      return undefined;
  }
}
