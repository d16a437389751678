import { expect } from 'chai';
import sinon from 'sinon';
import type { Database } from '../../../src/adapters/postgres/database.ts';
import { LaneWatch } from '../../../src/adapters/postgres/lane-watch.ts';
import { silentLog } from '../../support/recording.ts';

/** By a clock of its own, since its times are minutes; what it finds in a real database is seen in the queue's own tests. */
describe('LaneWatch', () => {
  let clock: sinon.SinonFakeTimers;
  let isAway: boolean;
  let orphaned: boolean;
  /** When it had lanes taken from workers that are not heard of, in seconds. */
  let supervisedAt: number[];
  let leave: () => void;

  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    isAway = false;
    orphaned = false;
    supervisedAt = [];
    const query = async () => {
      if (isAway) throw new Error('away');
      return [{ queue: 'messages', awake: false, orphaned, unswept: false }];
    };
    const watch = new LaneWatch({ query } as unknown as Database, silentLog);
    leave = watch.join('messages', {
      hint: () => {},
      sweep: () => {},
      supervise: () => supervisedAt.push(Math.floor(performance.now() / 1_000)),
    });
  });

  afterEach(() => {
    leave();
    clock.restore();
  });

  it('has pg-boss tidy up once a minute, also if no worker is missing', async () => {
    await clock.tickAsync(130_000);
    expect(supervisedAt).to.deep.equal([5, 65, 125]);
  });

  it('has the lanes of a missing worker taken at once, again and again until somebody has', async () => {
    await clock.tickAsync(20_000);
    orphaned = true;
    await clock.tickAsync(1_000);
    orphaned = false;
    await clock.tickAsync(1_000);
    expect(supervisedAt).to.deep.equal([5, 20, 21]);
  });

  it('has none taken, by the housekeeping neither, before the living could be heard of again after an outage', async () => {
    await clock.tickAsync(50_000);
    isAway = true;
    await clock.tickAsync(20_000);
    isAway = false;
    orphaned = true;
    await clock.tickAsync(4_900);
    orphaned = false;
    await clock.tickAsync(600);
    expect(supervisedAt).to.deep.equal([5, 75]);
  });
});
