import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import pg from 'pg';
import { eventually } from '../../support/eventually.ts';
import { GraphStub } from '../../support/graph-stub.ts';
import { type MovedClock, movedClock } from '../../support/moved-clock.ts';
import { type PostgresServer, startPostgresServer } from '../../support/postgres-server.ts';
import { type RedisServer, startRedisServer } from '../../support/redis.ts';
import { ServiceProcess } from '../../support/service-process.ts';
import { deliver, textsWebhook } from '../../system/webhook-client.ts';

const DAY_MS = 86_400_000;

interface Written {
  readonly id: string;
  readonly atMs: number;
}

/** One webhook with these messages. */
function webhook(...written: readonly Written[]): Buffer {
  return textsWebhook(written.map(({ id, atMs }) => ({ id, words: id, from: '15550100001', sentAtMs: atMs })));
}

describe('A webhook that Meta repeats days later', function () {
  this.timeout(240_000);

  let clock: MovedClock;
  let postgres: PostgresServer;
  let redis: RedisServer;
  let graph: GraphStub;
  let folder: string;
  before(async () => {
    clock = await movedClock();
    [postgres, redis] = await Promise.all([startPostgresServer({ env: clock.env }), startRedisServer()]);
    graph = await GraphStub.open();
    folder = mkdtempSync(join(tmpdir(), 'wahook-days-'));
  });
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  after(async () => {
    await Promise.all([postgres.stop(), redis.stop(), graph.close()]);
    clock.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { behind, name } of [
    { behind: 'Postgres alone', name: 'alone' },
    { behind: 'Redis in front of Postgres', name: 'cached' },
  ])
    it(`is answered 200 and not handled again after 6 and 14 days; after 16 days it is forgotten (${behind})`, async () => {
      const ledger = join(folder, name);
      const handled = () => {
        const lines = existsSync(ledger) ? readFileSync(ledger, 'utf8').trimEnd().split('\n') : [];
        return lines.map((line) => (JSON.parse(line) as readonly string[])[2]?.slice('wamid.'.length));
      };
      const cache = new Redis(redis.url);
      closing.push(async () => cache.disconnect());
      await cache.flushall();
      const admin = new pg.Client({ connectionString: postgres.url });
      await admin.connect();
      closing.push(() => admin.end());
      await admin.query(`CREATE DATABASE ${name}`);
      const database = new URL(postgres.url);
      database.pathname = `/${name}`;
      const client = new pg.Client({ connectionString: database.href });
      closing.push(() => client.end());
      const partitions = async () =>
        (await client.query(`SELECT FROM pg_tables WHERE tablename = 'event_key_day_' || $1`, [day])).rowCount;
      const env = {
        ...{ STORE: 'postgres', DATABASE_URL: database.href, BOT: 'tests/fixtures/bots/ledger.ts', LEDGER: ledger },
        ...{ WHATSAPP_API_URL: graph.apiUrl, ...clock.env, ...(name === 'cached' && { REDIS_URL: redis.url }) },
      };
      const atMs = Date.now();
      const day = Math.floor(atMs / DAY_MS);
      let today = 0;
      /** libfaketime and the allocator of Redis do not get on, so its keys are made older instead. */
      const ageKeys = async (byMs: number) => {
        const keys = await cache.keys('*');
        for (const key of keys) await cache.pexpire(key, (await cache.pttl(key)) - byMs);
        return keys.length;
      };
      /** A process of that day takes the webhooks; what it should handle again it would have handled before the last one. */
      const onDay = async (days: number, webhooks: readonly Buffer[], until: string) => {
        clock.moveTo(days);
        const aged = await ageKeys((days - today) * DAY_MS);
        expect(aged > 0, 'Redis is in use').to.equal(name === 'cached' && days > 0);
        today = days;
        const now = async () => (await client.query<{ now: Date }>('SELECT now()')).rows[0]!.now.getTime();
        if (days === 0) await client.connect();
        await eventually(async () => Math.abs((await now()) - atMs - days * DAY_MS) < DAY_MS / 4, 20_000);
        const { service, url } = await ServiceProcess.start(env);
        for (const body of webhooks) expect(await deliver(url, body)).to.equal(200);
        expect(await deliver(url, webhook({ id: until, atMs: atMs + days * DAY_MS }))).to.equal(200);
        await eventually(() => handled().includes(until), 30_000);
        expect(await service.stop()).to.equal(0);
      };
      const [one, two] = [
        { id: 'one', atMs },
        { id: 'two', atMs },
      ];
      const rebatched = (id: string, days: number) => webhook({ id, atMs: atMs + days * DAY_MS }, two, one);

      await onDay(0, [webhook(one, two)], 'marker 0');
      expect(handled()).to.deep.equal(['one', 'two', 'marker 0']);
      await onDay(6, [webhook(one, two), rebatched('three', 6)], 'marker 6');
      await onDay(14, [webhook(one, two), rebatched('four', 14)], 'marker 14');
      expect(handled()).to.deep.equal(['one', 'two', 'marker 0', 'three', 'marker 6', 'four', 'marker 14']);
      expect(await partitions(), 'that day is remembered').to.equal(1);
      await onDay(16, [], 'marker 16');
      expect(await partitions(), 'the keys of that day are dropped').to.equal(0);
      await onDay(16, [webhook(one, two)], 'marker 16 again');
      expect(handled().slice(8), 'what is forgotten is new').to.deep.equal(['one', 'two', 'marker 16 again']);
    });
});
