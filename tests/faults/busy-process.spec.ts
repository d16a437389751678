import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { platform } from 'node:process';
import { expect } from 'chai';
import { statusesIn } from '../http/open-app.ts';
import { eventually } from '../support/eventually.ts';
import { ServiceProcess } from '../support/service-process.ts';

/** More than the 511 that Node asks for unless told otherwise, and below what Linux gives. */
const CONNECTIONS = 1_500;

const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

class Client {
  readonly #socket: Socket;
  received = '';
  isConnected = false;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port });
    this.#socket.on('connect', () => {
      this.isConnected = true;
    });
    this.#socket.on('data', (data) => {
      this.received += data.toString('latin1');
    });
    this.#socket.on('error', () => {});
    this.#socket.write(HEALTH);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** How many connections the system lets wait at most, whatever a process asks for. */
function mostWaiting(): number {
  return platform === 'linux' ? Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')) : 128;
}

describe('A process that is too busy to take connections', function () {
  this.timeout(60_000);

  it('has all who come meanwhile wait where the system keeps them, and answers them afterwards', async () => {
    const { service, url } = await ServiceProcess.start({ STORE: 'memory', ROLE: 'web' });
    service.signal('SIGSTOP');
    const count = Math.min(CONNECTIONS, mostWaiting());
    const clients = Array.from({ length: count }, () => new Client(Number(new URL(url).port)));
    try {
      // One for which there is no room is dropped, and does not connect however long it tries.
      await eventually(() => clients.every(({ isConnected }) => isConnected), 15_000);
      service.signal('SIGCONT');
      await eventually(() => clients.every(({ received }) => received.endsWith('}')), 30_000);
      for (const { received } of clients) expect(statusesIn(received)).to.deep.equal([200]);
    } finally {
      for (const client of clients) client.destroy();
      service.signal('SIGKILL');
      await service.exit();
    }
  });
});
