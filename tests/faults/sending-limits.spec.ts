import { expect } from 'chai';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../src/adapters/postgres/postgres-message-queue.ts';
import { sendJob } from '../../src/core/lanes.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { eventually } from '../support/eventually.ts';
import { report, rounds, sizeOf } from '../support/extent.ts';
import { LimitedGraph } from '../support/limited-graph.ts';
import { startPostgres, type TestDatabase, testDatabase } from '../support/postgres.ts';
import { RecordingMetrics, silentLog } from '../support/recording.ts';
import { SETTINGS, ServiceProcess } from '../support/service-process.ts';

/** Long: Meta's own throughput. Short: what a busy machine reaches, so that it is the limit that holds it back. */
const PER_SECOND = sizeOf('LIMITS_PER_SECOND', rounds(15, 80));
/** Meta's burst of 45 and 6 s would make this last for minutes. */
const PAIR = { intervalMs: sizeOf('LIMITS_PAIR_MS', 500), burst: sizeOf('LIMITS_PAIR_BURST', rounds(6, 12)) };
const CUSTOMERS = sizeOf('LIMITS_CUSTOMERS', rounds(20, 50));
const EACH = sizeOf('LIMITS_EACH', rounds(10, 20));
const TOTAL = CUSTOMERS * EACH;

/** What the limits alone take, and as much again for a busy machine. */
const LEAST_MS = Math.max((TOTAL / PER_SECOND) * 1_000, (EACH - PAIR.burst) * PAIR.intervalMs);
const MOST_MS = 60_000 + 4 * LEAST_MS;

describe('Sending within the limits of Meta', function () {
  this.timeout(MOST_MS + 60_000);
  before(startPostgres);

  let created: TestDatabase;
  let database: PostgresDatabase;
  let queue: PostgresMessageQueue;
  let graph: LimitedGraph;
  let workers: readonly { readonly service: ServiceProcess; readonly url: string }[] = [];

  beforeEach(async () => {
    created = await testDatabase();
    const limits = TIME_LIMITS.postgres;
    database = new PostgresDatabase({ url: created.url, poolSize: 2, applicationName: 'test', limits });
    const dedup = new PostgresDedupStore(database);
    const metrics = new RecordingMetrics();
    queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics, stopDeadlineMs: 0 });
    await queue.start();
    graph = await LimitedGraph.open({ perSecond: PER_SECOND, pair: PAIR });
  });

  afterEach(async () => {
    await Promise.all(workers.map(({ service }) => service.stop()));
    await queue.close();
    await database.close();
    await graph.close();
    await created.drop();
  });

  const startWorkers = async (count: number) => {
    const env = {
      ...{ ROLE: 'worker', STORE: 'postgres', DATABASE_URL: created.url, WHATSAPP_API_URL: graph.apiUrl },
      ...{ SEND_PER_SECOND: `${PER_SECOND}`, SEND_PAIR_BURST: `${PAIR.burst}` },
      SEND_PAIR_INTERVAL: `${PAIR.intervalMs}ms`,
      // One process alone must not have them all.
      WORKER_CONCURRENCY: `${Math.floor(CUSTOMERS / 3)}`,
    };
    workers = await Promise.all(Array.from({ length: count }, () => ServiceProcess.start(env)));
  };

  const publish = (customer: string, texts: readonly string[]) => {
    const phoneNumberId = SETTINGS.WHATSAPP_PHONE_NUMBER_ID;
    const message = (text: string) =>
      sendJob({
        ...{ sendId: `${customer}-${text}`, phoneNumberId, to: { waId: customer } },
        content: { type: 'text', text },
      });
    return queue.publish('outbound', texts.map(message));
  };

  const textsTo = (customer: string) => graph.taken.filter(({ to }) => to === `+${customer}`).map(({ text }) => text);

  const sentBy = async (url: string) => {
    const page = await (await fetch(`${url}/metrics`)).text();
    return Number(/graph_requests_total\{outcome="sent",error_code="none"\} (\d+)/.exec(page)?.[1] ?? 0);
  };

  it(`two processes send ${TOTAL} messages to ${CUSTOMERS} customers in order, and Meta refuses none`, async () => {
    const customers = Array.from({ length: CUSTOMERS }, (_, index) => `155560${100 + index}`);
    const texts = Array.from({ length: EACH }, (_, index) => `${index + 1}`);
    await startWorkers(2);
    const startedAtMs = performance.now();
    for (const customer of customers) await publish(customer, texts);
    await eventually(() => graph.taken.length >= TOTAL, MOST_MS);
    const tookMs = performance.now() - startedAtMs;
    report(
      'sent',
      `${TOTAL} messages in ${(tookMs / 1_000).toFixed(1)} s; the limits alone take ${LEAST_MS / 1_000} s`,
    );
    expect(graph.refused).to.deep.equal([]);
    for (const customer of customers) expect(textsTo(customer), customer).to.deep.equal(texts);
    const shares = await Promise.all(workers.map(({ url }) => sentBy(url)));
    expect(shares.reduce((sum, share) => sum + share, 0)).to.equal(TOTAL);
    for (const share of shares) expect(share).to.be.above(TOTAL / 10);
  });

  it('one person whom Meta lets nothing more through to delays nobody else, and stays in order', async () => {
    graph.refuseNext(131_056);
    await publish('15556999', ['1', '2', '3']);
    await startWorkers(1);
    await eventually(() => graph.refused.length === 1, 20_000);
    await publish('15556111', ['1', '2', '3']);
    await eventually(() => textsTo('15556111').length === 3, 20_000);
    expect(textsTo('15556999')).to.deep.equal([]);
    await eventually(() => textsTo('15556999').length === 3, 30_000);
    expect(textsTo('15556999')).to.deep.equal(['1', '2', '3']);
    expect(graph.refused).to.deep.equal([131_056]);
  });

  it('a token that Meta refuses stops the number in all processes, over restarts, until it is renewed', async () => {
    graph.refuseNext(190);
    await publish('15556111', ['1', '2']);
    await startWorkers(2);
    await eventually(() => graph.refused.length === 1, 20_000);
    await publish('15556222', ['1', '2']);
    const waiting = async () => {
      const [row] = await database.query<{ waiting: number; failures: number }>({
        text: `SELECT count(*) FILTER (WHERE last_error ->> 'code' = 'number_stopped') AS waiting,
                      sum(failures)::integer AS failures FROM wahook.outbox WHERE state = 'waiting'`,
      });
      return row;
    };
    await eventually(async () => (await waiting())?.waiting === 2, 20_000);
    expect((await waiting())?.failures).to.equal(0);
    for (const { url } of workers) {
      const ready = await fetch(`${url}/ready`);
      expect(ready.status).to.equal(200);
      expect(await ready.json()).to.have.nested.property('checks.numbers', 'stopped');
      expect(await (await fetch(`${url}/metrics`)).text()).to.match(
        /wahook_number_stopped\{number="2922",reason="graph_190"\} 1/,
      );
    }
    await Promise.all(workers.map(({ service }) => service.stop()));
    workers = [
      await ServiceProcess.start({
        ...{ ROLE: 'worker', STORE: 'postgres', DATABASE_URL: created.url, WHATSAPP_API_URL: graph.apiUrl },
        WHATSAPP_ACCESS_TOKEN: 'EAAGanothertokenanothertoken',
      }),
    ];
    await eventually(() => graph.taken.length === 4, 20_000);
    expect(textsTo('15556111')).to.deep.equal(['1', '2']);
    expect(textsTo('15556222')).to.deep.equal(['1', '2']);
    expect(graph.refused).to.deep.equal([190]);
  });
});
