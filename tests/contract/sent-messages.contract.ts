import { expect } from 'chai';
import { laneOf } from '../../src/core/lanes.ts';
import type { OutboundMessage, SentMessage, StatusUpdate } from '../../src/core/model.ts';
import type { Consumption, MessageQueue, Settlement } from '../../src/core/ports/queue.ts';
import type { SentMessages } from '../../src/core/ports/sending.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenSentMessages {
  readonly sent: SentMessages;
  /** The queue through which the messages go. */
  readonly queue: MessageQueue;
  close(): Promise<void>;
}

const SEND_ID = 'b8f6b8a0-6c3e-4f53-9d3e-2f1f6d0a7c11';
const WAMID = 'wamid.HBgLMTU1NTEyMzQ1NjcVAgARGBI=';

function outbound(sendId: string): OutboundMessage {
  return { sendId, phoneNumberId: '1065', to: { waId: '15551234567' }, content: { type: 'text', text: 'Hello' } };
}

type UpdateOptions = Partial<Pick<StatusUpdate, 'sendId' | 'messageId' | 'errors'>>;

function update(status: StatusUpdate['status'], options: UpdateOptions = {}): StatusUpdate {
  return {
    ...{ kind: 'status', status, reported: status, messageId: WAMID, phoneNumberId: '1065', businessAccountId: '1022' },
    ...{ recipient: { waId: '15551234567' }, occurredAtMs: 1_700_000_000_000 },
    ...options,
  };
}

const UNDELIVERABLE = { code: 131_026, title: 'Message undeliverable' };

function retry(code: string, inMs: number): Settlement {
  return { outcome: 'retry', inMs, counted: true, error: { code, message: 'no answer' } };
}

/** Applies them one by one, as they may come, and expects none to be about a message that is known. */
async function expectUnknown(sent: SentMessages, updates: readonly StatusUpdate[]): Promise<void> {
  for (const one of updates) expect(await sent.apply([one])).to.deep.equal([one]);
}

