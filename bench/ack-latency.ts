import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from '../tests/support/postgres.ts';
import { testRedis } from '../tests/support/redis.ts';
import type { LoadResult } from './load-generator.ts';
import { LoadGenerator, type ServiceUnderTest, startService } from './processes.ts';

/** A service to measure, on stores of its own. */
interface Setup {
  readonly name: string;
  /** Requests a second, one load after the other. */
  readonly rates: readonly number[];
  /** Connections that each send as fast as they are answered; absent: not measured. */
  readonly connections?: number;
  /** Resolves to the processes, the one that takes webhooks first, and to what removes their stores. */
  start(): Promise<{ readonly services: readonly [ServiceUnderTest, ...ServiceUnderTest[]]; remove(): Promise<void> }>;
}

export interface Measured {
  readonly setup: string;
  /** `200/s`, `c64` */
  readonly load: string;
  readonly result: LoadResult;
}

/** A bot's number on an ordinary day: what the bar is about. */
export const NORMAL_RATE = 200;
const CONNECTIONS = 64;

const WARM_UP = { kind: 'open', perSecond: NORMAL_RATE, seconds: 2 } as const;

export const SETUPS: readonly Setup[] = [
  {
    name: 'PostgreSQL',
    rates: [NORMAL_RATE, 1_000, 2_000],
    connections: CONNECTIONS,
    start: () => onPostgres({}, ['web']),
  },
  {
    name: 'PostgreSQL, Redis',
    rates: [NORMAL_RATE, 1_000, 2_000],
    connections: CONNECTIONS,
    start: async () => onPostgres({ REDIS_URL: (await testRedis()).url }, ['web']),
  },
  { name: 'PostgreSQL, a worker beside it', rates: [NORMAL_RATE], start: () => onPostgres({}, ['web', 'worker']) },
  { name: 'embedded PostgreSQL', rates: [NORMAL_RATE], start: () => inOneProcess('pglite') },
  { name: 'memory', rates: [NORMAL_RATE], connections: CONNECTIONS, start: () => inOneProcess('memory') },
];

async function onPostgres(env: Readonly<Record<string, string>>, roles: readonly [string, ...string[]]) {
  const { url, drop } = await testDatabase();
  const start = (role: string) => startService({ ...env, STORE: 'postgres', DATABASE_URL: url, ROLE: role });
  const [first, ...others] = roles;
  const services: [ServiceUnderTest, ...ServiceUnderTest[]] = [await start(first)];
  for (const role of others) services.push(await start(role));
  return { services, remove: drop };
}

/** These stores belong to one process, which then handles the messages too. */
async function inOneProcess(store: 'pglite' | 'memory') {
  const folder = await mkdtemp(join(tmpdir(), 'wahook-bench-'));
  const service = await startService({ STORE: store, DATA_DIR: folder, ROLE: 'all' });
  const services: [ServiceUnderTest, ...ServiceUnderTest[]] = [service];
  return { services, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts the service, offers it each load in turn for so many seconds, and stops it. */
export async function measureAcks(setup: Setup, seconds: number): Promise<readonly Measured[]> {
  const { services, remove } = await setup.start();
  const [{ url }] = services;
  const generator = new LoadGenerator();
  const measured: Measured[] = [];
  try {
    await generator.run({ ...WARM_UP, url });
    for (const perSecond of setup.rates) {
      const result = await generator.run({ kind: 'open', url, perSecond, seconds });
      measured.push({ setup: setup.name, load: `${perSecond}/s`, result });
    }
    if (setup.connections !== undefined) {
      const result = await generator.run({ kind: 'closed', url, connections: setup.connections, seconds });
      measured.push({ setup: setup.name, load: `c${setup.connections}`, result });
    }
  } finally {
    generator.stop();
    await Promise.all(services.map((service) => service.stop()));
    await remove();
  }
  return measured;
}
