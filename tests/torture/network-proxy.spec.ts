import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { NetworkProxy } from '../../torture/network-proxy.ts';
import { eventually } from '../support/eventually.ts';

describe('The network of the torture', () => {
  let server: Server;
  let proxy: NetworkProxy;
  let clients: Socket[];
  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await NetworkProxy.open((server.address() as { port: number }).port);
    clients = [];
  });
  afterEach(async () => {
    for (const client of clients) client.destroy();
    await proxy.close();
    server.close();
    await once(server, 'close');
  });

  const open = async () => {
    const socket = connect(proxy.port, '127.0.0.1');
    clients.push(socket);
    const client = { socket, got: '', isClosed: false };
    socket.on('data', (data) => {
      client.got += data;
    });
    socket
      .on('error', () => {})
      .on('close', () => {
        client.isClosed = true;
      });
    await once(socket, 'connect');
    return client;
  };
  const echo = async (client: Awaited<ReturnType<typeof open>>, text: string) => {
    client.socket.write(text);
    await eventually(() => client.got.endsWith(text));
  };

  it('passes on what it gets', async () => {
    const client = await open();
    await echo(client, 'hello');
    await echo(client, 'x'.repeat(500_000));
  });

  it('takes its time, and keeps the order', async () => {
    const client = await open();
    proxy.latency(60);
    const startedAt = performance.now();
    client.socket.write('one ');
    await pause(5);
    client.socket.write('two ');
    await eventually(() => client.got === 'one two ');
    expect(performance.now() - startedAt).to.be.greaterThan(110);
  });

  it('lets nothing through a black hole, and everything afterwards', async () => {
    const client = await open();
    await echo(client, 'before ');
    proxy.blackhole(true);
    client.socket.write('during ');
    const late = await open();
    late.socket.write('late');
    await pause(100);
    expect(client.got).to.equal('before ');
    proxy.heal();
    await eventually(() => client.got === 'before during ' && late.got === 'late');
  });

  it('breaks connections', async () => {
    const client = await open();
    await echo(client, 'x');
    proxy.reset();
    await eventually(() => client.isClosed);
    await echo(await open(), 'new');
  });

  it('leaves connections half open: dead and not closed, while new ones work', async () => {
    const client = await open();
    await echo(client, 'x');
    proxy.halfOpen();
    client.socket.write('lost');
    await echo(await open(), 'new');
    await pause(100);
    expect(client).to.include({ got: 'x', isClosed: false });
  });
});
