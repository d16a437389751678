import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import fetch, { type RequestInit, type Response } from 'node-fetch';

/** The request certainly never left this process: no connection came up that could have carried it. */
export class NotSentError extends Error {
  /** Of the system or of TLS, e.g. `ECONNREFUSED`, where there is one. */
  readonly code: string | undefined;

  constructor(code: string | undefined) {
    super('no connection could be made');
    this.name = 'NotSentError';
    this.code = code;
  }
}

/** One request as its connection sees it. */
interface Attempt {
  /** A connection of its own is being made, and nothing can be written yet. */
  connecting: boolean;
}

export interface GraphConnectionsOptions {
  readonly connectMs: number;
  /** How long an idle connection is kept. */
  readonly idleMs: number;
  /** How the host's name becomes an address; the system's own way if absent. */
  readonly lookup?: LookupFunction;
}

/**
 * Keep-alive connections that know whether a failed request can have left. An error code alone does not tell: a reset means
 * nothing during the TLS handshake and everything afterwards, and in a reused connection it is never certain. So what counts
 * is whether the request waited for a connection of its own when it failed.
 */
export class GraphConnections {
  readonly #agent: http.Agent;
  readonly #attempts = new AsyncLocalStorage<Attempt>();

  constructor(protocol: string, { connectMs, idleMs, lookup }: GraphConnectionsOptions) {
    const options: http.AgentOptions & { lookup?: LookupFunction } = {
      keepAlive: true,
      timeout: idleMs,
      ...(lookup && { lookup }),
    };
    const secure = protocol === 'https:';
    this.#agent = secure ? new https.Agent(options) : new http.Agent(options);
    const connect = this.#agent.createConnection.bind(this.#agent);
    // Called within the `fetch` that needs the connection, since the agent has no limit and therefore no queue.
    this.#agent.createConnection = (...args) => {
      const socket = connect(...args);
      const attempt = this.#attempts.getStore();
      if (socket && attempt) watch(socket, attempt, secure ? 'secureConnect' : 'connect', connectMs);
      return socket;
    };
  }

  /**
   * Like node-fetch's `fetch`, over these connections.
   *
   * @throws NotSentError if the request cannot have left; any other error says that it may have.
   */
  async fetch(url: string, init: RequestInit): Promise<Response> {
    const attempt: Attempt = { connecting: false };
    try {
      return await this.#attempts.run(attempt, () => fetch(url, { ...init, agent: this.#agent }));
    } catch (error) {
      throw attempt.connecting ? new NotSentError(systemCode(error)) : error;
    }
  }

  /** Cuts all connections, also those in use. */
  close(): void {
    this.#agent.destroy();
  }
}

/** Over TLS a connection is ready after the handshake and the check of the certificate: until then nothing is written. */
function watch(socket: Duplex, attempt: Attempt, readyEvent: string, connectMs: number): void {
  attempt.connecting = true;
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' }));
  }, connectMs);
  socket.once(readyEvent, () => {
    attempt.connecting = false;
    clearTimeout(timer);
  });
  socket.once('close', () => clearTimeout(timer));
}

/** The code of a failed connection, if it looks like one: only then may it be shown. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : undefined;
}
