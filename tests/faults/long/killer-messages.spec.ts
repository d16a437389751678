import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../../support/eventually.ts';
import { report } from '../../support/extent.ts';
import { harmless, Installation, slowestMs } from '../../support/installation.ts';
import { startPostgres } from '../../support/postgres.ts';

/** Five deaths, each found after 10 to 12 s, and what the machine makes of it. */
const FOUND_OUT_MS = 240_000;

/** Between two messages of others, for as long as it lasts. */
const PACE_MS = 500;

describe('A message that kills its process at every run', function () {
  this.timeout(360_000);
  before(startPostgres);

  for (const kind of ['exit', 'sigkill', 'memory'])
    it(`is a dead letter after five deaths, and every other message is handled once (${kind})`, async () => {
      const installation = await Installation.open();
      try {
        const env = { NODE_OPTIONS: '--max-old-space-size=64', WORKER_CONCURRENCY: '8' };
        const worker = await installation.start('worker', env);
        const killer = `always ${kind}`;
        // Under way when the process dies, as many as it has places.
        const beside = Array.from({ length: 7 }, (_, index) => `slow 700 ${index}`);
        await installation.say(...beside, killer);
        const later: string[] = [];
        await eventually(async () => {
          await delay(PACE_MS);
          const text = `later ${later.length}`;
          later.push(text);
          await installation.say(text);
          return (await installation.inbox()).get(killer)?.state === 'dead';
        }, FOUND_OUT_MS);
        await installation.say(...harmless(5));
        const inbox = await installation.settled(30_000);
        const others = [...beside, ...later, ...harmless(5)];

        expect(inbox.get(killer)).to.include({ code: 'suspected_killer', claims: 6, failures: 0 });
        expect(installation.runs(killer)).to.equal(5);
        expect(worker.exits).to.deep.equal(new Array(5).fill(kind === 'exit' ? 1 : null));
        for (const text of others) expect(inbox.get(text), text).to.include({ state: 'done', failures: 0 });
        expect(await installation.replies()).to.deep.equal(others.map((text) => `re ${text}`).sort());
        const metrics = await worker.metrics();
        expect(metrics.get('wahook_handler_attempts_total{outcome="failed"}')).to.equal(0);
        expect(metrics.get('wahook_job_interruptions_total{queue="messages"}')).to.be.at.least(1);
        expect(metrics.get('wahook_dead_letters_total{queue="messages",reason="suspected_killer"}')).to.equal(1);
        const seconds = (texts: readonly string[]) => (slowestMs(inbox, texts) / 1000).toFixed(1);
        report(kind, `set aside after ${seconds([killer])} s; slowest of ${others.length} others ${seconds(others)} s`);
      } finally {
        await installation.close();
      }
    });
});
