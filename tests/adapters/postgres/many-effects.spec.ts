import { expect } from 'chai';
import type { Job } from '../../../src/core/ports/queue.ts';
import { outboundText, textMessage } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

/** Storing a message takes 5 ms here, and a statement has a second. */
const SLOW_OUTBOX = `
  CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.001 * TG_ARGV[0]::integer); RETURN NEW; END';
  CREATE TRIGGER slow BEFORE INSERT ON wahook.outbox FOR EACH ROW EXECUTE FUNCTION slow(5)`;

describe('What a handler wants to have stored and takes too long', () => {
  let open: OpenQueues;

  before(startPostgres);
  beforeEach(async () => {
    open = await openPostgresQueues({ statementMs: 1_000 });
    await open.database.query({ text: SLOW_OUTBOX });
  });
  afterEach(() => open.close());

  /** What waits for those who use a table at the moment. */
  const alter = (text: string) => open.database.transaction((tx) => tx.query({ text }), { statementMs: 20_000 });

  /**
   * Handles what is published, each message in its lane and sending as many as its text says; the first runs of all lanes end together.
   * Resolves to the runs by text, growing.
   */
  async function handle(lanes: Readonly<Record<string, readonly string[]>>): Promise<Map<string, Job[]>> {
    const texts = Object.values(lanes).flat();
    const first = Promise.withResolvers<void>();
    const handed = new Map<string, Job[]>(texts.map((text) => [text, []]));
    await open.queue.publish(
      'messages',
      Object.entries(lanes).flatMap(([lane, own]) =>
        own.map((text) => ({ key: { id: text, day: 20_000 }, lane, payload: textMessage(text, { id: text }) })),
      ),
    );
    await open.queue.consume(
      'messages',
      async ([job], { send }) => {
        const text = job?.payload.id ?? '';
        if (job !== undefined) handed.get(text)?.push(job);
        for (let index = 0; index < Number(text); index += 1)
          send({ ...outboundText('Hello', `${text}-${index}`), to: { waId: text } });
        if ([...handed.values()].filter((jobs) => jobs.length > 0).length >= Object.keys(lanes).length) first.resolve();
        await first.promise;
        return [{ outcome: 'done' }];
      },
      { concurrency: 2, burst: 1 },
    );
    return handed;
  }

  const hurry = () =>
    open.database.query({ text: 'UPDATE wahook.inbox SET next_attempt_at = now() WHERE next_attempt_at > now()' });

  it('is a failure of its message, which is a dead letter after three, and its conversation goes on', async function () {
    this.timeout(40_000);
    const handed = await handle({ one: ['600', '3'] });
    await eventually(async () => {
      await hurry();
      return (handed.get('3')?.length ?? 0) > 0;
    }, 15_000);
    await eventually(async () => (await open.queue.depth('messages')).waiting === 0);
    expect(handed.get('600')?.map(({ attempt }) => attempt)).to.deep.equal([1, 2, 3]);
    const rows = await open.database.query({
      text: `SELECT state, last_error ->> 'code' AS code FROM wahook.inbox ORDER BY seq`,
    });
    expect(rows).to.deep.equal([
      { state: 'dead', code: 'effects_not_stored' },
      { state: 'done', code: null },
    ]);
    expect((await open.queue.depth('outbound')).waiting).to.equal(3);
    expect(open.metrics.total('dead_letters_total', { queue: 'messages', reason: 'effects_not_stored' })).to.equal(1);
  });

  it('harms nobody who would have been written together with it', async function () {
    this.timeout(40_000);
    const handed = await handle({ one: ['600'], two: ['3'] });
    await eventually(async () => {
      await hurry();
      return (await open.queue.depth('messages')).dead === 1;
    }, 15_000);
    expect(handed.get('600')?.map(({ attempt }) => attempt)).to.deep.equal([1, 2, 3]);
    expect(handed.get('3')).to.have.length(1);
    expect((await open.queue.depth('outbound')).waiting).to.equal(3);
  });

  it('is none if it is little, since then the database is in trouble: it comes again until that is over', async function () {
    this.timeout(40_000);
    await open.database.query({
      text: `DROP TRIGGER slow ON wahook.outbox;
             CREATE TRIGGER slow BEFORE INSERT ON wahook.outbox FOR EACH ROW EXECUTE FUNCTION slow(200)`,
    });
    const handed = await handle({ one: ['10'] });
    await eventually(() => (handed.get('10')?.length ?? 0) > 2, 15_000);
    await alter('DROP TRIGGER slow ON wahook.outbox');
    await eventually(async () => (await open.queue.depth('messages')).waiting === 0, 5_000);
    expect(handed.get('10')?.map(({ attempt }) => attempt)).to.satisfy((all: number[]) =>
      all.every((one) => one === 1),
    );
    expect((await open.queue.depth('outbound')).waiting).to.equal(10);
  });

  it('is none if its message cannot be marked either', async function () {
    this.timeout(40_000);
    await open.database.query({
      text: `CREATE TRIGGER slow BEFORE UPDATE ON wahook.inbox FOR EACH ROW
             WHEN (NEW.failures > OLD.failures) EXECUTE FUNCTION slow(1500)`,
    });
    const handed = await handle({ one: ['600'] });
    await eventually(() => (handed.get('600')?.length ?? 0) > 2, 15_000);
    expect(handed.get('600')?.map(({ attempt }) => attempt)).to.satisfy((all: number[]) =>
      all.every((one) => one === 1),
    );
  });
});
