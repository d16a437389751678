import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { decodeWebhook } from '../../src/adapters/meta/decode-webhook.ts';
import type { WebhookEvent } from '../../src/core/model.ts';
import { eventually } from '../support/eventually.ts';
import { GraphStub } from '../support/graph-stub.ts';
import { startPostgres, testDatabase } from '../support/postgres.ts';
import { startRedis, testRedis } from '../support/redis.ts';
import { ServiceProcess } from '../support/service-process.ts';
import { corpus, deliver } from './webhook-client.ts';

const LEDGER_BOT = 'tests/fixtures/bots/ledger.ts';

/** Every event of the corpus by key: what must be handled, each once. */
function expectedEvents(): ReadonlyMap<string, WebhookEvent> {
  const events = new Map<string, WebhookEvent>();
  for (const { body } of corpus())
    for (const element of decodeWebhook(body))
      if (element.kind === 'event' && !events.has(element.key.id)) events.set(element.key.id, element.event);
  return events;
}

function answerable(event: WebhookEvent): boolean {
  if (event.kind !== 'message') return false;
  return Boolean(event.groupId ?? event.customer.waId ?? event.customer.userId);
}

describe('The whole pipeline', function () {
  this.timeout(180_000);

  let folder: string;
  let graph: GraphStub;
  let started: ServiceProcess[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wahook-system-'));
    graph = await GraphStub.open();
    started = [];
  });
  afterEach(async () => {
    for (const service of started) service.signal('SIGKILL');
    await Promise.all(started.map((service) => service.exit()));
    await graph.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ledger = () => join(folder, 'ledger');
  const lines = () => {
    try {
      return readFileSync(ledger(), 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  };
  const start = async (env: Readonly<Record<string, string>>) => {
    const base = { WHATSAPP_API_URL: graph.apiUrl, BOT: LEDGER_BOT, LEDGER: ledger(), DATA_DIR: folder };
    const running = await ServiceProcess.start({ ...base, ...env });
    started.push(running.service);
    return running;
  };

  /** Delivers the whole corpus, several at once, and says how many were not answered with 200. */
  const deliverAll = async (url: string) => {
    const waiting = [...corpus()];
    const refused: string[] = [];
    const sender = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        if ((await deliver(url, next.body)) !== 200) refused.push(next.name);
    };
    await Promise.all(Array.from({ length: 8 }, sender));
    return refused;
  };

  const handlesEverythingOnce = async (url: string) => {
    const expected = expectedEvents();
    const replies = [...expected.values()].filter(answerable).length;
    expect(await deliverAll(url)).to.deep.equal([]);
    await eventually(() => lines().length >= expected.size && graph.taken.length >= replies, 90_000);
    expect(await deliverAll(url)).to.deep.equal([]);
    // Whatever the second round had set off would be done before the answer to a message that comes after it.
    const marker = Buffer.from(JSON.stringify(markerWebhook()));
    expect(await deliver(url, marker)).to.equal(200);
    await eventually(() => graph.taken.length >= replies + 1, 30_000);
    expect(new Set(lines()).size, 'handled twice').to.equal(lines().length);
    expect(lines()).to.have.length(expected.size + 1);
    expect(graph.taken).to.have.length(replies + 1);
    const answers = graph.requests.map(({ body }) => (JSON.parse(body) as { text: { body: string } }).text.body);
    for (const event of expected.values())
      if (event.kind === 'message' && answerable(event))
        expect(
          answers.filter((answer) => answer === `answer to ${event.id}`),
          event.id,
        ).to.have.length.at.least(1);
  };

  const stopsCleanly = async () => {
    expect(await Promise.all(started.map((service) => service.stop()))).to.deep.equal(started.map(() => 0));
  };

  describe('on Postgres with Redis, as a web and a worker process', () => {
    before(async function () {
      await startPostgres.call(this);
      await startRedis.call(this);
    });

    it('handles every event of the corpus once, answers every message once, and nothing again when all comes again', async () => {
      const database = await testDatabase({ blank: true });
      const redis = await testRedis();
      const env = { STORE: 'postgres', DATABASE_URL: database.url, REDIS_URL: redis.url };
      const [web] = await Promise.all([start({ ...env, ROLE: 'web' }), start({ ...env, ROLE: 'worker' })]);
      await handlesEverythingOnce(web.url);
      await stopsCleanly();
      await database.drop();
    });
  });

  it('does the same on the embedded Postgres, in one process', async () => {
    const { url } = await start({ STORE: 'pglite' });
    await handlesEverythingOnce(url);
    await stopsCleanly();
  });

  it('does the same in memory', async () => {
    const { url } = await start({ STORE: 'memory' });
    await handlesEverythingOnce(url);
    await stopsCleanly();
  });
});

/** A text message of a person who is in no other webhook. */
function markerWebhook(): object {
  const message = {
    from: '15550109999',
    id: 'wamid.MARKER',
    timestamp: '1790000000',
    type: 'text',
    text: { body: 'end' },
  };
  const metadata = { display_phone_number: '15550783881', phone_number_id: '106540352242922' };
  const value = { messaging_product: 'whatsapp', metadata, messages: [message] };
  const entry = [{ id: '102290129340398', changes: [{ field: 'messages', value }] }];
  return { object: 'whatsapp_business_account', entry };
}
