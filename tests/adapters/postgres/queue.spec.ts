import { expect } from 'chai';
import type { Queryable } from '../../../src/adapters/postgres/database.ts';
import { LaneRows } from '../../../src/adapters/postgres/lane-rows.ts';
import { type LaneClaim, LaneScheduler } from '../../../src/adapters/postgres/lane-scheduler.ts';
import { LaneSweep } from '../../../src/adapters/postgres/lane-sweep.ts';
import { PostgresDatabase } from '../../../src/adapters/postgres/postgres-database.ts';
import { PostgresDedupStore } from '../../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../../src/adapters/postgres/postgres-message-queue.ts';
import { PostgresSentMessages } from '../../../src/adapters/postgres/postgres-sent-messages.ts';
import { WahookError } from '../../../src/core/errors.ts';
import type { InboundMessage, OutboundMessage, StatusUpdate } from '../../../src/core/model.ts';
import type { StateWrite } from '../../../src/core/ports/bot.ts';
import type {
  ConsumeOptions,
  Consumption,
  Job,
  JobHandler,
  NewJob,
  Settlement,
} from '../../../src/core/ports/queue.ts';
import type { Unit } from '../../../src/core/ports/receiving.ts';
import { TIME_LIMITS } from '../../../src/time-limits.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres, testDatabase } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';
import { RecordingLog, RecordingMetrics, silentLog } from '../../support/recording.ts';

const BEAT = `SELECT heartbeat_on AS at FROM pgboss.job WHERE state = 'active'`;

const DONE: Settlement = { outcome: 'done' };

function job(text: string, lane = 'lane'): NewJob<InboundMessage> {
  const payload: InboundMessage = {
    ...{ kind: 'message', type: 'text', text, id: `wamid.${text}`, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ customer: { waId: '15551234567' }, sentAtMs: 1_700_000_000_000 },
  };
  return { key: { id: `m|${lane}|${text}`, day: 19_675 }, lane, payload };
}

function outbound(sendId: string): OutboundMessage {
  return { sendId, phoneNumberId: '1065', to: { waId: '1' }, content: { type: 'text', text: 'Hello' } };
}

const gates: { open(): void }[] = [];

