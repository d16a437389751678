import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, ServerProcess } from '../../support/server-process.ts';

export interface RedisServer {
  readonly url: string;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

export async function startRedisServer(port?: number): Promise<RedisServer> {
  const p = port ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), 'wahook-redis-'));
  const server = await ServerProcess.start({
    name: 'Redis',
    command: 'redis-server',
    args: ['--port', String(p), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    folder,
    stopSignal: 'SIGKILL',
    isUp: () =>
      new Promise((resolve) => {
        const s = connect(p, '127.0.0.1', () => {
          s.destroy();
          resolve(true);
        }).on('error', () => resolve(false));
      }),
  });
  return { url: `redis://127.0.0.1:${p}`, process: server, stop: () => server.stop() };
}
