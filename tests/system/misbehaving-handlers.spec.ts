import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { harmless, Installation, slowestMs } from '../support/installation.ts';
import { startPostgres } from '../support/postgres.ts';

/**
 * A worker that dies or freezes is noticed after 10 to 12 s, which tests/faults/long/recovery-time.spec.ts holds to 15 s; the rest is
 * for a busy machine. Unnoticed it would be hours.
 */
const RESUMED_MS = 30_000;

/** Handled beside those that misbehave, in well under a second where nothing else runs. */
const UNDISTURBED_MS = 10_000;

const ONE_SECOND = { HANDLER_TIMEOUT: '1s', HANDLER_RETRIES: '2' };

describe('A bot that misbehaves', function () {
  this.timeout(120_000);
  before(startPostgres);

  let installation: Installation;
  beforeEach(async () => {
    installation = await Installation.open();
  });
  afterEach(() => installation.close());

  it('by throwing anything, by hanging, or without an await: the others do not notice', async () => {
    const worker = await installation.start('worker', ONE_SECOND);
    const throwing = ['throw', 'reject', 'throw-text', 'throw-nothing', 'throw-trap', 'throw-proxy'];
    const others = harmless(30);
    await installation.say(...throwing, 'hang', ...others, 'forget');
    const found = await installation.settled(30_000);
    expect(slowestMs(found, others)).to.be.below(UNDISTURBED_MS);
    // The last failure is the dead letter itself.
    for (const text of [...throwing, 'hang'])
      expect(found.get(text), text).to.include({
        ...{ state: 'dead', claims: 2, failures: 1, interruptions: 0 },
        code: text === 'hang' ? 'handler_timeout' : 'handler_failed',
      });
    for (const text of ['forget', ...others])
      expect(found.get(text), text).to.include({ state: 'done', claims: 1, failures: 0, interruptions: 0 });
    expect(await installation.replies()).to.deep.equal([...others, 'forget'].map((text) => `re ${text}`).sort());
    expect(worker.exits).to.deep.equal([]);
    const metrics = await worker.metrics();
    expect(metrics.get('wahook_handler_attempts_total{outcome="failed"}')).to.equal(12);
    expect(metrics.get('wahook_handler_attempts_total{outcome="timeout"}')).to.equal(2);
    expect(metrics.get('wahook_job_interruptions_total{queue="messages"}')).to.equal(0);
  });

  for (const what of ['leave-rejection', 'throw-later', 'reply-later'])
    it(`with an error that nobody catches: its process lets the others finish and exits with code 1 (${what})`, async () => {
      const worker = await installation.start('worker', ONE_SECOND);
      const beside = ['slow 300 a', 'slow 300 b', 'slow 300 c'];
      await installation.say(...beside, what);
      await eventually(() => worker.exits.length === 1, 20_000);
      await installation.say(...harmless(5));
      const found = await installation.settled(20_000);
      expect(worker.exits).to.deep.equal([1]);
      for (const text of [...beside, what, ...harmless(5)])
        expect(found.get(text), text).to.include({ state: 'done', claims: 1, failures: 0, interruptions: 0 });
      expect(await installation.replies()).to.deep.equal(
        [...beside, what, ...harmless(5)].map((text) => `re ${text}`).sort(),
      );
      expect(worker.output).to.contain('The service cannot go on');
    });

  it('by ending, blocking or filling its process: another one goes on within the lease, nothing is lost or done twice', async () => {
    const bad = ['once exit', 'once sigkill', 'once memory', 'block'];
    const workers = await Promise.all(
      bad.map(() =>
        installation.start('worker', {
          NODE_OPTIONS: '--max-old-space-size=64',
          WORKER_CONCURRENCY: '4',
          HANDLER_TIMEOUT: '30s',
        }),
      ),
    );
    const others = ['first', 'second', 'third'].map((name) => harmless(10, name));
    const exited = () => workers.flatMap(({ exits }) => exits).length;
    await installation.say(...(others[0] ?? []), 'block', 'once exit');
    await eventually(() => exited() === 1, 20_000);
    await installation.say(...(others[1] ?? []), 'once sigkill');
    await eventually(() => exited() === 2, 20_000);
    await installation.say(...(others[2] ?? []), 'once memory');
    const found = await installation.settled(60_000);
    expect(slowestMs(found, [...others.flat(), ...bad])).to.be.below(RESUMED_MS);
    for (const text of bad) {
      expect(found.get(text), text).to.include({ state: 'done', failures: 0, interruptions: 0 });
      expect(installation.runs(text), text).to.be.at.least(2);
    }
    for (const text of others.flat()) expect(found.get(text), text).to.include({ state: 'done', failures: 0 });
    expect(await installation.replies()).to.deep.equal([...bad, ...others.flat()].map((text) => `re ${text}`).sort());
    const exits = workers.flatMap((worker) => worker.exits);
    expect(
      exits.filter((exit) => exit === 0),
      'a supervisor would take it for a wanted end',
    ).to.deep.equal([]);
    expect(exits.filter((exit) => exit === 1)).to.deep.equal([1]);
    // What the frozen one did in the end came too late.
    const count = async (name: string) =>
      (await Promise.all(workers.map(async (worker) => (await worker.metrics()).get(name) ?? 0))).reduce(
        (sum, one) => sum + one,
        0,
      );
    await eventually(async () => (await count('wahook_fence_rejections_total{queue="messages"}')) >= 1, 20_000);
    expect(await count('wahook_job_interruptions_total{queue="messages"}')).to.be.at.least(1);
    expect(await installation.replies()).to.have.lengthOf(34);
  });
});
