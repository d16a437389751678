import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../../support/eventually.ts';
import { report, sizeOf } from '../../support/extent.ts';
import { Installation } from '../../support/installation.ts';
import { startPostgres } from '../../support/postgres.ts';
import { textsWebhook } from '../../system/webhook-client.ts';

const CONVERSATIONS = sizeOf('ORDER_CONVERSATIONS', 200);
const MESSAGES = sizeOf('ORDER_MESSAGES', 20);
const TOTAL = CONVERSATIONS * MESSAGES;

const WORKERS = 4;
const STUCK = 10;

/** Of one webhook; Meta sends up to 1,000. */
const BATCH = 250;

/** Reading what was noted costs time that the workers need, the more the more there is. */
const POLL_MS = Math.max(200, TOTAL / 50);

/** Beside workers that are busy a webhook may be refused now and then. */
const ACCEPTED_MS = 60_000;

/** Generous: 20 messages a second. */
const DRAINED_MS = 60_000 + TOTAL * 50;

const customers = Array.from({ length: CONVERSATIONS }, (_, index) => `15553${100_000 + index}`);

describe('Conversations whose handler fails for one message in five', function () {
  this.timeout(2 * DRAINED_MS + 120_000);
  before(startPostgres);

  let calmMs = Number.POSITIVE_INFINITY;

  /** Has all messages handled by four workers; resolves to how long that took from the first webhook on. */
  const drain = async (stuck: number): Promise<number> => {
    const installation = await Installation.open();
    try {
      const env = { BOT: 'tests/fixtures/bots/counting.ts', HANDLER_TIMEOUT: '10s', HANDLER_RETRIES: '100' };
      await Promise.all(Array.from({ length: WORKERS }, () => installation.start('worker', env)));
      const hanging = Array.from({ length: stuck }, (_, index) => ({
        id: `s${index}`,
        words: 'hang',
        from: `15554${index}`,
      }));
      if (stuck > 0) await installation.accept(textsWebhook(hanging));
      const startedAtMs = performance.now();
      for (let number = 1; number <= MESSAGES; number += 1)
        for (let from = 0; from < CONVERSATIONS; from += BATCH) {
          const batch = customers.slice(from, from + BATCH);
          const texts = batch.map((customer) => ({ id: `${customer}-${number}`, words: `${number}`, from: customer }));
          await installation.acceptInTheEnd(textsWebhook(texts), ACCEPTED_MS);
        }
      const deadline = startedAtMs + DRAINED_MS;
      while (installation.notes().length < TOTAL && performance.now() < deadline) await delay(POLL_MS);
      const tookMs = performance.now() - startedAtMs;

      const seen = new Map<string, number[]>(customers.map((customer) => [customer, []]));
      for (const [customer = '', number] of installation.notes().map((note) => note.split(' ')))
        seen.get(customer)?.push(Number(number));
      const inOrder = Array.from({ length: MESSAGES }, (_, index) => index + 1);
      for (const [customer, numbers] of seen) expect(numbers, customer).to.deep.equal(inOrder);
      await eventually(async () => (await installation.repliesStored()) === TOTAL, 60_000);
      return tookMs;
    } finally {
      await installation.close();
    }
  };

  const figure = (tookMs: number) =>
    `${TOTAL} messages in ${(tookMs / 1000).toFixed(1)} s, ${((TOTAL / tookMs) * 1000).toFixed(0)} a second`;

  it(`are handled in order, each message once (${CONVERSATIONS} conversations of ${MESSAGES})`, async () => {
    calmMs = await drain(0);
    report('calm', figure(calmMs));
  });

  it(`are slowed down by ${STUCK} others that hang to their time limit by less than twice`, async () => {
    const tookMs = await drain(STUCK);
    report(`beside ${STUCK} that hang`, figure(tookMs));
    expect(tookMs).to.be.below(2 * calmMs);
  });
});
