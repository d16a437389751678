import { resolve } from 'node:path';
import { loadBot, shownPath } from '../bot/load-bot.ts';
import type { Config } from '../config.ts';
import { compose } from '../container.ts';
import type { Checks } from '../container-tokens.ts';
import { isWahookError } from '../core/errors.ts';
import type { Check } from './verification.ts';

/** What can be checked without the running service: the bot, the database, Redis. Writes nothing. */
export async function checkSetup(config: Config): Promise<readonly Check[]> {
  return [await checkBot(config), ...(await checkStores(config))];
}

async function checkBot(config: Config): Promise<Check> {
  if (config.role === 'web') return { title: 'bot', outcome: 'skip', detail: 'ROLE=web runs none' };
  try {
    const { handlerCount } = await loadBot(config.bot);
    return { title: 'bot', outcome: 'pass', detail: `${shownPath(resolve(config.bot))}, ${handlerCount} handlers` };
  } catch (error) {
    if (!isWahookError(error)) throw error;
    const [what = '', why = '', fix = ''] = error.message.split(/\n {2}(?:Why|Fix) {2}/);
    return { title: 'bot', outcome: 'fail', what, why, fix };
  }
}

async function checkStores(config: Config): Promise<readonly Check[]> {
  // The embedded database is open in the service alone.
  const store = config.store.kind === 'postgres' ? config.store : ({ kind: 'memory' } as const);
  // What fails is told below, with its reason; the same in the words of a log would only disturb.
  const composition = compose({ ...config, store, log: { ...config.log, level: 'error' } }, 'verify');
  try {
    const opened = await composition.store();
    const { needed, reported } = await opened.probe();
    const unsafe = needed['storage'] === 'ok' ? await opened.unsafeSettings().catch(() => []) : [];
    return [
      checkDatabase(config, needed),
      ...unsafe.map(checkSetting),
      checkRedis(config, { ...needed, ...reported }['redis']),
    ];
  } finally {
    await composition.close();
  }
}

/** What is wrong with a database and what to do about it. */
export interface DatabaseProblem {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** Why nobody can work with this database, if so; that its tables are missing is none. `needed`: of the probe of the store. */
export function databaseProblem({ storage, schema }: Checks): DatabaseProblem | undefined {
  if (storage === 'unavailable')
    return {
      what: 'The database at DATABASE_URL does not answer',
      why: 'Nothing listens there, a firewall drops the packets, or the user, password or database name is wrong.',
      fix: 'Try the same URL with psql from this machine; it tells which.',
    };
  if (storage === 'read_only')
    return {
      what: 'The database refuses writes',
      why: 'It is a standby, or default_transaction_read_only is on.',
      fix: 'Let DATABASE_URL name the primary.',
    };
  if (schema === 'too_new')
    return {
      what: 'The database was migrated by a newer version',
      why: 'This version does not know what the newer one changed, and could damage it.',
      fix: 'Run the newer version, or restore the database from before the upgrade.',
    };
  return undefined;
}

function checkDatabase({ store }: Config, needed: Checks): Check {
  const title = 'database';
  if (store.kind === 'memory') return { title, outcome: 'skip', detail: 'STORE=memory has none' };
  if (store.kind === 'pglite')
    return { title, outcome: 'skip', detail: 'embedded: only the service itself can look at it, see ready' };
  const problem = databaseProblem(needed);
  if (problem !== undefined) return { title, outcome: 'fail', ...problem };
  const isMigrated = needed['schema'] === 'ok';
  const detail = isMigrated
    ? 'reachable, writable, schema up to date'
    : 'reachable; its tables are made at the first start';
  return { title, outcome: 'pass', detail };
}

function checkSetting(name: string): Check {
  return {
    ...{ title: 'durability', outcome: 'fail', what: `The database runs with ${name} = off` },
    why: 'When its machine crashes it may lose or damage what it has confirmed: messages that Meta will not deliver again.',
    fix: `ALTER SYSTEM SET ${name} = on; SELECT pg_reload_conf();`,
  };
}

function checkRedis(config: Config, state: string | undefined): Check {
  const title = 'redis';
  if (config.redisUrl === undefined) return { title, outcome: 'skip', detail: 'REDIS_URL is not set: not needed' };
  if (state === 'ok') return { title, outcome: 'pass', detail: 'answers' };
  return {
    ...{ title, outcome: 'fail', what: 'Redis at REDIS_URL does not answer' },
    why: 'Nothing listens there, or the password or TLS setting is wrong. With Postgres the service works without it, only slower.',
    fix: 'Try redis-cli -u "$REDIS_URL" ping from this machine, or remove REDIS_URL.',
  };
}
