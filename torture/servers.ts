import { type PostgresServer, startPostgresServer } from '../tests/support/postgres-server.ts';
import { type RedisServer, startRedisServer } from '../tests/support/redis.ts';

/** Real servers of this process alone; one set can serve several scenarios, one after the other. */
export class Servers {
  readonly postgres: PostgresServer;
  /** Changes when it was killed and started again, on the same port. */
  redis: RedisServer | undefined;

  private constructor(postgres: PostgresServer, redis: RedisServer | undefined) {
    this.postgres = postgres;
    this.redis = redis;
  }

  static async start({ redis }: { readonly redis: boolean }): Promise<Servers> {
    return new Servers(await startPostgresServer(), redis ? await startRedisServer() : undefined);
  }

  async stop(): Promise<void> {
    await this.redis?.stop();
    await this.postgres.stop();
  }
}
