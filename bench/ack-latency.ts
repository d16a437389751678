import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from '../tests/support/postgres.ts';
import { testRedis } from '../tests/support/redis.ts';
import type { LoadResult } from './load-generator.ts';
import { LoadGenerator, type ServiceUnderTest, startBareServer, startService } from './processes.ts';

/** A service to measure, on stores of its own. */
interface Setup {
  readonly name: string;
  /** Requests a second, one load after the other. */
  readonly rates: readonly number[];
  /** The rate that is normal use for it, and has the bar; absent: this is measured for comparison. */
  readonly normalRate?: number;
  /** Connections that each send as fast as they are answered; absent: not measured. */
  readonly connections?: number;
  readonly warmUpSeconds?: number;
  start(): Promise<Running>;
}

interface Running {
  /** The one that takes webhooks is the first. */
  readonly services: readonly [ServiceUnderTest, ...ServiceUnderTest[]];
  /** Removes the stores. */
  remove(): Promise<void>;
}

export interface Measured {
  readonly setup: string;
  /** `200/s`, `c64` */
  readonly load: string;
  readonly isNormalUse: boolean;
  readonly result: LoadResult;
}

/** 17 million messages a day: few businesses have as many. */
const NORMAL_RATE = 200;
/** One developer with a script. */
const DEVELOPMENT_RATE = 20;
const CONNECTIONS = 64;

/** Below this the 99th percentile is the single worst request. */
const LEAST_REQUESTS = 200;

export const SETUPS: readonly Setup[] = [
  {
    name: 'HTTP alone, for comparison',
    rates: [NORMAL_RATE],
    connections: CONNECTIONS,
    start: async () => ({ services: [await startBareServer()], remove: async () => {} }),
  },
  {
    name: 'PostgreSQL',
    rates: [NORMAL_RATE, 1_000, 2_000],
    normalRate: NORMAL_RATE,
    connections: CONNECTIONS,
    start: () => onPostgres({}, ['web']),
  },
  {
    name: 'PostgreSQL with Redis',
    rates: [NORMAL_RATE, 1_000, 2_000],
    normalRate: NORMAL_RATE,
    connections: CONNECTIONS,
    start: async () => onPostgres({ REDIS_URL: (await testRedis()).url }, ['web']),
  },
  {
    name: 'PostgreSQL, a worker beside it',
    rates: [NORMAL_RATE],
    normalRate: NORMAL_RATE,
    start: () => onPostgres({}, ['web', 'worker']),
  },
  {
    name: 'embedded PostgreSQL, receiving and handling',
    rates: [DEVELOPMENT_RATE],
    normalRate: DEVELOPMENT_RATE,
    start: () => inOneProcess('pglite', 'all'),
  },
  {
    name: 'embedded PostgreSQL, receiving',
    rates: [NORMAL_RATE],
    // Its WebAssembly is compiled for speed only while it runs.
    warmUpSeconds: 6,
    start: () => inOneProcess('pglite', 'web'),
  },
  {
    name: 'memory, receiving and handling',
    rates: [NORMAL_RATE],
    normalRate: NORMAL_RATE,
    connections: CONNECTIONS,
    start: () => inOneProcess('memory', 'all'),
  },
];

async function onPostgres(
  env: Readonly<Record<string, string>>,
  roles: readonly [string, ...string[]],
): Promise<Running> {
  const { url, drop } = await testDatabase();
  const start = (role: string) => startService({ ...env, STORE: 'postgres', DATABASE_URL: url, ROLE: role });
  const [first, ...others] = roles;
  const services: [ServiceUnderTest, ...ServiceUnderTest[]] = [await start(first)];
  for (const role of others) services.push(await start(role));
  return { services, remove: drop };
}

/** A store that belongs to one process. */
async function inOneProcess(store: 'pglite' | 'memory', role: 'web' | 'all'): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'wahook-bench-'));
  const service = await startService({ STORE: store, DATA_DIR: folder, ROLE: role });
  return { services: [service], remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts the service, offers it each load in turn for so many seconds, and stops it. */
export async function measureAcks(setup: Setup, seconds: number): Promise<readonly Measured[]> {
  const { services, remove } = await setup.start();
  const [{ url }] = services;
  const generator = new LoadGenerator();
  const measured: Measured[] = [];
  try {
    await generator.run({
      kind: 'open',
      url,
      perSecond: setup.rates[0] ?? NORMAL_RATE,
      seconds: setup.warmUpSeconds ?? 2,
    });
    for (const perSecond of setup.rates) {
      const longEnough = Math.max(seconds, LEAST_REQUESTS / perSecond);
      const result = await generator.run({ kind: 'open', url, perSecond, seconds: longEnough });
      measured.push({ setup: setup.name, load: `${perSecond}/s`, isNormalUse: perSecond === setup.normalRate, result });
    }
    if (setup.connections !== undefined) {
      const result = await generator.run({ kind: 'closed', url, connections: setup.connections, seconds });
      measured.push({ setup: setup.name, load: `c${setup.connections}`, isNormalUse: false, result });
    }
  } finally {
    generator.stop();
    await Promise.all(services.map((service) => service.stop()));
    await remove();
  }
  return measured;
}
