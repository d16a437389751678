import { expect } from 'chai';
import { eventually } from '../../support/eventually.ts';
import { report, sizeOf } from '../../support/extent.ts';
import { Installation } from '../../support/installation.ts';
import { startPostgres } from '../../support/postgres.ts';

const ROUNDS = sizeOf('RECOVERY_ROUNDS', 5);

/** The promise of the operations' page is 10 to 12 s; the rest is for a busy machine. */
const RESUMED_MS = 15_000;

describe('The conversation of a worker', function () {
  this.timeout(60_000 + ROUNDS * 60_000);
  before(startPostgres);

  it(`that is killed, stopped or blocked goes on within 15 s on another one (${ROUNDS} times)`, async () => {
    const installation = await Installation.open();
    try {
      const workers = await Promise.all([1, 2, 3, 4].map(() => installation.start('worker')));
      const kinds = ['once sigkill', 'once freeze', 'block'];
      const longestMs = new Map(kinds.map((kind) => [kind, 0]));
      for (let round = 1; round <= ROUNDS; round += 1) {
        for (const kind of kinds) {
          await installation.say(`${kind} ${round}`);
          // One at a time: two that meet in one process would die twice.
          await eventually(() => installation.runs(`${kind} ${round}`) > 0, 20_000);
        }
        const inbox = await installation.settled(40_000);
        for (const worker of workers) worker.signal('SIGCONT');
        for (const kind of kinds) {
          const row = inbox.get(`${kind} ${round}`);
          expect(row).to.include({ state: 'done', failures: 0 });
          longestMs.set(kind, Math.max(longestMs.get(kind) ?? 0, row?.tookMs ?? Number.POSITIVE_INFINITY));
        }
      }
      expect(await installation.replies()).to.have.lengthOf(kinds.length * ROUNDS);
      const shown = [...longestMs].map(([kind, ms]) => `${kind} ${(ms / 1000).toFixed(1)} s`);
      report(`longest of ${ROUNDS}`, shown.join(', '));
      for (const [kind, ms] of longestMs) expect(ms, kind).to.be.below(RESUMED_MS);
    } finally {
      await installation.close();
    }
  });
});
