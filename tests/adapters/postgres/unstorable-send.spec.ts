import { expect } from 'chai';
import { WahookError } from '../../../src/core/errors.ts';
import { outboundText, textMessage } from '../../core/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { startPostgres } from '../../support/postgres.ts';
import { type OpenQueues, openPostgresQueues } from '../../support/queues.ts';

describe('A send that the database refuses for good', () => {
  let open: OpenQueues;
  before(startPostgres);
  beforeEach(async () => {
    open = await openPostgresQueues();
  });
  afterEach(() => open.close());

  it('makes its message a dead letter after one run, and the conversation goes on', async () => {
    const seen: string[] = [];
    const { queue } = open;
    await queue.consume(
      'messages',
      async (jobs, context) => {
        for (const { payload } of jobs) {
          seen.push(payload.id);
          if (payload.id === 'bad') context.send(outboundText('\ud800', 'half an emoji'));
          else context.send(outboundText('fine', 'fine'));
        }
        return jobs.map(() => ({ outcome: 'done' }));
      },
      { concurrency: 1, burst: 1 },
    );
    const job = (id: string) => ({ key: { id, day: 20_000 }, lane: 'one', payload: textMessage('hi', { id }) });
    await queue.publish('messages', [job('bad'), job('good')]);
    await eventually(async () => (await queue.depth('messages')).waiting === 0);
    expect(seen).to.deep.equal(['bad', 'good']);
    expect((await queue.depth('messages')).dead).to.equal(1);
    expect((await queue.depth('outbound')).waiting).to.equal(1);
    const [row] = await open.database.query<{ last_error: object }>({
      text: `SELECT last_error FROM wahook.inbox WHERE state = 'dead'`,
    });
    expect(row?.last_error).to.deep.include({ code: 'unstorable' });
  });

  it('is told to the handler that wants it stored before its run is over', async () => {
    const { queue } = open;
    const codes: unknown[] = [];
    await queue.consume(
      'messages',
      async (_jobs, { commit }) => {
        const failure = await commit({ sends: [outboundText('\ud800', 'half an emoji')] }).catch(
          (error: unknown) => error,
        );
        codes.push(failure instanceof WahookError ? failure.code : failure);
        return [{ outcome: 'done' }];
      },
      { concurrency: 1, burst: 1 },
    );
    await queue.publish('messages', [{ key: { id: 'one', day: 20_000 }, lane: 'one', payload: textMessage('hi') }]);
    await eventually(() => codes.length > 0);
    expect(codes).to.deep.equal(['unstorable']);
  });

  it('takes what was to be kept with it, all or nothing', async () => {
    const { queue } = open;
    await queue.consume(
      'messages',
      async ([job], { keep }) => {
        keep({ kind: 'conversation', conversation: 'kept before', document: { step: 1 } });
        if (job?.payload.id === 'document') keep({ kind: 'conversation', conversation: 'x', document: '\u0000' });
        return [{ outcome: 'dead', error: { code: 'x', message: job?.payload.id === 'error' ? '\u0000' : 'x' } }];
      },
      { concurrency: 1, burst: 1 },
    );
    const job = (id: string) => ({ key: { id, day: 20_000 }, lane: id, payload: textMessage('hi', { id }) });
    await queue.publish('messages', [job('document'), job('error')]);
    await eventually(async () => (await queue.depth('messages')).dead === 2);
    const reasons = await open.database.query({ text: `SELECT last_error ->> 'code' AS code FROM wahook.inbox` });
    expect(reasons).to.deep.equal([{ code: 'unstorable' }, { code: 'unstorable' }]);
    expect(await open.database.query({ text: 'SELECT FROM wahook.conversation_state' })).to.deep.equal([]);
  });
});