/** A promise and the means to fulfil it; fulfilled at the end of the test in any case. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const made = { opened: promise, open: resolve };
  gates.push(made);
  return made;
}

describe('the queue on Postgres', () => {
  before(startPostgres);

  let open: OpenQueues;
  let queue: PostgresMessageQueue;
  let consumptions: Consumption[];

  beforeEach(async () => {
    open = await openPostgresQueues();
    queue = open.queue;
    consumptions = [];
  });

  afterEach(async () => {
    for (const { open: finish } of gates.splice(0)) finish();
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    await open.close();
  });

  async function consume(
    handler: JobHandler<InboundMessage>,
    { concurrency = 4, burst = 1 }: Partial<ConsumeOptions> = {},
    of = queue,
  ): Promise<Consumption> {
    const consumption = await of.consume('messages', handler, { concurrency, burst });
    consumptions.push(consumption);
    return consumption;
  }

  const sql = <Row extends object>(text: string, values: readonly unknown[] = []) =>
    open.database.query<Row>({ text, values });

  const settled = (withinMs?: number) =>
    eventually(async () => (await queue.depth('messages')).waiting === 0, withinMs);

  const laneJobs = () => sql<{ state: string; singleton_key: string }>('SELECT state, singleton_key FROM pgboss.job');

  /** As a process that dies between COMMIT and wake-up. */
  const storeWithoutWaking = (jobs: readonly NewJob[]) =>
    open.database.transaction((tx) => new LaneRows('messages').insert(tx, jobs));

  it('lets nothing of a burst count when the lane was taken over', async () => {
    const hold = gate();
    const got: Job[] = [];
    await consume(async (handed, { send }) => {
      got.push(...handed);
      send(outbound(`send-${got.length}`));
      if (got.length === 1) await hold.opened;
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => got.length === 1);
    await sql(`UPDATE pgboss.job SET retry_count = retry_count + 1 WHERE state = 'active'`);
    hold.open();
    await eventually(() => open.metrics.total('fence_rejections_total', { queue: 'messages' }) === 1);
    expect((await queue.depth('outbound')).waiting).to.equal(0);
    expect((await queue.depth('messages')).waiting).to.equal(1);
    // The one that took it over dies as well.
    await sql(`UPDATE pgboss.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'`);
    await settled(20_000);
    expect(got[1]).to.include({ attempt: 1, claims: 2, interrupted: true });
    expect(await sql('SELECT event_key FROM wahook.outbox')).to.deep.equal([{ event_key: 'send-2' }]);
  });

  it('lets nothing be kept or committed in a lane that was taken over', async () => {
    const hold = gate();
    const running = gate();
    const errors: unknown[] = [];
    const write: StateWrite = { kind: 'conversation', conversation: 'lane', document: { late: true } };
    await consume(async (handed, { keep, commit }) => {
      if (errors.length > 0) return handed.map(() => DONE);
      keep(write);
      running.open();
      await hold.opened;
      await commit({ writes: [write], sends: [outbound('late')] }).catch((error: unknown) => errors.push(error));
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await running.opened;
    await sql(`UPDATE pgboss.job SET retry_count = retry_count + 1 WHERE state = 'active'`);
    hold.open();
    await eventually(() => open.metrics.total('fence_rejections_total', { queue: 'messages' }) === 2);
    expect(errors).to.have.lengthOf(1);
    expect(errors[0]).to.have.property('code', 'fenced');
    expect(await sql('SELECT FROM wahook.conversation_state')).to.deep.equal([]);
    expect((await queue.depth('outbound')).waiting).to.equal(0);
    expect((await queue.depth('messages')).waiting).to.equal(1);
  });

  /** As a worker that has taken a lane and does not go on. */
  const fetchOne = async (scheduler: LaneScheduler): Promise<LaneClaim> => {
    let claims: readonly LaneClaim[] = [];
    await eventually(async () => {
      claims = await scheduler.fetch('messages', 1);
      return claims.length === 1;
    });
    return claims[0] as LaneClaim;
  };

  it('claims nothing in a lane that was given to another worker', async () => {
    const slow = new LaneScheduler({ boss: open.database.bossOptions(), log: silentLog });
    await slow.start();
    await queue.publish('messages', [job('1')]);
    const claim = await fetchOne(slow);
    const rows = new LaneRows('messages');
    const claimed = async () => (await rows.claim(open.database, [{ claim, burst: 1 }]))[0]?.rows.length;
    const given = [
      `UPDATE pgboss.job SET retry_count = retry_count + 1`,
      `UPDATE pgboss.job SET retry_count = retry_count - 1, state = 'retry'`,
      `DELETE FROM pgboss.job`,
    ];
    for (const taking of given) {
      await sql(taking);
      expect(await claimed(), taking).to.equal(0);
    }
    expect(await sql('SELECT claims, claimed FROM wahook.inbox')).to.deep.equal([{ claims: 0, claimed: false }]);
    await slow.close();
  });

  it('takes the lane of a worker that died', async () => {
    const dead = new LaneScheduler({ boss: open.database.bossOptions(), log: silentLog });
    await dead.start();
    await queue.publish('messages', [job('1')]);
    await new LaneRows('messages').claim(open.database, [{ claim: await fetchOne(dead), burst: 1 }]);
    const got: Job[] = [];
    await consume(async (handed) => {
      got.push(...handed);
      return handed.map(() => DONE);
    });
    await sql(`UPDATE pgboss.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'`);
    await settled(20_000);
    await dead.close();
    expect(got).to.have.lengthOf(1);
    expect(got[0]).to.include({ attempt: 1, claims: 2, interrupted: true });
  });

  it('aborts the signal of a handler whose lane was taken over', async () => {
    let aborted = false;
    let runs = 0;
    await consume(async (handed, { signal }) => {
      runs += 1;
      if (runs === 1) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted = true;
      }
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => runs === 1);
    await sql(`DELETE FROM pgboss.job WHERE state = 'active'`);
    await eventually(() => aborted);
    await settled();
  });

  it('aborts what it ran in a lane that it lost and got again, and keeps the lane that it has', async () => {
    const signals: AbortSignal[] = [];
    const [first, second] = [gate(), gate()];
    await consume(async (handed, { signal }) => {
      signals.push(signal);
      await (signals.length === 1 ? first : second).opened;
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => signals.length === 1);
    await sql(`UPDATE pgboss.job SET state = 'retry', start_after = now() WHERE state = 'active'`);
    await eventually(() => signals.length === 2);
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, false]);
    first.open();
    const heartbeat = async () =>
      (await sql<{ at: Date }>('SELECT heartbeat_on AS at FROM pgboss.job'))[0]?.at?.getTime();
    const before = await heartbeat();
    await eventually(async () => (await heartbeat()) !== before);
    second.open();
    await settled();
  });

  /** A handler at work on one message. `finish` lets it end, and expects that it was run once and had its lane all along. */
  const holdLane = async () => {
    let runs = 0;
    const hold = gate();
    await consume(async (handed) => {
      runs += 1;
      await hold.opened;
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => runs === 1);
    const beats = async () => (await sql<{ at: Date }>(BEAT))[0]?.at.getTime();
    const finish = async () => {
      hold.open();
      await settled();
      expect(runs).to.equal(1);
      expect(open.metrics.total('fence_rejections_total')).to.equal(0);
    };
    return { beats, finish };
  };

  it('keeps the lane of a handler that runs longer than the lease', async () => {
    const { beats, finish } = await holdLane();
    const first = await beats();
    await eventually(async () => (await beats()) !== first);
    await finish();
  });

  it('does not take its own lane for that of a dead worker, after it has stood still for longer than the lease', async () => {
    const { beats, finish } = await holdLane();
    // At 3.3 s, at 5 s before the housekeeping, and at 6.7 s: then the next one is 3 s away, and lanes are taken from the dead.
    for (let count = 1; count <= 3; count += 1) {
      const last = await beats();
      await eventually(async () => (await beats()) !== last);
    }
    await sql(`UPDATE pgboss.job SET heartbeat_on = now() - interval '1 minute' WHERE state = 'active'`);
    const isSilent = `SELECT FROM pgboss.job WHERE state = 'active' AND heartbeat_on < now() - interval '10 s'`;
    await eventually(async () => (await sql(isSilent)).length === 0);
    await finish();
  });

  it('finds within two seconds what a process stored that died before it could wake anybody', async () => {
    const seen: string[] = [];
    await consume(async (handed) => {
      seen.push(...handed.map(({ lane }) => lane));
      return handed.map(() => DONE);
    });
    await storeWithoutWaking([job('1', 'a'), job('1', 'b')]);
    expect(await laneJobs()).to.deep.equal([]);
    await eventually(() => seen.length === 2, 4_000);
  });

  it('wakes the lanes of a unit of work after its commit, and only then', async () => {
    const one = job('1');
    await open.dedup.once([one.key], async (_, unit) => {
      await queue.publish('messages', [one], unit);
      expect(await laneJobs()).to.deep.equal([]);
    });
    await eventually(async () => (await laneJobs()).length === 1);
    const fail = async (_: readonly string[], unit: Unit) => {
      await queue.publish('messages', [job('2', 'other')], unit);
      throw new Error('the work failed');
    };
    await open.dedup.once([job('2').key], fail).catch(() => {});
    await queue.publish('messages', [job('3', 'later')]);
    await eventually(async () => (await laneJobs()).some(({ singleton_key }) => singleton_key === 'later'));
    expect((await laneJobs()).map(({ singleton_key }) => singleton_key)).to.have.members(['lane', 'later']);
  });

  it('wakes the lane of a send that a status has proved, if something waits behind it, and only then', async () => {
    const lane = '1065|1';
    const sends = ['alone', 'first', 'second'].map((id) => ({ key: { id, day: 0 }, payload: outbound(id) }));
    const [alone, first, second] = sends as [(typeof sends)[0], (typeof sends)[0], (typeof sends)[0]];
    await open.database.transaction((tx) =>
      new LaneRows('outbound').insert(tx, [
        { ...alone, lane: '1065|2' },
        { ...first, lane },
        { ...second, lane },
      ]),
    );
    const sent = new PostgresSentMessages(open.database, queue.lanes);
    const status = (sendId: string): StatusUpdate => ({
      ...{ kind: 'status', status: 'sent', reported: 'sent', messageId: `wamid.${sendId}`, phoneNumberId: '1065' },
      ...{ businessAccountId: '1022', recipient: { waId: '1' }, occurredAtMs: 1_700_000_000_000, sendId },
    });
    expect(await sent.apply([status('alone'), status('first'), status('unknown')])).to.deep.equal([status('unknown')]);
    await eventually(async () => (await laneJobs()).length > 0);
    expect(await laneJobs()).to.deep.equal([{ state: 'created', singleton_key: lane }]);
  });

  it('leaves a lane awake that it must leave with messages in it', async () => {
    const hold = gate();
    let runs = 0;
    const consumption = await consume(async (handed) => {
      runs += 1;
      await hold.opened;
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1'), job('2')]);
    await eventually(() => runs === 1);
    await sql(`DELETE FROM pgboss.job WHERE state = 'created'`);
    const stopping = consumption.stop();
    hold.open();
    await stopping;
    expect(await laneJobs()).to.deep.equal([{ state: 'created', singleton_key: 'lane' }]);
  });

  it('leaves no lane job behind', async () => {
    await consume(async (handed) => handed.map(() => DONE));
    await queue.publish('messages', [job('1', 'a'), job('2', 'b')]);
    await settled();
    await eventually(async () => (await laneJobs()).length === 0);
  });

  it('numbers jobs of one lane in the order of the commits, and makes nobody else wait', async () => {
    const rows = new LaneRows('messages');
    // The lanes exist: a row that nobody has committed yet would hold up the others by itself.
    await open.database.transaction((tx) => rows.insert(tx, [job('0', 'a'), job('0', 'b'), job('0', 'c')]));
    const first = gate();
    const stored = gate();
    const one = open.database.transaction(async (tx) => {
      await rows.insert(tx, [job('1', 'a'), job('2', 'b')]);
      stored.open();
      await first.opened;
    });
    await stored.opened;
    let secondStored = false;
    const two = open.database
      .transaction((tx) => rows.insert(tx, [job('3', 'b')]))
      .then(() => {
        secondStored = true;
      });
    await open.database.transaction((tx) => rows.insert(tx, [job('4', 'c')]));
    const waiters = () => sql<{ n: number }>(`SELECT count(*) AS n FROM pg_locks WHERE NOT granted`);
    await eventually(async () => (await waiters())[0]?.n === 1);
    expect(secondStored).to.equal(false);
    first.open();
    await Promise.all([one, two]);
    const stored1 = await sql<{ event_key: string }>(
      `SELECT event_key FROM wahook.inbox WHERE lane = 'b' ORDER BY seq`,
    );
    expect(stored1.map(({ event_key }) => event_key)).to.deep.equal(['m|b|0', 'm|b|2', 'm|b|3']);
  });

  it('numbers after it has the lock, not before', async () => {
    const rows = new LaneRows('messages');
    await open.database.transaction((tx) => rows.insert(tx, [job('0', 'a')]));
    const first = gate();
    const locked = gate();
    const one = open.database.transaction(async (tx) => {
      await rows.insert(tx, [job('1', 'a')]);
      locked.open();
      await first.opened;
      await rows.insert(tx, [job('2', 'a')]);
    });
    await locked.opened;
    const two = open.database.transaction((tx) => rows.insert(tx, [job('3', 'a')]));
    await eventually(async () => {
      const [row] = await sql<{ n: number }>(`SELECT count(*) AS n FROM pg_locks WHERE NOT granted`);
      return row?.n === 1;
    });
    first.open();
    await Promise.all([one, two]);
    const stored = await sql<{ event_key: string }>('SELECT event_key FROM wahook.inbox ORDER BY seq');
    expect(stored.map(({ event_key }) => event_key)).to.deep.equal(['m|a|0', 'm|a|1', 'm|a|2', 'm|a|3']);
  });

  it('locks lanes in one order, so that crossed batches do not meet in a deadlock', async () => {
    const rows = new LaneRows('messages');
    const lanes = Array.from({ length: 50 }, (_, index) => `lane ${index}`);
    let runs = 0;
    const publish = (round: number) =>
      open.database.transaction((tx: Queryable) => {
        runs += 1;
        const order = round % 2 ? lanes : lanes.toReversed();
        return rows.insert(
          tx,
          order.map((lane) => job(`${round}`, lane)),
        );
      });
    await Promise.all(Array.from({ length: 20 }, (_, round) => publish(round)));
    expect(runs, 'a deadlock would have repeated one').to.equal(20);
    expect((await queue.depth('messages')).waiting).to.equal(1_000);
  });

  it('handles 1,000 lanes with two workers: everything once, each lane in order', async () => {
    const seen = new Map<string, string[]>();
    const handler: JobHandler<InboundMessage> = async (handed) => {
      for (const { lane, key } of handed) seen.set(lane, [...(seen.get(lane) ?? []), key.id.split('|')[2] ?? '']);
      return handed.map(() => DONE);
    };
    await consume(handler, { concurrency: 8, burst: 5 });
    await consume(handler, { concurrency: 8, burst: 5 }, open.elsewhere);
    const lanes = Array.from({ length: 1_000 }, (_, index) => `lane ${index}`);
    for (const text of ['1', '2', '3']) {
      await queue.publish(
        'messages',
        lanes.map((lane) => job(text, lane)),
      );
    }
    await eventually(async () => (await queue.depth('messages')).waiting === 0, 50_000);
    expect(seen.size).to.equal(1_000);
    for (const [lane, texts] of seen) expect(texts, lane).to.deep.equal(['1', '2', '3']);
  }).timeout(60_000);

  it('lets another lane have its turn between the messages of a chatty one', async () => {
    await queue.publish(
      'messages',
      Array.from({ length: 120 }, (_, index) => job(`${index}`, 'chatty')),
    );
    const seen: string[] = [];
    await consume(
      async (handed) => {
        if (seen.length === 0) await queue.publish('messages', [job('1', 'quiet')]);
        seen.push(...handed.map(({ lane }) => lane));
        return handed.map(() => DONE);
      },
      { concurrency: 1 },
    );
    await settled();
    expect(seen.indexOf('quiet')).to.equal(50);
  });

  it('tells a handler at the stop deadline that time is up, and still takes its answer', async () => {
    const { database, dedup } = open;
    const hurried = new PostgresMessageQueue({
      ...{ database, dedup, log: silentLog, metrics: new RecordingMetrics(), stopDeadlineMs: 50 },
    });
    await hurried.start();
    let runs = 0;
    const consumption = await hurried.consume(
      'messages',
      async (handed, { signal }) => {
        runs += 1;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return handed.map(() => DONE);
      },
      { concurrency: 1, burst: 1 },
    );
    await hurried.publish('messages', [job('1')]);
    await eventually(() => runs === 1);
    await consumption.stop();
    expect((await queue.depth('messages')).waiting).to.equal(0);
    await hurried.close();
  });

  it('leaves what a stop interrupted as if it had not been begun, for another process to take at once', async () => {
    const { database, dedup } = open;
    const hurried = new PostgresMessageQueue({
      ...{ database, dedup, log: silentLog, metrics: new RecordingMetrics(), stopDeadlineMs: 50 },
    });
    await hurried.start();
    let runs = 0;
    const consumption = await hurried.consume(
      'messages',
      (_handed, { signal }) => {
        runs += 1;
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      },
      { concurrency: 1, burst: 1 },
    );
    await hurried.publish('messages', [job('1')]);
    await eventually(() => runs === 1);
    await consumption.stop();
    expect(await sql('SELECT state, claims, failures, claimed FROM wahook.inbox')).to.deep.equal([
      { state: 'waiting', claims: 0, failures: 0, claimed: false },
    ]);
    const got: Job<InboundMessage>[] = [];
    await consume(async (handed) => {
      got.push(...handed);
      return handed.map(() => DONE);
    });
    await settled();
    expect(got).to.have.lengthOf(1);
    expect(got[0]).to.include({ attempt: 1, claims: 1, interrupted: false });
    await hurried.close();
  });

  it('aborts what still runs when it is closed', async () => {
    let aborted = false;
    let runs = 0;
    await consume(
      async (_handed, { signal }) => {
        runs += 1;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted = true;
        throw new Error('aborted');
      },
      { concurrency: 1 },
      open.elsewhere,
    );
    await queue.publish('messages', [job('1')]);
    await eventually(() => runs === 1);
    await open.elsewhere.close();
    await eventually(() => aborted);
  });

  it('goes on after all connections of pg-boss were cut', async () => {
    const seen: string[] = [];
    await consume(async (handed) => {
      seen.push(...handed.map(({ key }) => key.id));
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1')]);
    await eventually(() => seen.length === 1);
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name LIKE '%pg-boss' AND datname = current_database()`);
    await eventually(() => open.log.messages('warn').includes('lane scheduler lost a connection'));
    await queue.publish('messages', [job('2')]);
    await eventually(() => seen.length === 2);
    const listening = () =>
      sql(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`);
    await eventually(async () => (await listening()).length > 0);
  });

  it('gives queues that another version made the options of this one', async () => {
    await sql(`UPDATE pgboss.queue SET heartbeat_seconds = 60, retry_limit = 2, notify = false, dead_letter = NULL`);
    await queue.start();
    const again = new PostgresMessageQueue({
      ...{ database: open.database, dedup: open.dedup, log: silentLog, metrics: new RecordingMetrics() },
      stopDeadlineMs: 0,
    });
    await again.start();
    await again.close();
    const queues = await sql(`SELECT DISTINCT policy, heartbeat_seconds, retry_limit, notify FROM pgboss.queue
                              WHERE name IN ('messages', 'statuses', 'account', 'outbound')`);
    expect(queues).to.deep.equal([
      { policy: 'stately', heartbeat_seconds: 10, retry_limit: 1_000_000_000, notify: true },
    ]);
  });

  it('refuses what Postgres can never store, without a word of it, and stores nothing of the batch', async () => {
    const error = await queue
      .publish('messages', [job('fine'), job('a secret \u0000 text')])
      .catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(WahookError).with.property('code', 'unstorable');
    expect(String(error)).to.not.contain('secret');
    expect((await queue.depth('messages')).waiting).to.equal(0);
    await queue.publish('messages', [job('fine')]);
    expect((await queue.depth('messages')).waiting).to.equal(1);
  });

  it('says that the store is unavailable while another call stores the same key', async () => {
    const { database } = open;
    const busy = { once: async () => ({ fresh: [], duplicate: [], busy: ['m|lane|1'] }) };
    const other = new PostgresMessageQueue({
      ...{ database, dedup: busy, log: silentLog, metrics: new RecordingMetrics() },
      stopDeadlineMs: 0,
    });
    const error = await other.publish('messages', [job('1')]).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'storage_unavailable');
    await other.close();
  });

  it('logs no word of a handler that rejects', async () => {
    let runs = 0;
    await consume(async (handed) => {
      runs += 1;
      if (runs === 1) throw new RangeError('quotes a secret');
      return handed.map(() => DONE);
    });
    await queue.publish('messages', [job('1', '1065|15551234567')]);
    await settled();
    expect(open.log.text()).to.contain('RangeError');
    expect(open.log.text()).to.not.contain('secret');
    expect(open.log.text()).to.not.contain('15551234567');
    const outputs = await sql<{ output: unknown }>('SELECT output FROM pgboss.job WHERE output IS NOT NULL');
    expect(JSON.stringify(outputs)).to.not.contain('secret');
  });
});

describe('the queue on a Postgres that is not there', () => {
  it('says so at the start', async () => {
    const log = new RecordingLog();
    const database = new PostgresDatabase({
      url: 'postgres://127.0.0.1:1/none',
      poolSize: 1,
      applicationName: 'test',
      limits: TIME_LIMITS.postgres,
    });
    const dedup = new PostgresDedupStore(database);
    const queue = new PostgresMessageQueue({
      database,
      dedup,
      log,
      metrics: new RecordingMetrics(),
      stopDeadlineMs: 0,
    });
    const error = await queue.start().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(WahookError).with.property('code', 'storage_unavailable');
    await queue.close();
    await database.close();
  });
});

describe('the sweep', () => {
  before(startPostgres);

  let database: PostgresDatabase;
  let scheduler: LaneScheduler;
  let drop: () => Promise<void>;

  beforeEach(async () => {
    const created = await testDatabase();
    drop = created.drop;
    database = new PostgresDatabase({
      url: created.url,
      poolSize: 4,
      applicationName: 'test',
      limits: TIME_LIMITS.postgres,
    });
    scheduler = new LaneScheduler({ boss: database.bossOptions(), log: silentLog });
    await scheduler.start();
  });

  afterEach(async () => {
    await scheduler.close();
    await database.close();
    await drop();
  });

  const awake = async () =>
    (await database.query<{ lane: string }>({ text: `SELECT singleton_key AS lane FROM pgboss.job` })).map(
      ({ lane }) => lane,
    );

  const aSecondLater = () =>
    database.query({ text: `UPDATE wahook.sweep SET swept_at = swept_at - interval '1 second'` });

  /** `number` lanes with two rows each, stored a while ago. */
  async function store(number: number): Promise<void> {
    const lanes = Array.from({ length: number }, (_, index) => `lane ${String(index).padStart(4, '0')}`);
    const jobs = lanes.flatMap((lane) => [job('1', lane), job('2', lane)]);
    await database.transaction((tx) => new LaneRows('messages').insert(tx, jobs));
    await database.query({ text: `UPDATE wahook.inbox SET accepted_at = now() - interval '1 minute'` });
  }

  const newSweep = () => new LaneSweep(database, scheduler, 'messages');

  it('walks through all lanes, some a second, and begins again at the end', async () => {
    await store(1_100);
    const counts: number[] = [];
    for (let second = 0; second < 3; second += 1) {
      await newSweep().sweep();
      counts.push((await awake()).length);
      await aSecondLater();
    }
    expect(counts).to.deep.equal([500, 1_000, 1_100]);
    await database.query({ text: 'DELETE FROM pgboss.job' });
    await newSweep().sweep();
    expect(await awake()).to.include('lane 0000');
  });

  it('is done once a second by any number of processes', async () => {
    await store(600);
    await Promise.all([newSweep().sweep(), newSweep().sweep(), newSweep().sweep()]);
    expect(await awake()).to.have.lengthOf(500);
  });

  it('wakes a lane when its retry is due and not before, whatever else waits', async () => {
    await store(600);
    const retry = (lane: string, inMs: number) =>
      database.query({
        text: `UPDATE wahook.inbox SET next_attempt_at = now() + $2::float8 * interval '1 ms'
               WHERE seq = (SELECT min(seq) FROM wahook.inbox WHERE lane = $1)`,
        values: [lane, inMs],
      });
    await retry('lane 0001', 60_000);
    await retry('lane 0599', -10);
    await newSweep().sweep();
    const lanes = await awake();
    expect(lanes).to.have.lengthOf(500).and.include('lane 0599');
    expect(lanes).to.not.include('lane 0001');
    await database.query({ text: `UPDATE wahook.inbox SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL` });
    await aSecondLater();
    await newSweep().sweep();
    expect(await awake()).to.include('lane 0001');
  });

  it('leaves lanes alone that a dead letter holds, if it was told to hold them', async () => {
    await store(3);
    const die = `UPDATE wahook.inbox SET state = 'dead' WHERE seq IN
      (SELECT min(seq) FROM wahook.inbox WHERE lane = 'lane 0000' UNION SELECT max(seq) FROM wahook.inbox WHERE lane = 'lane 0001')`;
    await database.query({ text: die });
    await new LaneSweep(database, scheduler, 'messages', { holds: true }).sweep();
    expect(await awake()).to.have.members(['lane 0001', 'lane 0002']);
    await aSecondLater();
    await newSweep().sweep();
    expect(await awake()).to.have.lengthOf(3);
  });

  it('leaves lanes alone whose wake-up is still on its way', async () => {
    await database.transaction((tx) => new LaneRows('messages').insert(tx, [job('1')]));
    await newSweep().sweep();
    expect(await awake()).to.deep.equal([]);
  });
});
