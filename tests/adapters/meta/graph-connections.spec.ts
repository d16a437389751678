import diagnosticsChannel from 'node:diagnostics_channel';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import { GraphGateway } from '../../../src/adapters/meta/graph-gateway.ts';
import type { GraphTimeLimits } from '../../../src/adapters/meta/graph-time-limits.ts';
import type { OutboundMessage } from '../../../src/core/model.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { GraphStub } from '../../support/graph-stub.ts';
import { RecordingMetrics } from '../../support/recording.ts';
import { selfSignedCertificate } from '../../support/self-signed-certificate.ts';

const MESSAGE: OutboundMessage = {
  sendId: 'send-1',
  phoneNumberId: '106540352242922',
  to: { waId: '15550100007' },
  content: { type: 'text', text: 'Hello' },
};

/** A port on which `serve` gets the bare connections, so that they can fail before there is a request. */
class Port {
  connections = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(serve: (socket: Socket, connection: number) => void) {
    this.#server = net.createServer((socket) => {
      this.#sockets.add(socket);
      this.connections += 1;
      socket.on('error', () => {});
      serve(socket, this.connections);
    });
  }

  static async open(serve: (socket: Socket, connection: number) => void): Promise<Port> {
    const port = new Port(serve);
    await new Promise<void>((resolve) => port.#server.listen(0, '127.0.0.1', resolve));
    return port;
  }

  get number(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('GraphGateway, connecting', () => {
  const closing: (() => unknown)[] = [];

  function open(apiUrl: string, over: Partial<GraphTimeLimits> = {}): GraphGateway {
    const metrics = new RecordingMetrics();
    const limits = { ...TIME_LIMITS.graph, reconnectDelayMs: 1, ...over };
    const gateway = new GraphGateway({ apiUrl, accessToken: 'token', metrics, limits });
    closing.push(() => gateway.close());
    return gateway;
  }

  async function openPort(serve: (socket: Socket, connection: number) => void): Promise<Port> {
    const port = await Port.open(serve);
    closing.push(() => port.close());
    return port;
  }

  async function openStub(certificate?: { readonly key: string; readonly cert: string }): Promise<GraphStub> {
    const stub = await GraphStub.open(certificate ? { tls: certificate } : {});
    closing.push(() => stub.close());
    return stub;
  }

  function trust(cert: string): void {
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, cert]);
    closing.push(() => tls.setDefaultCACertificates(before));
  }

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** How many connections this process tries to make while `work` runs. */
  async function countingConnects<Result>(work: () => Promise<Result>): Promise<[result: Result, connects: number]> {
    let connects = 0;
    const count = () => {
      connects += 1;
    };
    diagnosticsChannel.subscribe('net.client.socket', count);
    try {
      return [await work(), connects];
    } finally {
      diagnosticsChannel.unsubscribe('net.client.socket', count);
    }
  }

  describe('a request that cannot have left', () => {
    it('is tried three times in all when the connection is refused', async () => {
      const gateway = open(`http://127.0.0.1:${await freePort()}/v25.0`);
      const [result, connects] = await countingConnects(() => gateway.send(MESSAGE));
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('ECONNREFUSED');
      expect(connects).to.equal(3);
    });

    it('may be sent again when the name of the host is not known', async () => {
      const gateway = open('http://graph.invalid/v25.0', { connectMs: 1_000 });
      const [result, connects] = await countingConnects(() => gateway.send(MESSAGE));
      expect(result)
        .to.include({ kind: 'retry' })
        .and.have.property('reason')
        .that.matches(/\(E[A-Z_]+\)/);
      expect(connects).to.equal(3);
    });

    it('is sent once, as soon as a connection comes up', async () => {
      const certificate = selfSignedCertificate();
      const stub = await openStub(certificate);
      const port = await openPort((socket, connection) => {
        if (connection < 3) socket.destroy();
        else socket.pipe(net.connect(Number(new URL(stub.apiUrl).port), '127.0.0.1')).pipe(socket);
      });
      trust(certificate.cert);
      const result = await open(`https://127.0.0.1:${port.number}/v25.0`).send(MESSAGE);
      expect(result).to.deep.equal({ kind: 'sent', messageId: 'wamid.STUB1' });
      expect([port.connections, stub.requests.length]).to.deep.equal([3, 1]);
    });

    it('is tried three times when the connection breaks during the TLS handshake', async () => {
      const port = await openPort((socket) => socket.once('data', () => socket.resetAndDestroy()));
      const result = await open(`https://127.0.0.1:${port.number}/v25.0`).send(MESSAGE);
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('ECONNRESET');
      expect(port.connections).to.equal(3);
    });

    it('is tried three times when the TLS handshake is not answered in time', async () => {
      const port = await openPort(() => {});
      const result = await open(`https://127.0.0.1:${port.number}/v25.0`, { connectMs: 30 }).send(MESSAGE);
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('ETIMEDOUT');
      expect(port.connections).to.equal(3);
    });

    it('is not shown to a server that does not speak TLS', async () => {
      const stub = await openStub();
      const result = await open(stub.apiUrl.replace('http:', 'https:')).send(MESSAGE);
      expect(result).to.include({ kind: 'retry' });
      expect([stub.connections, stub.requests.length]).to.deep.equal([3, 0]);
    });

    it('is not shown to a server whose certificate is not trusted', async () => {
      const stub = await openStub(selfSignedCertificate());
      const result = await open(stub.apiUrl).send(MESSAGE);
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('SELF_SIGNED');
      expect([stub.connections, stub.requests.length]).to.deep.equal([3, 0]);
    });

    it('may be sent again when the time is over before there is a connection', async () => {
      const port = await openPort(() => {});
      const result = await open(`https://127.0.0.1:${port.number}/v25.0`, { totalMs: 60 }).send(MESSAGE);
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('time limit');
      expect(port.connections).to.equal(1);
    });

    it('may be sent again when the time is over between two connections', async () => {
      const port = await openPort((socket) => socket.destroy());
      const slow = { totalMs: 100, reconnectDelayMs: 60_000 };
      const result = await open(`https://127.0.0.1:${port.number}/v25.0`, slow).send(MESSAGE);
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('time limit');
      expect(port.connections).to.equal(1);
    });

    it('may be sent again when the caller stops it before there is a connection', async () => {
      const stop = new AbortController();
      const port = await openPort(() => stop.abort());
      const result = await open(`https://127.0.0.1:${port.number}/v25.0`).send(MESSAGE, stop.signal);
      expect(result).to.include({ kind: 'retry' }).and.have.property('reason').that.includes('stopped');
      expect(port.connections).to.equal(1);
    });
  });

  describe('over TLS', () => {
    it('sends, and reuses its connection', async () => {
      const certificate = selfSignedCertificate();
      const stub = await openStub(certificate);
      trust(certificate.cert);
      const gateway = open(stub.apiUrl);
      for (let sends = 0; sends < 3; sends += 1) expect((await gateway.send(MESSAGE)).kind).to.equal('sent');
      expect([stub.connections, stub.requests.length]).to.deep.equal([1, 3]);
    });

    it('is ambiguous and repeats nothing when the connection breaks after the handshake', async () => {
      const certificate = selfSignedCertificate();
      const stub = await openStub(certificate);
      trust(certificate.cert);
      stub.answerNext({ kind: 'reset' });
      expect((await open(stub.apiUrl).send(MESSAGE)).kind).to.equal('ambiguous');
      expect([stub.connections, stub.requests.length]).to.deep.equal([1, 1]);
    });
  });
});

async function freePort(): Promise<number> {
  const port = await Port.open(() => {});
  const { number } = port;
  await port.close();
  return number;
}
