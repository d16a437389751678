import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type PostgresServer, startPostgresServer } from '../tests/support/postgres-server.ts';
import { type RedisServer, startRedisServer } from '../tests/support/redis.ts';

export interface ServersOptions {
  /** `durable`: what it held is there again after a crash, as a queue in it needs. wahook does not. */
  readonly redis: boolean | 'durable';
}

/** Real servers of this process alone; one set can serve several scenarios, one after the other. */
export class Servers {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer | undefined;
  /** What Redis holds must not be lost: it is more than a cache to whoever is under test. */
  readonly keepsRedis: boolean;

  private constructor(postgres: PostgresServer, redis: RedisServer | undefined, keepsRedis: boolean) {
    this.postgres = postgres;
    this.redis = redis;
    this.keepsRedis = keepsRedis;
  }

  static async start({ redis }: ServersOptions): Promise<Servers> {
    const postgres = await startPostgresServer();
    const durable = redis === 'durable';
    return new Servers(postgres, redis ? await startRedisServer(undefined, { durable }) : undefined, durable);
  }

  /** Resolves to the URL of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `torture_${randomBytes(6).toString('hex')}`;
    await this.#administer(`CREATE DATABASE ${name}`);
    const url = new URL(this.postgres.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async dropDatabase(url: string): Promise<void> {
    await this.#administer(`DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }

  async stop(): Promise<void> {
    await this.redis?.stop();
    await this.postgres.stop();
  }

  async #administer(text: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.postgres.url });
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query(text);
    } finally {
      await client.end();
    }
  }
}
