import { expect } from 'chai';
import { sendJob } from '../../src/core/lanes.ts';
import type { MessageQueue } from '../../src/core/ports/queue.ts';
import type { Route, SendingNumbers, SendPermit, SendRate } from '../../src/core/ports/sending.ts';
import { HEADROOM, NUMBER_STOPPED, type NumberLimits, type SendLimits } from '../../src/core/send-limits.ts';
import { eventually } from '../support/eventually.ts';

export interface OpenSendRate {
  readonly rate: SendRate;
  /** Another process, where there can be one. */
  readonly elsewhere: SendRate;
  readonly numbers: SendingNumbers;
  /** What waits for a number is in it. */
  readonly queue: MessageQueue;
  /** As if so much time had gone by for the next probe. */
  makeProbeDue(phoneNumberId: string): Promise<void>;
  /** The clock of the store was a day ahead until now. */
  setClockBack(): Promise<void>;
  close(): Promise<void>;
}

const NUMBER = '1065';
const REFUSED = { code: 'graph_190', message: 'The access token is invalid.' };

/** Pairs and numbers without a limit that would be felt, unless a test says otherwise. */
const UNFELT = { perSecond: 10_000, credential: 'one' };

function to(waId: string, phoneNumberId = NUMBER): Route {
  return { phoneNumberId, to: { waId } };
}

