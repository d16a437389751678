import { expect } from 'chai';
import pg from 'pg';
import { stopTimes, TIME_LIMITS } from '../src/time-limits.ts';
import { startPostgres, type TestDatabase, testDatabase } from './support/postgres.ts';
import { ServiceProcess } from './support/service-process.ts';
import { post, signatureOf, textWebhook } from './system/webhook-client.ts';

/** What every webhook is promised: an answer after this, at the latest. */
const PROMISE_MS = 4_000;

/** Of the load balancers of AWS and nginx, unless they are told otherwise. */
const BALANCER_IDLE_MS = 60_000;

/** docs/reliability.md promises nothing for commits that take longer. */
const SLOW_COMMIT_MS = 400;

const { accept, http, readiness, postgres, redis, dedupCache, graph } = TIME_LIMITS;

describe('The time limits', () => {
  it('let whoever waits for somebody wait longer than that one', () => {
    const ascending = (...values: readonly number[]) => {
      for (const [index, value] of values.entries()) expect(value).to.be.greaterThan(values[index - 1] ?? 0);
    };
    ascending(postgres.lockMs, postgres.statementMs, postgres.answerMs, accept.deadlineMs, PROMISE_MS);
    ascending(postgres.boss.statementMs, postgres.boss.longAnswerMs);
    ascending(postgres.answerMs, postgres.idleInTransactionMs);
    ascending(http.headersMs, http.requestMs, BALANCER_IDLE_MS, http.keepAliveMs);
    ascending(graph.connectMs, graph.answerMs, graph.totalMs);
    // A process that works waits one second for a connection, and a readiness probe still has time to tell.
    ascending(postgres.connectMs, readiness.limitMs, 5_000);
    // Three tries to connect with their pauses, chance included, leave time for an answer.
    const connectingMs = 2 * graph.connectMs + 2 * graph.reconnectDelayMs + 4 * graph.reconnectDelayMs;
    ascending(connectingMs + graph.connectMs, graph.totalMs);
    // Waiting for twice as long as was judged, and then for a slow commit, stays within the second that Meta asks for.
    expect(2 * accept.waitMs + SLOW_COMMIT_MS).to.be.at.most(1_000);
  });

  it('leave a webhook whose cache is frozen nearly all of its time', () => {
    expect(dedupCache.lookupMs).to.be.lessThan(redis.commandMs);
    expect(redis.commandMs).to.be.at.most(100);
  });

  it('cannot be changed by anybody', () => {
    const groups = [TIME_LIMITS, ...Object.values(TIME_LIMITS), postgres.boss];
    for (const group of groups) expect(Object.isFrozen(group)).to.equal(true);
  });

  it('divide the time for stopping, so that its parts fit into it', () => {
    for (const totalMs of [1_000, 10_000, 25_000, 600_000]) {
      for (const production of [true, false]) {
        const { leaveMs, httpMs, handlersMs, giveBackMs, closeMs } = stopTimes(totalMs, { production });
        expect(leaveMs + httpMs + handlersMs + giveBackMs + closeMs).to.be.closeTo(totalMs, 0.001);
        expect(handlersMs, 'handlers').to.be.at.least(totalMs * 0.4);
        expect(leaveMs > 0, 'leaving').to.equal(production);
      }
    }
    const usual = stopTimes(25_000, { production: true });
    expect(usual).to.deep.include({ leaveMs: 5_000, closeMs: 3_000 });
    expect(usual.httpMs, 'a webhook that runs').to.be.greaterThan(PROMISE_MS);
  });

  describe('in a running service', function () {
    this.timeout(60_000);
    let database: TestDatabase;
    before(startPostgres);
    beforeEach(async () => {
      database = await testDatabase();
    });
    afterEach(() => database.drop());

    it('reach the server with every session that stores webhooks', async () => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      // What a session has set only itself can tell.
      await client.query(`
        CREATE TABLE wahook.witness (name text, value text);
        CREATE FUNCTION wahook.witness() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO wahook.witness SELECT name, setting FROM pg_catalog.pg_settings WHERE name ~ 'timeout$';
          RETURN NULL;
        END $$;
        CREATE TRIGGER witness AFTER INSERT ON wahook.inbox FOR EACH STATEMENT EXECUTE FUNCTION wahook.witness()`);
      const { service, url } = await ServiceProcess.start({ STORE: 'postgres', DATABASE_URL: database.url });
      try {
        const body = textWebhook('LIMITS', 'hi');
        expect((await post(url, body, { 'x-hub-signature-256': signatureOf(body) })).status).to.equal(200);
        const { rows } = await client.query<{ name: string; value: string }>('SELECT name, value FROM wahook.witness');
        expect(Object.fromEntries(rows.map(({ name, value }) => [name, Number(value)]))).to.deep.include({
          statement_timeout: postgres.statementMs,
          lock_timeout: postgres.lockMs,
          idle_in_transaction_session_timeout: postgres.idleInTransactionMs,
        });
      } finally {
        await client.end();
        expect(await service.stop()).to.equal(0);
      }
    });
  });
});