export function sentMessagesContract(openSent: () => Promise<OpenSentMessages>): void {
  let open: OpenSentMessages;
  let sent: SentMessages;
  let consumption: Consumption | undefined;

  beforeEach(async () => {
    open = await openSent();
    sent = open.sent;
  });

  afterEach(async () => {
    await consumption?.stop();
    consumption = undefined;
    await open.close();
  });

  const publish = (...sendIds: string[]) =>
    open.queue.publish(
      'outbound',
      sendIds.map((sendId) => ({ key: { id: sendId, day: 0 }, lane: '1065|15551234567', payload: outbound(sendId) })),
    );

  /** Sends what is published, as `settle` says; resolves to the ids of what was handed over, growing. */
  async function sending(settle: (sendId: string) => Settlement): Promise<string[]> {
    const handed: string[] = [];
    consumption = await open.queue.consume(
      'outbound',
      async ([job]) => {
        handed.push(job!.payload.sendId);
        return [settle(job!.payload.sendId)];
      },
      { concurrency: 1, burst: 1 },
    );
    return handed;
  }

  const found = async (state: SentMessage['state'], sendId = SEND_ID) =>
    eventually(async () => (await sent.find(sendId))?.state === state);

  /** A message that Meta has accepted. */
  async function accepted(sendId = SEND_ID, messageId = WAMID): Promise<void> {
    await publish(sendId);
    await sending(() => ({ outcome: 'done', messageId }));
    await found('sent', sendId);
    await consumption?.stop();
  }

  it('does not know a message that was never queued', async () => {
    expect(await sent.find(SEND_ID)).to.equal(undefined);
    expect(await sent.find('no uuid; DROP TABLE')).to.equal(undefined);
  });

  it('gives a message as it was queued, also after it was sent', async () => {
    expect(await sent.queued(SEND_ID)).to.equal(undefined);
    await publish(SEND_ID);
    expect(await sent.queued(SEND_ID)).to.deep.equal(outbound(SEND_ID));
    await sending(() => ({ outcome: 'done', messageId: WAMID }));
    await found('sent');
    expect(await sent.queued(SEND_ID)).to.deep.equal(outbound(SEND_ID));
  });

  it('finds a message on its way: waiting, sent', async () => {
    await publish(SEND_ID);
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
    await sending(() => ({ outcome: 'done', messageId: WAMID }));
    await found('sent');
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'sent', messageId: WAMID });
  });

  it('finds a message that waits for another attempt, and one that was given up', async () => {
    await publish(SEND_ID, 'second');
    const handed = await sending(() => retry('graph_131000', 60_000));
    await eventually(() => handed.length === 1);
    await consumption?.stop();
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
  });

  it('finds a message that was given up, and why', async () => {
    await publish(SEND_ID);
    await sending(() => ({ outcome: 'dead', error: { code: 'graph_131047', message: 'window closed' } }));
    await found('dead');
    const failure = { code: 'graph_131047', message: 'window closed' };
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'dead', failure });
  });

  it('calls a message unsettled whose answer was lost', async () => {
    await publish(SEND_ID);
    await sending(() => retry('ambiguous', 60_000));
    await found('unsettled');
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'unsettled' });
  });

  for (const by of ['sendId', 'messageId'] as const) {
    it(`raises the delivery state of a message found by its ${by}`, async () => {
      await accepted();
      const options = by === 'sendId' ? { sendId: SEND_ID, messageId: 'wamid.other' } : {};
      for (const status of ['sent', 'delivered', 'read', 'played'] as const) {
        expect(await sent.apply([update(status, options)])).to.deep.equal([]);
        expect(await sent.find(SEND_ID)).to.include({ delivery: status, messageId: WAMID });
      }
    });
  }

  describe('of a message that Meta took and could not deliver', () => {
    const failed = (resend: NonNullable<StatusUpdate['failure']>['resend'], options: UpdateOptions = {}) => ({
      ...update('failed', { errors: [{ code: 131_000 }], ...options }),
      failure: { kind: 'transient' as const, ...(resend && { resend }) },
    });
    const once = { afterMs: 0, limit: 1 };

    it('sends it again where the failure says so, as often as it says, and goes by the new attempt', async () => {
      await accepted();
      await sent.apply([failed(once), failed(once, { sendId: SEND_ID })]);
      expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
      const handed = await sending(() => ({ outcome: 'done', messageId: 'wamid.second' }));
      await eventually(() => handed.length === 1, 5_000);
      await found('sent');
      await sent.apply([update('sent', { sendId: SEND_ID }), failed(once)]);
      expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'sent', messageId: 'wamid.second' });
      await sent.apply([failed(once, { messageId: 'wamid.second', sendId: SEND_ID })]);
      expect(await sent.find(SEND_ID)).to.include({ state: 'sent', delivery: 'failed' });
      expect(handed).to.deep.equal([SEND_ID]);
    });

    it('sends it again also if the failure is told sooner than the answer of Meta', async () => {
      await publish(SEND_ID);
      const handed: number[] = [];
      consumption = await open.queue.consume(
        'outbound',
        async ([job]) => {
          handed.push(job!.interruptions);
          if (handed.length > 1) return [{ outcome: 'done', messageId: 'wamid.second' }];
          await sent.apply([failed(once, { sendId: SEND_ID })]);
          return [{ outcome: 'done', messageId: WAMID }];
        },
        { concurrency: 1, burst: 1 },
      );
      await eventually(async () => (await sent.find(SEND_ID))?.messageId === 'wamid.second', 5_000);
      expect(handed).to.deep.equal([0, 0]);
    });

    it('takes no late status of the first attempt for proof of the second', async () => {
      await accepted();
      await sent.apply([failed({ afterMs: 60_000, limit: 1 })]);
      await sent.apply([update('sent', { sendId: SEND_ID })]);
      expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
      const late = update('sent', { sendId: SEND_ID });
      await open.queue.publish('statuses', [{ key: { id: 's|late', day: 20_000 }, lane: laneOf(late), payload: late }]);
      expect(await sent.proofOf(outbound(SEND_ID))).to.equal(undefined);
    });

    it('leaves it alone where it must not be repeated, was delivered after all, or has no link to fetch again', async () => {
      await accepted();
      const left = async () => expect(await sent.find(SEND_ID)).to.include({ state: 'sent', messageId: WAMID });
      await sent.apply([failed({ ...once, only: 'link' })]);
      await left();
      await sent.apply([failed(undefined)]);
      await left();
      await sent.apply([update('delivered'), failed(once)]);
      await left();
    });
  });

  describe('keeps what a status says about a message that is not known, and joins it', () => {
    const unknown = (...updates: StatusUpdate[]) => expectUnknown(sent, updates);

    it('when the send is settled', async () => {
      await unknown(update('delivered'));
      await accepted('other', 'wamid.other');
      expect(await sent.find('other'), 'nobody else').not.to.have.property('delivery');
      await accepted();
      const joined = { sendId: SEND_ID, state: 'sent', messageId: WAMID, delivery: 'delivered' };
      expect(await sent.find(SEND_ID)).to.deep.equal(joined);
      expect(await sent.apply([update('read')]), 'is known from then on').to.deep.equal([]);
      expect(await sent.find(SEND_ID)).to.deep.equal({ ...joined, delivery: 'read' });
    });

    it('when another status proves by the send id that it is ours', async () => {
      await publish(SEND_ID);
      await unknown(update('read'));
      await sent.apply([update('sent', { sendId: SEND_ID })]);
      const joined = { sendId: SEND_ID, state: 'sent', messageId: WAMID, delivery: 'read' };
      expect(await sent.find(SEND_ID)).to.deep.equal(joined);
    });

    it('the highest of several, in any order and however often they come', async () => {
      await unknown(update('delivered'), update('sent'), update('unknown'));
      await unknown(update('read'));
      await unknown(update('delivered'), update('sent'));
      await accepted();
      expect(await sent.find(SEND_ID)).to.include({ delivery: 'read' });
    });

    it('the first error, and lowers nothing by a failure after a delivery', async () => {
      await unknown(update('failed', { errors: [UNDELIVERABLE] }), update('failed', { errors: [{ code: 1 }] }));
      await unknown(update('delivered'), update('failed', { errors: [{ code: 2 }] }));
      await accepted();
      expect(await sent.find(SEND_ID)).to.deep.include({ delivery: 'delivered', error: UNDELIVERABLE });
    });

    it('a failure, which stands until a real delivery comes', async () => {
      await unknown(update('sent'), update('failed', { errors: [UNDELIVERABLE] }));
      await accepted();
      expect(await sent.find(SEND_ID)).to.deep.include({ state: 'sent', delivery: 'failed', error: UNDELIVERABLE });
      await sent.apply([update('delivered')]);
      expect(await sent.find(SEND_ID)).to.deep.include({ delivery: 'delivered', error: UNDELIVERABLE });
    });

    const transient = {
      ...update('failed', { errors: [{ code: 131_000 }] }),
      failure: { kind: 'transient' as const, resend: { afterMs: 0, limit: 1 } },
    };

    it('a failure that lets it be sent again, when the send is settled: it is, once', async () => {
      await unknown(transient);
      await unknown(update('sent'));
      await publish(SEND_ID);
      const handed: string[] = [];
      consumption = await open.queue.consume(
        'outbound',
        async ([job]) => {
          handed.push(job?.lastError?.code ?? 'none');
          return [{ outcome: 'done', messageId: handed.length === 1 ? WAMID : 'wamid.second' }];
        },
        { concurrency: 1, burst: 1 },
      );
      await eventually(async () => (await sent.find(SEND_ID))?.messageId === 'wamid.second', 5_000);
      expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'sent', messageId: 'wamid.second' });
      await sent.apply([transient]);
      expect(handed).to.deep.equal(['none', 'graph_131000']);
      expect(await sent.find(SEND_ID)).to.deep.include({ state: 'sent', messageId: 'wamid.second' });
    });

    it('the same when another status proves that it is ours', async () => {
      await publish(SEND_ID);
      await unknown({ ...transient, failure: { kind: 'transient', resend: { afterMs: 60_000, limit: 1 } } });
      await sent.apply([update('sent', { sendId: SEND_ID })]);
      expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
    });
  });

  it('takes no late status of any attempt that was refused for one of the attempt of now', async () => {
    await publish(SEND_ID);
    let attempts = 0;
    await sending(() => {
      attempts += 1;
      return { outcome: 'done', messageId: `wamid.${attempts}` };
    });
    const failure = { kind: 'transient' as const, resend: { afterMs: 0, limit: 3 } };
    for (const messageId of ['wamid.1', 'wamid.2', 'wamid.3']) {
      await eventually(async () => (await sent.find(SEND_ID))?.messageId === messageId, 5_000);
      const failed = update('failed', { messageId, sendId: SEND_ID, errors: [{ code: 131_000 }] });
      if (messageId === 'wamid.3') failure.resend.afterMs = 60_000;
      await sent.apply([{ ...failed, failure }]);
    }
    for (const messageId of ['wamid.1', 'wamid.2', 'wamid.3']) {
      const late = update('delivered', { messageId, sendId: SEND_ID });
      expect(await sent.apply([late])).to.deep.equal([late]);
      await open.queue.publish('statuses', [
        { key: { id: messageId, day: 20_000 }, lane: laneOf(late), payload: late },
      ]);
    }
    expect(await sent.find(SEND_ID)).to.deep.equal({ sendId: SEND_ID, state: 'waiting' });
    expect(await sent.proofOf(outbound(SEND_ID))).to.equal(undefined);
  });

  it('never lowers it', async () => {
    await accepted();
    await sent.apply([update('read')]);
    await sent.apply([update('delivered'), update('sent'), update('failed'), update('read'), update('unknown')]);
    expect(await sent.find(SEND_ID)).to.deep.include({ state: 'sent', delivery: 'read' });
  });

  it('takes the highest of a batch, in any order', async () => {
    await accepted();
    await sent.apply([update('delivered'), update('played', { sendId: SEND_ID }), update('sent')]);
    expect(await sent.find(SEND_ID)).to.include({ delivery: 'played' });
  });

  it('lets a failure stand against a late "sent" and gives way to a real delivery, keeping its error', async () => {
    await accepted();
    await sent.apply([update('sent')]);
    await sent.apply([update('failed', { errors: [UNDELIVERABLE] })]);
    await sent.apply([update('sent')]);
    expect(await sent.find(SEND_ID)).to.deep.include({ delivery: 'failed', error: UNDELIVERABLE });
    await sent.apply([update('delivered'), update('failed', { errors: [{ code: 1 }] })]);
    expect(await sent.find(SEND_ID)).to.deep.include({ delivery: 'delivered', error: UNDELIVERABLE });
  });

  it('keeps the error of a failure that comes after the delivery, but not its state', async () => {
    await accepted();
    await sent.apply([update('delivered')]);
    await sent.apply([update('failed', { errors: [UNDELIVERABLE] }), update('failed', { errors: [{ code: 1 }] })]);
    expect(await sent.find(SEND_ID)).to.deep.include({ delivery: 'delivered', error: UNDELIVERABLE });
  });

  it('ends in the same state whatever the order of the updates', async () => {
    const updates = [update('sent'), update('failed'), update('delivered'), update('read')];
    await accepted();
    await sent.apply(updates);
    await accepted('other', 'wamid.other');
    for (const one of updates.toReversed()) await sent.apply([{ ...one, messageId: 'wamid.other' }]);
    const [one, other] = [await sent.find(SEND_ID), await sent.find('other')];
    expect(other?.delivery).to.equal(one?.delivery).and.to.equal('read');
  });

  it('gives back the updates of messages that it does not know, in order, and applies the others', async () => {
    await accepted();
    const foreign = [
      update('sent', { messageId: 'wamid.foreign', sendId: 'text of another sender, no uuid' }),
      update('read', { messageId: 'wamid.foreign' }),
      update('unknown', { messageId: 'wamid.foreign' }),
    ];
    const [first, second, third] = foreign as [StatusUpdate, StatusUpdate, StatusUpdate];
    expect(await sent.apply([first, update('delivered'), second, third])).to.deep.equal(foreign);
    expect(await sent.find(SEND_ID)).to.include({ delivery: 'delivered' });
    expect(await sent.apply([])).to.deep.equal([]);
  });

  it('finds a message by its wamid although the update has the send id of another sender', async () => {
    await accepted();
    expect(await sent.apply([update('delivered', { sendId: 'foreign' })])).to.deep.equal([]);
    expect(await sent.find(SEND_ID)).to.include({ delivery: 'delivered' });
  });

  it('settles a send whose answer was lost by a status with its send id, so that it is not repeated', async () => {
    await publish(SEND_ID, 'next');
    const handed = await sending((sendId) =>
      sendId === SEND_ID ? retry('ambiguous', 300) : { outcome: 'done', messageId: 'wamid.next' },
    );
    await found('unsettled');
    expect(await sent.apply([update('sent', { sendId: SEND_ID })])).to.deep.equal([]);
    const settled = { sendId: SEND_ID, state: 'sent', messageId: WAMID, delivery: 'sent' };
    expect(await sent.find(SEND_ID)).to.deep.equal(settled);
    await found('sent', 'next');
    expect(handed).to.deep.equal([SEND_ID, 'next']);
    await sent.apply([update('read')]);
    expect(await sent.find(SEND_ID), 'is known by its wamid now').to.deep.equal({ ...settled, delivery: 'read' });
  });

  it('goes on with what waits behind a send once a status settles it, long before that would have been repeated', async () => {
    await publish(SEND_ID, 'next');
    const handed = await sending((sendId) =>
      sendId === SEND_ID ? retry('ambiguous', 60_000) : { outcome: 'done', messageId: 'wamid.next' },
    );
    await found('unsettled');
    await sent.apply([update('sent', { sendId: SEND_ID })]);
    await found('sent', 'next');
    expect(handed).to.deep.equal([SEND_ID, 'next']);
  });

  it('repeats a send whose answer was lost when no status comes', async () => {
    await publish(SEND_ID);
    let attempts = 0;
    const handed = await sending(() => {
      attempts += 1;
      return attempts === 1 ? retry('ambiguous', 50) : { outcome: 'done', messageId: WAMID };
    });
    await found('sent');
    expect(handed).to.deep.equal([SEND_ID, SEND_ID]);
  });

  for (const answer of [retry('ambiguous', 0), { outcome: 'dead', error: { code: 'x', message: 'x' } }] as const)
    it(`settles by a status that comes before the answer, and the answer (${answer.outcome}) changes nothing`, async () => {
      await publish(SEND_ID);
      let applied = false;
      let runs = 0;
      consumption = await open.queue.consume(
        'outbound',
        async () => {
          runs += 1;
          await sent.apply([update('delivered', { sendId: SEND_ID })]);
          applied = true;
          return [answer];
        },
        { concurrency: 1, burst: 1 },
      );
      await eventually(() => applied);
      await consumption.stop();
      const settled = { sendId: SEND_ID, state: 'sent', messageId: WAMID, delivery: 'delivered' };
      expect(await sent.find(SEND_ID)).to.deep.equal(settled);
      expect(runs).to.equal(1);
      expect((await open.queue.depth('outbound')).waiting).to.equal(0);
    });

  describe('finds the proof that Meta took a message', () => {
    const accept = (...updates: readonly StatusUpdate[]) =>
      open.queue.publish(
        'statuses',
        updates.map((payload, index) => ({ key: { id: `s|${index}`, day: 19_675 }, lane: laneOf(payload), payload })),
      );

    it('in a status that was accepted and waits, and in no other', async () => {
      expect(await sent.proofOf(outbound(SEND_ID))).to.equal(undefined);
      await accept(update('sent'), update('sent', { sendId: 'other', messageId: 'wamid.other' }));
      expect(await sent.proofOf(outbound(SEND_ID))).to.equal(undefined);
      await open.queue.publish('statuses', [
        { key: { id: 's|proof', day: 19_675 }, lane: '1065|15551234567', payload: update('sent', { sendId: SEND_ID }) },
      ]);
      expect(await sent.proofOf(outbound(SEND_ID))).to.equal(WAMID);
      consumption = await open.queue.consume('statuses', async (jobs) => jobs.map(() => ({ outcome: 'done' })), {
        concurrency: 1,
        burst: 10,
      });
      await eventually(async () => (await open.queue.depth('statuses')).waiting === 0);
      expect(await sent.proofOf(outbound(SEND_ID))).to.equal(undefined);
    });

    it('also in a status that was applied since the message was handed over', async () => {
      await publish(SEND_ID);
      const proofs: (string | undefined)[] = [];
      const apply = Promise.withResolvers<void>();
      consumption = await open.queue.consume(
        'outbound',
        async ([job]) => {
          proofs.push(await sent.proofOf(job!.payload));
          await sent.apply([update('sent', { sendId: SEND_ID })]);
          proofs.push(await sent.proofOf(job!.payload));
          apply.resolve();
          return [retry('ambiguous', 60_000)];
        },
        { concurrency: 1, burst: 1 },
      );
      await apply.promise;
      expect(proofs).to.deep.equal([undefined, WAMID]);
    });

    it('also where the status names the recipient in another way', async () => {
      const named = {
        ...update('delivered', { sendId: SEND_ID }),
        recipient: { userId: 'BR.1234', waId: '5511912345678' },
      };
      await accept(named);
      const writtenTo = (to: OutboundMessage['to']) => sent.proofOf({ ...outbound(SEND_ID), to });
      for (const to of [{ userId: 'BR.1234' }, { waId: '551112345678' }, { groupId: 'group' }])
        expect(await writtenTo(to), JSON.stringify(to)).to.equal(WAMID);
    });
  });

  it('counts a message as sent that was given up, once a status proves it', async () => {
    await publish(SEND_ID);
    await sending(() => ({ outcome: 'dead', error: { code: 'unsettled', message: 'no answer' } }));
    await found('dead');
    await sent.apply([update('delivered', { sendId: SEND_ID })]);
    expect(await sent.find(SEND_ID)).to.include({ state: 'sent', delivery: 'delivered' });
    expect((await open.queue.depth('outbound')).dead).to.equal(0);
  });

  it('applies overlapping batches concurrently', async () => {
    const sendIds = Array.from({ length: 20 }, (_, index) => `send-${index}`);
    await publish(...sendIds);
    await sending((sendId) => ({ outcome: 'done', messageId: `wamid.${sendId}` }));
    await found('sent', 'send-19');
    const batches = (['sent', 'delivered', 'read', 'failed', 'played'] as const).map((status, index) => {
      const batch = sendIds.map((sendId) => update(status, { messageId: `wamid.${sendId}` }));
      return index % 2 ? batch.toReversed() : batch;
    });
    const left = await Promise.all(batches.map((batch) => sent.apply(batch)));
    expect(left.flat()).to.deep.equal([]);
    for (const sendId of sendIds) expect(await sent.find(sendId)).to.include({ delivery: 'played' });
  });
}
