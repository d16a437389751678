import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { deliver, textWebhook } from '../system/webhook-client.ts';
import { eventually } from './eventually.ts';
import { GraphStub } from './graph-stub.ts';
import { SETTINGS, ServiceProcess } from './service-process.ts';

const SENDERS = 3;
const CUSTOMERS = 40;

/** A process acknowledges at least one and about this many at most before it is killed, in the midst of intake, handling and sending. */
const ACKED_A_ROUND = 40;
const KILLED_WITHIN_MS = 50;

interface Found {
  readonly id: string;
  readonly state: string;
  readonly replies: number;
}

/**
 * Kills a process on the embedded database as often as asked while it accepts, handles and sends; looks whether every start
 * works, a second process is refused each time, and in the end every acknowledged message was handled, with one reply each.
 * Resolves to the number of acknowledged messages.
 */
export async function killOnPglite(rounds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'wahook-pglite-kills-'));
  const graph = await GraphStub.open();
  const env = {
    ...{ STORE: 'pglite', DATA_DIR: folder, BOT: 'tests/fixtures/bots/ledger.ts', LEDGER: join(folder, 'ledger') },
    WHATSAPP_API_URL: graph.apiUrl,
  };
  const acked: string[] = [];
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const { service, url } = await ServiceProcess.start(env);
      await expectRefusal(env);
      const senders = Array.from({ length: SENDERS }, (_, sender) => send(url, `${round}-${sender}`, acked));
      const enough = acked.length + 1 + Math.floor(Math.random() * ACKED_A_ROUND);
      await eventually(() => acked.length >= enough, 30_000);
      await delay(Math.random() * KILLED_WITHIN_MS);
      service.signal('SIGKILL');
      await Promise.all([service.exit(), ...senders]);
    }
    await finish(env);
    const found = await rowsIn(join(folder, 'db'));
    const byId = new Map(found.map((row) => [row.id, row]));
    expect(
      acked.filter((id) => !byId.has(id)),
      'acknowledged and lost',
    ).to.deep.equal([]);
    expect(found.filter(({ state, replies }) => state !== 'done' || replies !== 1)).to.deep.equal([]);
    return acked.length;
  } finally {
    await graph.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One message after the other until nobody answers any more. */
async function send(url: string, name: string, acked: string[]): Promise<void> {
  for (let number = 1; ; number += 1) {
    const id = `${name}-${number}`;
    const customer = `155503${1000 + Math.floor(Math.random() * CUSTOMERS)}`;
    const status = await deliver(url, textWebhook(id, `text ${id}`, customer)).catch(() => undefined);
    if (status === undefined) return;
    if (status === 200) acked.push(`wamid.${id}`);
  }
}

async function expectRefusal(env: Readonly<Record<string, string>>): Promise<void> {
  const second = await ServiceProcess.run({ ...SETTINGS, ...env, PORT: '0', HOST: '127.0.0.1' });
  expect(second.exitCode).to.equal(1);
  expect(second.stderr).to.match(/The database in \S+ is in use by .*: stop it, or set DATABASE_URL/);
}

/** A last process, that lives until everything is handled. */
async function finish(env: Readonly<Record<string, string>>): Promise<void> {
  const { service, url } = await ServiceProcess.start(env);
  const idle = 'wahook_queue_depth{queue="messages",state="waiting"} 0\n';
  await eventually(async () => (await (await fetch(`${url}/metrics`)).text()).includes(idle), 120_000);
  expect(await service.stop()).to.equal(0);
}

async function rowsIn(folder: string): Promise<readonly Found[]> {
  const database = await PgliteDatabase.open({ folder });
  try {
    return await database.query<Found>({
      text: `
        SELECT inbox.payload->>'id' AS id, inbox.state, count(outbox.seq)::integer AS replies
        FROM wahook.inbox
        LEFT JOIN wahook.outbox ON outbox.payload->'content'->>'text' = 'answer to ' || (inbox.payload->>'id')
        GROUP BY inbox.seq`,
    });
  } finally {
    await database.close();
  }
}
