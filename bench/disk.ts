import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { spreadOf } from './figures.ts';
import { LoadGenerator, startCeiling } from './processes.ts';
import type { Case, Measured, Settings } from './section.ts';
import { freshDatabase } from './servers.ts';
import { onPostgres } from './subjects.ts';

const COMMITS = 'single-row commits of this disk, prepared, through node-postgres';
export const IDLE = 'an idle system: one webhook, or one commit, every 50 ms';

const CLIENTS = [1, 8, 64];

/** Nothing else is under way when one of them comes, mostly. */
const IDLE_PER_SECOND = 20;

/** The median of fewer is a matter of luck. */
const LEAST_SECONDS = 5;

export const DISK_CASES: readonly Case[] = [
  ...CLIENTS.map((clients): Case => {
    return { id: `commits-${clients}`, section: 'commits', run: (settings) => measureCommits(clients, settings) };
  }),
  { id: 'idle-ack', section: 'idle', run: measureIdle },
];

async function measureCommits(clients: number, { seconds }: Settings): Promise<readonly Measured[]> {
  return await withClients(clients, async (commits) => {
    const endMs = performance.now() + seconds * 1_000;
    const times: number[] = [];
    const loop = async (commit: () => Promise<number>) => {
      while (performance.now() < endMs) times.push(await commit());
    };
    await Promise.all(commits.map(loop));
    const { p50, p99 } = spreadOf(times);
    const figures = { 'commits/s': times.length / seconds, 'p50 ms': p50, 'p99 ms': p99 };
    return [{ table: COMMITS, row: `${clients} at once`, figures }];
  });
}

/** Both at the same pace, since a disk and a processor that have slept are slower, and one right after the other. */
async function measureIdle({ seconds: wanted }: Settings): Promise<readonly Measured[]> {
  const seconds = Math.max(wanted, LEAST_SECONDS);
  const running = await onPostgres({ receivers: 1 });
  const generator = new LoadGenerator();
  try {
    const urls = running.receivers.map(({ url }) => url);
    await generator.run({ kind: 'closed', connections: 8, seconds: 2, urls });
    await pause(500);
    const { ackMs } = await generator.run({ kind: 'open', perSecond: IDLE_PER_SECOND, seconds, urls });
    const commitMs = await withClients(1, ([commit]) => paced(seconds, commit as () => Promise<number>));
    const bare = await startCeiling('bare-server.ts');
    const answerMs = (await generator.run({ kind: 'open', perSecond: IDLE_PER_SECOND, seconds, urls: [bare.url] }))
      .ackMs;
    await bare.stop();
    const line = (row: string, { p50, p99 }: { readonly p50: number; readonly p99: number }): Measured => {
      return { table: IDLE, row, figures: { 'p50 ms': p50, 'p99 ms': p99 } };
    };
    return [
      line('ack of a webhook', ackMs),
      line('a commit of one row', spreadOf(commitMs)),
      line('an answer of bare node:http', answerMs),
    ];
  } finally {
    generator.stop();
    await running.stop();
  }
}

async function paced(seconds: number, commit: () => Promise<number>): Promise<readonly number[]> {
  const times: number[] = [];
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs) {
    await pause((-Math.log(1 - Math.random()) * 1_000) / IDLE_PER_SECOND);
    times.push(await commit());
  }
  return times;
}

/** Each of the functions stores one row in a transaction of its own, and resolves to how many milliseconds that took. */
async function withClients<Result>(
  count: number,
  work: (commits: readonly (() => Promise<number>)[]) => Promise<Result>,
): Promise<Result> {
  const database = await freshDatabase();
  const clients = Array.from({ length: count }, () => new pg.Client({ connectionString: database.url }));
  try {
    for (const client of clients) await client.connect();
    await clients[0]?.query('CREATE TABLE row (id bigint GENERATED ALWAYS AS IDENTITY, payload text)');
    const commits = clients.map((client) => async () => {
      const startedMs = performance.now();
      await client.query({ name: 'store', text: 'INSERT INTO row (payload) VALUES ($1)', values: ['x'.repeat(600)] });
      return performance.now() - startedMs;
    });
    for (const commit of commits) await commit();
    return await work(commits);
  } finally {
    for (const client of clients) await client.end();
    await database.drop();
  }
}
