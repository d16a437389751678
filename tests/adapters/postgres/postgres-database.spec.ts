import { expect } from 'chai';
import pg from 'pg';
import type { Queryable } from '../../../src/adapters/postgres/database.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { isWahookError } from '../../../src/core/errors.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../../support/postgres.ts';
import { RecordingLog } from '../../support/recording.ts';
import { freePort } from '../../support/server-process.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

describe('PostgresDatabase', () => {
  let created: TestDatabase;
  let database: PostgresDatabase;
  let log: RecordingLog;
  /** Another client, to look from outside. */
  let other: PostgresDatabase;

  before(startPostgres);
  beforeEach(async () => {
    created = await testDatabase({ blank: true });
    log = new RecordingLog();
    database = new PostgresDatabase({
      url: created.url,
      poolSize: 4,
      applicationName: 'under-test',
      limits: TIME_LIMITS.postgres,
      log,
    });
    other = new PostgresDatabase({
      url: created.url,
      poolSize: 2,
      applicationName: 'other',
      limits: TIME_LIMITS.postgres,
    });
    await other.query({
      text: 'CREATE SCHEMA wahook; CREATE TABLE wahook.item (name text PRIMARY KEY, count integer NOT NULL DEFAULT 0)',
    });
    await other.query({ text: "INSERT INTO wahook.item VALUES ('a'), ('b')" });
  });
  afterEach(async () => {
    await Promise.all([database.close(), other.close()]);
    await created.drop();
  });

  async function backendPid(on: Queryable): Promise<number> {
    const [row] = await on.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
    return row!.pid;
  }

  async function setting(on: Queryable, name: string): Promise<string> {
    const [row] = await on.query<{ value: string }>({
      text: 'SELECT current_setting($1) AS value',
      values: [name],
    });
    return row!.value;
  }

  const counts = async () =>
    (await other.query<{ count: number }>({ text: 'SELECT count FROM wahook.item ORDER BY name' })).map(
      ({ count }) => count,
    );

  const increment = (tx: Queryable, name: string) =>
    tx.query({ text: 'UPDATE wahook.item SET count = count + 1 WHERE name = $1', values: [name] });

  async function rejection(work: Promise<unknown>): Promise<Error> {
    return work.then(
      () => expect.fail('it resolved'),
      (error: Error) => error,
    );
  }

  async function expectUnavailable(work: Promise<unknown>, ...words: readonly string[]): Promise<void> {
    const error = await rejection(work);
    expect(isWahookError(error, 'storage_unavailable'), String(error)).to.equal(true);
    for (const word of words) expect(error.message).to.include(word);
  }

  it('has durable commits, a pinned search path and limits, whatever the server, the role or the URL say', async () => {
    const url = new URL(created.url);
    await other.query({ text: `ALTER DATABASE ${url.pathname.slice(1)} SET synchronous_commit = off` });
    url.searchParams.set('options', '-c synchronous_commit=off -c statement_timeout=0 -c work_mem=8MB');
    const stubborn = new PostgresDatabase({
      url: url.href,
      poolSize: 1,
      applicationName: 'x',
      limits: TIME_LIMITS.postgres,
    });

    const names = ['synchronous_commit', 'search_path', 'statement_timeout', 'lock_timeout', 'work_mem'];
    const settings = [];
    for (const name of names) settings.push(await setting(stubborn, name));
    await stubborn.close();

    expect(settings).to.deep.equal(['on', 'wahook,pg_catalog', '3s', '2s', '8MB']);
    expect(await setting(database, 'idle_in_transaction_session_timeout')).to.equal('10s');
    expect(await setting(database, 'application_name')).to.equal('under-test');
  });

  it('prepares a named statement once a connection', async () => {
    const statement = { name: 'named', text: 'SELECT count(*) AS calls FROM pg_prepared_statements', values: [] };
    await database.transaction(async (tx) => {
      await tx.query(statement);
      expect(await tx.query(statement)).to.deep.equal([{ calls: 1 }]);
    });
  });

  it('runs a transaction again that lost a deadlock, so that both succeed', async () => {
    let runs = 0;
    let holding = 0;
    const { promise: bothHoldOne, resolve } = Promise.withResolvers<void>();
    const lockBoth = (first: string, second: string) =>
      database.transaction(async (tx) => {
        runs += 1;
        await increment(tx, first);
        holding += 1;
        if (holding === 2) resolve();
        await bothHoldOne;
        await increment(tx, second);
      });

    await Promise.all([lockBoth('a', 'b'), lockBoth('b', 'a')]);

    expect(runs).to.equal(3);
    expect(await counts()).to.deep.equal([2, 2]);
  });

  for (const state of ['40P01', '40001']) {
    it(`gives up after four runs that all fail with ${state}`, async () => {
      let runs = 0;
      const raise = { text: `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${state}'; END $$` };
      const losing = database.transaction(async (tx) => {
        runs += 1;
        await increment(tx, 'a');
        await tx.query(raise);
      });

      await expectUnavailable(losing, state);
      await expectUnavailable(database.query(raise), state);
      expect(runs).to.equal(4);
      expect(await counts()).to.deep.equal([0, 0]);
    });
  }

  it('runs a transaction again whose COMMIT fails for a serialization failure', async () => {
    await other.query({
      text: `
        CREATE SEQUENCE wahook.commits;
        CREATE FUNCTION wahook.fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('wahook.commits') = 1 THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF;
          RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON wahook.item DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION wahook.fail_once()`,
    });

    await database.transaction((tx) => increment(tx, 'a'));

    expect(await counts()).to.deep.equal([1, 0]);
  });

  it('gives up on a lock that another transaction holds', async () => {
    await other.transaction(async (tx) => {
      await increment(tx, 'a');
      const late = database.transaction(async (lateTx) => {
        await lateTx.query({ text: 'SET LOCAL lock_timeout = 100' });
        await increment(lateTx, 'a');
      });
      await expectUnavailable(late, '55P03');
    });
  });

  it('gives up on a statement that takes too long, and keeps its connection, which the server has freed', async () => {
    const single = new PostgresDatabase({
      url: created.url,
      poolSize: 1,
      applicationName: 'single',
      limits: TIME_LIMITS.postgres,
    });
    const before = await backendPid(single);
    expect(await backendPid(single), 'control: connections are reused').to.equal(before);
    await expectUnavailable(
      single.transaction((tx) => tx.query({ text: 'SELECT pg_sleep(5)' }), { statementMs: 100 }),
      '57014',
    );

    expect(await backendPid(single)).to.equal(before);
    await single.close();
  });

  it('keeps a connection whose statement failed for its values', async () => {
    const single = new PostgresDatabase({
      url: created.url,
      poolSize: 1,
      applicationName: 'single',
      limits: TIME_LIMITS.postgres,
    });
    const before = await backendPid(single);
    await rejection(single.query({ text: 'SELECT $1::integer', values: ['x'] }));
    await rejection(single.transaction((tx) => tx.query({ text: 'SELECT $1::integer', values: ['x'] })));

    expect(await backendPid(single)).to.equal(before);
    await single.close();
  });

  it('says that a database is read-only', async () => {
    await other.query({
      text: `ALTER DATABASE ${new URL(created.url).pathname.slice(1)} SET default_transaction_read_only = on`,
    });

    await expectUnavailable(
      database.transaction((tx) => increment(tx, 'a')),
      'read-only',
      '25006',
    );
  });

  it('survives the end of its connection within a transaction, and connects again', async () => {
    const killed = database.transaction(async (tx) => {
      await increment(tx, 'a');
      await other.query({ text: 'SELECT pg_terminate_backend($1, 5000)', values: [await backendPid(tx)] });
      await increment(tx, 'b');
    });

    await expectUnavailable(killed);
    await database.transaction((tx) => increment(tx, 'b'));
    expect(await counts()).to.deep.equal([0, 1]);
  });

  it('reports a connection that is lost while idle, and connects again', async () => {
    const pid = await backendPid(database);
    await other.query({ text: 'SELECT pg_terminate_backend($1, 5000)', values: [pid] });
    await eventually(() => log.lines.length > 0);

    expect(log.lines[0]).to.deep.include({ level: 'warn', message: 'idle database connection lost' });
    expect(await backendPid(database)).not.to.equal(pid);
  });

  it('says within its limit that there is no server, and why', async () => {
    const url = `postgres://user:secret@127.0.0.1:${await freePort()}/nowhere`;
    const lonely = new PostgresDatabase({ url, poolSize: 1, applicationName: 'lonely', limits: TIME_LIMITS.postgres });

    const error = await rejection(lonely.query({ text: 'SELECT 1' }));

    expect(error.message).to.include('ECONNREFUSED').and.not.include('secret');
    await expectUnavailable(lonely.transaction(async () => {}));
    await lonely.close();
  });

  it('says that the login is refused, without the password', async () => {
    const url = new URL(created.url);
    url.password = 'wrong-secret';
    const refused = new PostgresDatabase({
      url: url.href,
      poolSize: 1,
      applicationName: 'refused',
      limits: TIME_LIMITS.postgres,
    });

    const error = await rejection(refused.query({ text: 'SELECT 1' }));

    expect(error.message).to.include('login refused').and.not.include('wrong-secret');
    await refused.close();
  });

  it('gives up waiting for a connection when all are busy', async () => {
    const single = new PostgresDatabase({
      url: created.url,
      poolSize: 1,
      applicationName: 'single',
      limits: TIME_LIMITS.postgres,
    });
    await single.transaction(async () => {
      const startedMs = performance.now();
      await expectUnavailable(single.query({ text: 'SELECT 1' }));
      expect(performance.now() - startedMs).to.be.within(900, 2_500);
    });
    await single.close();
  });

  it('does not hang on a network that swallows everything, neither in a statement nor in its ROLLBACK', async () => {
    const proxy = await TcpProxy.open(Number(new URL(created.url).port));
    const url = new URL(created.url);
    url.port = String(proxy.port);
    const far = new PostgresDatabase({
      url: url.href,
      poolSize: 2,
      applicationName: 'far',
      limits: TIME_LIMITS.postgres,
    });
    const startedMs = performance.now();

    await far.transaction((tx) => increment(tx, 'b'));
    const inStatement = far.transaction(
      async (tx) => {
        await increment(tx, 'a');
        proxy.freeze();
        await increment(tx, 'a');
      },
      { statementMs: 100 },
    );
    await expectUnavailable(inStatement);
    await expectUnavailable(far.query({ text: 'SELECT 1' }));
    await far.close();
    await proxy.close();

    expect(performance.now() - startedMs).to.be.lessThan(4_000);
    expect(await counts()).to.deep.equal([0, 1]);
  });

  it('gives up on an answer that does not come in time, and on its connection', async () => {
    const proxy = await TcpProxy.open(Number(new URL(created.url).port));
    const url = new URL(created.url);
    url.port = String(proxy.port);
    const far = new PostgresDatabase({
      url: url.href,
      poolSize: 1,
      applicationName: 'far',
      limits: TIME_LIMITS.postgres,
    });
    const before = await backendPid(far);
    proxy.freeze();
    const startedMs = performance.now();

    await expectUnavailable(far.query({ text: 'SELECT 1' }));
    const tookMs = performance.now() - startedMs;
    proxy.thaw();
    expect(await backendPid(far)).not.to.equal(before);
    await far.close();
    await proxy.close();

    expect(tookMs).to.be.within(TIME_LIMITS.postgres.answerMs - 100, 3_750);
  });

  it('does not hang when the network goes before the ROLLBACK, and passes the error of work on', async () => {
    const proxy = await TcpProxy.open(Number(new URL(created.url).port));
    const url = new URL(created.url);
    url.port = String(proxy.port);
    const far = new PostgresDatabase({
      url: url.href,
      poolSize: 2,
      applicationName: 'far',
      limits: TIME_LIMITS.postgres,
    });
    const reason = new Error('no');
    const startedMs = performance.now();

    const error = await rejection(
      far.transaction(async (tx) => {
        await increment(tx, 'a');
        proxy.freeze();
        throw reason;
      }),
    );
    await far.close();
    await proxy.close();

    expect(error).to.equal(reason);
    expect(performance.now() - startedMs).to.be.lessThan(3_000);
    expect(await counts()).to.deep.equal([0, 0]);
  });

  it('gives pg-boss a pool of its own with patient limits', async () => {
    const { db, ...options } = database.bossOptions();
    const pool = new pg.Pool(options as pg.PoolConfig);
    const { rows } = await pool.query(
      `SELECT current_setting('statement_timeout') AS limit, current_setting('synchronous_commit') AS durable`,
    );
    await pool.end();

    expect(db).to.equal(undefined);
    expect(rows).to.deep.equal([{ limit: '1min', durable: 'on' }]);
  });
});
