import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installWithApt, succeeds } from './apt.ts';
import { freePort, ServerProcess } from './server-process.ts';

/** A Redis server of this process alone. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Changes with `restart`. */
  readonly process: ServerProcess;
  /** Ends it with SIGKILL. */
  crash(): Promise<void>;
  /** After `crash`, on the same port; empty, unless it is `durable`. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export interface TestRedis {
  readonly url: string;
  /** For every key of the test, so that tests share a server: different each time, ends with `:`. */
  readonly prefix: string;
}

let sharedUrl: Promise<string> | undefined;

/**
 * The Redis of this process: TEST_REDIS_URL if it is set, else a server started at the first call and gone with the
 * process.
 */
export async function testRedis(): Promise<TestRedis> {
  const given = process.env['TEST_REDIS_URL'];
  sharedUrl ??= given ? Promise.resolve(given) : startRedisServer().then(({ url }) => url);
  return { url: await sharedUrl, prefix: `test:${randomBytes(6).toString('hex')}:` };
}

/** `before(startRedis)` keeps the start of the server, or even its installation, out of the time of the first test. */
export async function startRedis(this: Mocha.Context): Promise<void> {
  this.timeout(180_000);
  await testRedis();
}

/**
 * Starts a server on `port` or a free one of 127.0.0.1, e.g. to freeze or to kill it. It keeps nothing over a restart, unless
 * it is `durable`: then it has an append-only file, synced every second, or before each answer if `sync` is `always`.
 */
export async function startRedisServer(
  port?: number,
  { durable = false, sync = 'everysec' }: { readonly durable?: boolean; readonly sync?: 'everysec' | 'always' } = {},
): Promise<RedisServer> {
  binary ??= findOrInstall();
  const command = await binary;
  const folder = await mkdtemp(join(tmpdir(), 'wahook-redis-'));
  const chosen = port ?? (await freePort());
  const args = ['--port', String(chosen), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--appendfsync', sync];
  const start = () =>
    ServerProcess.start({
      name: 'Redis',
      command,
      args: [...args, '--appendonly', durable ? 'yes' : 'no', '--maxmemory-policy', 'noeviction'],
      folder,
      stopSignal: 'SIGTERM',
      isUp: () => answers(chosen),
    });
  let server = await start();
  return {
    url: `redis://127.0.0.1:${chosen}`,
    port: chosen,
    get process() {
      return server;
    },
    async crash() {
      server.signal('SIGKILL');
      await server.stop({ keepFolder: true });
    },
    async restart() {
      server = await start();
    },
    stop: () => server.stop(),
  };
}

let binary: Promise<string> | undefined;

const SERVERS = ['redis-server', 'valkey-server'];

async function findOrInstall(): Promise<string> {
  const found = await find();
  if (found !== undefined) return found;
  await installWithApt('redis-server');
  const installed = await find();
  if (installed !== undefined) return installed;
  throw new Error(
    'The tests need Redis: install redis-server or valkey-server (e.g. `apt-get install redis-server`, `brew install redis`), or set TEST_REDIS_URL to a server that they may write to.',
  );
}

async function find(): Promise<string | undefined> {
  for (const name of SERVERS) {
    if (await succeeds(name, ['--version'])) return name;
  }
  return undefined;
}

/** Speaks the protocol itself: this file needs no client library. */
async function answers(port: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
  socket.setTimeout(1000, () => socket.destroy());
  socket.on('data', (data) => resolve(data.toString().startsWith('+PONG')));
  socket.on('error', reject).on('close', () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