export function sendRateContract(openRate: (limits: SendLimits) => Promise<OpenSendRate>): void {
  let open: OpenSendRate;
  let ofNumber: Record<string, Partial<NumberLimits>>;

  const start = async (limits: Partial<NumberLimits> = {}, pair = { intervalMs: 60_000, burst: 45 }) => {
    const limitsOf = (id: string) => ({ ...UNFELT, ...limits, ...ofNumber[id] });
    open = await openRate({ limitsOf, pair });
    return open;
  };
  const go = { kind: 'go', probe: false } as const;
  const inMsOf = (permit: SendPermit) => {
    if (permit.kind === 'go') throw new Error('it went');
    return permit.inMs;
  };

  beforeEach(() => {
    ofNumber = {};
  });

  afterEach(() => open.close());

  describe('for one person', () => {
    it('lets a burst go, one message less than Meta would, and then one in each interval', async () => {
      const { rate, elsewhere } = await start({}, { intervalMs: 1_500, burst: 5 });
      for (const one of [rate, elsewhere, rate, elsewhere]) expect(await one.reserve(to('1'))).to.deep.equal(go);
      const startedAtMs = performance.now();
      const refused = await rate.reserve(to('1'));
      expect(refused).to.include({ kind: 'later', because: 'recipient' });
      expect(inMsOf(refused)).to.be.within(1, 1_500);
      await eventually(async () => (await elsewhere.reserve(to('1'))).kind === 'go', 3_000);
      expect(performance.now() - startedAtMs).to.be.above(inMsOf(refused) - 20);
      expect((await rate.reserve(to('1'))).kind).to.equal('later');
    });

    it('lets others go on', async () => {
      const { rate } = await start({}, { intervalMs: 60_000, burst: 2 });
      expect(await rate.reserve(to('1'))).to.deep.equal(go);
      expect((await rate.reserve(to('1'))).kind).to.equal('later');
      expect(await rate.reserve(to('2'))).to.deep.equal(go);
      expect(await rate.reserve(to('1', '2077'))).to.deep.equal(go);
    });

    it('counts what goes to one id of the person for what names both, and books nothing for what must wait', async () => {
      const { rate, elsewhere } = await start({}, { intervalMs: 60_000, burst: 4 });
      const both: Route = { phoneNumberId: NUMBER, to: { waId: '1', userId: 'US.1' } };
      const byUserId: Route = { phoneNumberId: NUMBER, to: { userId: 'US.1' } };
      expect(await rate.reserve(both)).to.deep.equal(go);
      for (const one of [rate, elsewhere]) expect(await one.reserve(to('1'))).to.deep.equal(go);
      for (const route of [to('1'), both, both])
        expect(await elsewhere.reserve(route), JSON.stringify(route)).to.include({
          kind: 'later',
          because: 'recipient',
        });
      for (const one of [rate, elsewhere]) expect(await one.reserve(byUserId)).to.deep.equal(go);
      expect((await rate.reserve(byUserId)).kind).to.equal('later');
    });

    it('books one message for who is named by the same id twice', async () => {
      const { rate, elsewhere } = await start({}, { intervalMs: 60_000, burst: 3 });
      const twice: Route = { phoneNumberId: NUMBER, to: { waId: '1', userId: '1' } };
      expect(await rate.reserve(twice)).to.deep.equal(go);
      expect(await elsewhere.reserve(to('1'))).to.deep.equal(go);
      expect((await rate.reserve(twice)).kind).to.equal('later');
    });

    it('makes who is named by the same id twice wait after Meta complained', async () => {
      const { rate, elsewhere } = await start();
      await rate.exceeded({ phoneNumberId: NUMBER, to: { waId: '1', userId: '1' } }, 'recipient');
      expect((await elsewhere.reserve(to('1'))).kind).to.equal('later');
    });

    it('counts every one of many at once, by whatever id they name the person', async () => {
      const { rate, elsewhere } = await start({}, { intervalMs: 60_000, burst: 12 });
      const routes = Array.from({ length: 40 }, (_, index): Route => {
        const named = index % 2 === 0 ? { waId: '1', userId: 'US.1' } : { waId: '1' };
        return { phoneNumberId: NUMBER, to: named };
      });
      const permits = await Promise.all(routes.map((route, index) => [rate, elsewhere][index % 2]?.reserve(route)));
      expect(permits.filter((permit) => permit?.kind === 'go')).to.have.length(11);
    });

    it('makes whoever names either id wait after Meta complained about a message that named both', async () => {
      const { rate, elsewhere } = await start();
      await rate.exceeded({ phoneNumberId: NUMBER, to: { waId: '1', userId: 'US.1' } }, 'recipient');
      for (const named of [{ waId: '1' }, { userId: 'US.1' }])
        expect((await elsewhere.reserve({ phoneNumberId: NUMBER, to: named })).kind).to.equal('later');
    });

    it('has no limit for groups, nor with an interval of nothing', async () => {
      const { rate } = await start({}, { intervalMs: 60_000, burst: 2 });
      for (let sent = 0; sent < 5; sent += 1)
        expect(await rate.reserve({ phoneNumberId: NUMBER, to: { groupId: 'G1' } })).to.deep.equal(go);
      await open.close();
      await start({}, { intervalMs: 0, burst: 2 });
      for (let sent = 0; sent < 5; sent += 1) expect(await open.rate.reserve(to('1'))).to.deep.equal(go);
    });

    it('waits for an interval after Meta complained, however few went before', async () => {
      const { rate, elsewhere } = await start();
      await rate.exceeded(to('1'), 'recipient');
      const refused = await elsewhere.reserve(to('1'));
      expect(refused).to.include({ kind: 'later', because: 'recipient' });
      expect(inMsOf(refused)).to.be.within(55_000, 60_000);
      expect(await rate.reserve(to('2'))).to.deep.equal(go);
    });
  });

  describe('for one number', () => {
    it('gives each of concurrent callers of all processes a place of its own, evenly', async function () {
      this.timeout(15_000);
      const perSecond = 100;
      const { rate, elsewhere } = await start({ perSecond });
      const went: number[] = [];
      const send = async (one: SendRate, from: number) => {
        for (let sent = 0; sent < 12; sent += 1) {
          const permit = await one.reserve(to(`${from}-${sent}`));
          if (permit.kind === 'go') went.push(performance.now());
          else sent -= 1;
        }
      };
      await Promise.all(
        [rate, elsewhere].flatMap((one, process) => [1, 2, 3, 4].map((n) => send(one, 10 * process + n))),
      );
      expect(went).to.have.length(96);
      went.sort((one, other) => one - other);
      for (const [index, atMs] of went.entries()) {
        const within = went.slice(index).filter((other) => other < atMs + 1_000).length;
        expect(within).to.be.at.most(perSecond);
      }
      // 96 places take 1.2 s; the rest is what a busy machine may lose.
      expect((went.at(-1) ?? 0) - (went[0] ?? 0)).to.be.within(1_000, 6_000);
    });

    it('turns away whom a place is too far off for, with nothing used up', async () => {
      const { rate } = await start({ perSecond: 10 });
      const startedAtMs = performance.now();
      const permits = await Promise.all(Array.from({ length: 40 }, (_, index) => rate.reserve(to(`${index}`))));
      const seconds = Math.max(1, (performance.now() - startedAtMs) / 1_000);
      const went = permits.filter(({ kind }) => kind === 'go').length;
      expect(went).to.be.within(5, 10 * HEADROOM * seconds + 4);
      const [refused] = permits.filter(({ kind }) => kind !== 'go');
      expect(refused).to.include({ kind: 'later', because: 'number' });
      const again = await rate.reserve(to('again'));
      expect(again.kind === 'go' || again.inMs < 2_500).to.equal(true);
    });

    it('turns away at once whoever is told to stop while he waits', async () => {
      const { rate } = await start({ perSecond: 2 });
      await rate.reserve(to('1'));
      const startedAtMs = performance.now();
      expect(await rate.reserve(to('2'), AbortSignal.timeout(50))).to.include({ kind: 'later' });
      expect(performance.now() - startedAtMs).to.be.below(400);
    });

    it('counts what customers write, without ending sending altogether', async function () {
      this.timeout(10_000);
      const { rate, elsewhere } = await start({ perSecond: 40 });
      await rate.reserve(to('first'));
      elsewhere.received(NUMBER, 1_000_000);
      let tries = 0;
      const isSlow = async () => {
        const startedAtMs = performance.now();
        tries += 1;
        const permit = await rate.reserve(to(`${tries}`));
        if (permit.kind === 'later') return permit.inMs > 0 && permit.inMs < 1_200;
        return performance.now() - startedAtMs > 400;
      };
      await eventually(isSlow, 5_000);
      const othersAreNot = await rate.reserve(to('1', '2077'));
      expect(othersAreNot).to.deep.equal(go);
    });

    it('goes at half its pace after Meta complained, once for the complaints of one moment, and recovers', async () => {
      const { rate, elsewhere, numbers } = await start();
      await rate.reserve(to('1'));
      await Promise.all([rate, elsewhere, rate].map((one) => one.exceeded(to('1'), 'number')));
      const paceOf = async () =>
        (await numbers.list()).find(({ phoneNumberId }) => phoneNumberId === NUMBER)?.pace ?? 0;
      const paceAtFirst = await paceOf();
      expect(paceAtFirst).to.be.within(0.5, 0.6);
      await eventually(async () => (await paceOf()) > paceAtFirst, 2_000);
      expect(await elsewhere.reserve(to('1', '2077'))).to.deep.equal(go);
    });
  });

  describe('when the clock of the store was ahead and is set back', () => {
    it('holds up no number and nobody for longer than ever, and goes on to keep the limits', async () => {
      const { rate, elsewhere, numbers, setClockBack } = await start(
        { perSecond: 40 },
        { intervalMs: 60_000, burst: 2 },
      );
      expect(await rate.reserve(to('1'))).to.deep.equal(go);
      await rate.exceeded(to('2'), 'recipient');
      await rate.exceeded(to('3', '2077'), 'number');
      await setClockBack();
      for (const route of [to('1'), to('2'), to('3', '2077')])
        expect(await elsewhere.reserve(route), JSON.stringify(route)).to.deep.equal(go);
      for (const route of [to('1'), to('2'), to('3', '2077')])
        expect(inMsOf(await elsewhere.reserve(route))).to.be.within(1, 60_000);
      expect((await numbers.list()).map(({ pace }) => pace)).to.deep.equal([1, 1]);
      await elsewhere.exceeded(to('3', '2077'), 'number');
      expect((await numbers.list())[1]?.pace).to.be.within(0.5, 0.6);
    });

    it('ends pauses, and tries a number that is stopped unless a person has stopped it', async () => {
      const { rate, elsewhere, numbers, setClockBack } = await start();
      await rate.exceeded(to('1'), 'app');
      await setClockBack();
      expect(await elsewhere.reserve(to('2'))).to.deep.equal(go);
      await elsewhere.exceeded(to('1'), 'app');
      expect(inMsOf(await elsewhere.reserve(to('3')))).to.be.within(50_000, 120_000);
      await setClockBack();
      await numbers.stop(NUMBER, REFUSED);
      await numbers.stop('2077', REFUSED, { byHand: true });
      await setClockBack();
      expect(await elsewhere.reserve(to('4'))).to.include({ kind: 'go', probe: true });
      expect((await elsewhere.reserve(to('4', '2077'))).kind).to.equal('stopped');
    });
  });

  describe('for the app and its accounts', () => {
    it('pauses everything for a minute when the app is over its limit', async () => {
      const { rate, elsewhere } = await start();
      await Promise.all([rate.exceeded(to('1'), 'app'), elsewhere.exceeded(to('2'), 'app')]);
      for (const permit of [await elsewhere.reserve(to('1')), await rate.reserve(to('1', '2077'))]) {
        expect(permit.kind).to.equal('later');
        expect(inMsOf(permit)).to.be.within(50_000, 60_001);
      }
    });

    it('pauses the numbers of an account and no others when the account is', async () => {
      ofNumber = { '2077': { account: 'B' }, '3088': { account: 'A' } };
      const { rate, elsewhere } = await start({ account: 'A' });
      await rate.exceeded(to('1'), 'account');
      expect((await elsewhere.reserve(to('2'))).kind).to.equal('later');
      expect((await rate.reserve(to('1', '3088'))).kind).to.equal('later');
      expect(await rate.reserve(to('1', '2077'))).to.deep.equal(go);
    });
  });

  describe('of a number that is stopped', () => {
    it('lets nothing go, wherever it is asked, until it is resumed', async () => {
      const { rate, elsewhere, numbers } = await start();
      await rate.reserve(to('1'));
      expect(await numbers.stop(NUMBER, REFUSED)).to.equal(true);
      expect(await numbers.stop(NUMBER, { code: 'graph_10', message: 'later' })).to.equal(false);
      for (const permit of [await elsewhere.reserve(to('2')), await elsewhere.reserve(to('3'))]) {
        expect(permit.kind).to.equal('stopped');
        expect(inMsOf(permit)).to.be.within(50_000, 60_001);
      }
      expect(await rate.reserve(to('1', '2077'))).to.deep.equal(go);
      const [listed] = await numbers.list();
      expect(listed?.stopped?.error).to.deep.equal(REFUSED);
      expect((listed?.stopped?.probeAtMs ?? 0) - (listed?.stopped?.sinceMs ?? 0)).to.equal(60_000);
      expect(await numbers.resume(NUMBER)).to.equal(true);
      expect(await numbers.resume(NUMBER)).to.equal(false);
      expect(await elsewhere.reserve(to('2'))).to.deep.equal(go);
      expect((await numbers.list())[0]?.stopped).to.equal(undefined);
    });

    it('lets one of many callers find out when it is time, and waits twice as long for the next', async () => {
      const { rate, elsewhere, numbers, makeProbeDue } = await start();
      await numbers.stop(NUMBER, REFUSED);
      await makeProbeDue(NUMBER);
      const permits = await Promise.all(
        Array.from({ length: 20 }, (_, index) => [rate, elsewhere][index % 2]?.reserve(to(`${index}`))),
      );
      const went = permits.flatMap((permit) => (permit?.kind === 'go' ? permit : []));
      expect(went).to.have.length(1);
      expect(went[0]).to.include({ probe: true });
      expect(went[0]?.probe && went[0].nextInMs).to.be.within(110_000, 120_001);
      const waits = permits.flatMap((permit) => (permit?.kind === 'stopped' ? permit.inMs : []));
      expect(waits).to.have.length(19);
      for (const inMs of waits) expect(inMs).to.be.within(110_000, 120_001);
    });

    it('is not probed when a person stopped it', async () => {
      const { rate, numbers } = await start();
      await numbers.stop(NUMBER, REFUSED);
      const byHand = { code: 'by_hand', message: 'Stopped by hand' };
      expect(await numbers.stop(NUMBER, byHand, { byHand: true })).to.equal(true);
      expect(await numbers.stop(NUMBER, byHand, { byHand: true })).to.equal(false);
      const [listed] = await numbers.list();
      expect(listed?.stopped?.error).to.deep.equal(byHand);
      expect(listed?.stopped).not.to.have.property('probeAtMs');
      expect(inMsOf(await rate.reserve(to('1')))).to.be.within(1_000_000, 3_600_001);
    });

    it('is resumed by a new token if the old one was the reason', async () => {
      const { rate, numbers } = await start();
      await numbers.stop(NUMBER, REFUSED);
      await numbers.stop('2077', { code: 'graph_131031', message: 'The account is locked.' });
      expect(await numbers.resumeRenewed()).to.deep.equal([]);
      ofNumber = { [NUMBER]: { credential: 'two' }, '2077': { credential: 'two' } };
      expect(await numbers.resumeRenewed()).to.deep.equal([NUMBER]);
      expect(await rate.reserve(to('1'))).to.deep.equal(go);
      expect((await rate.reserve(to('1', '2077'))).kind).to.equal('stopped');
    });

    it('lets what waited for it go at once when it is resumed, and nothing else', async function () {
      this.timeout(10_000);
      const { numbers, queue } = await start();
      const text = { type: 'text', text: 'Hello' } as const;
      const jobs = ['1', '2', '3'].map((waId) => sendJob({ ...to(waId), sendId: `to-${waId}`, content: text }));
      const elsewhere = sendJob({ ...to('1', '10650'), sendId: 'of-another', content: text });
      await numbers.stop(NUMBER, REFUSED);
      const handled: string[] = [];
      const consumption = await queue.consume(
        'outbound',
        async ([job]) => {
          handled.push(job?.payload.sendId ?? '');
          if (handled.length > 4) return [{ outcome: 'done' }];
          const code = job?.payload.sendId === 'to-3' ? 'ambiguous' : NUMBER_STOPPED;
          return [{ outcome: 'retry', inMs: 3_600_000, counted: false, error: { code, message: 'waits' } }];
        },
        { concurrency: 1, burst: 1 },
      );
      try {
        await queue.publish('outbound', [...jobs, elsewhere]);
        await eventually(() => handled.length === 4, 3_000);
        await numbers.resume(NUMBER);
        await eventually(() => handled.length === 6, 5_000);
        expect(handled.slice(4).sort()).to.deep.equal(['to-1', 'to-2']);
      } finally {
        await consumption.stop();
      }
    });
  });
}
