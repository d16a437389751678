import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { PostgresDatabase } from '../../src/adapters/postgres/postgres-database.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { deliver, textWebhook } from '../system/webhook-client.ts';
import { eventually } from './eventually.ts';
import { GraphStub } from './graph-stub.ts';
import { type TestDatabase, testDatabase } from './postgres.ts';
import { Supervisor } from './supervisor.ts';

const BOT = 'tests/fixtures/bots/misbehaving.ts';

/** What became of a message. */
export interface InboxRow {
  readonly text: string;
  readonly state: string;
  readonly claims: number;
  readonly failures: number;
  readonly interruptions: number;
  readonly code: string | null;
  /** From accepting to settling, by the database's clock. */
  readonly tookMs: number | null;
}

/** One process that receives, supervised workers with the bot that misbehaves, a database and a Graph API of their own. */
export class Installation {
  readonly #folder: string;
  readonly #graph: GraphStub;
  readonly #created: TestDatabase;
  readonly database: PostgresDatabase;
  readonly #running: Supervisor[] = [];
  #web: Supervisor | undefined;
  #customers = 0;

  private constructor(graph: GraphStub, created: TestDatabase) {
    this.#folder = mkdtempSync(join(tmpdir(), 'wahook-installation-'));
    this.#graph = graph;
    this.#created = created;
    this.database = new PostgresDatabase({
      url: created.url,
      poolSize: 2,
      applicationName: 'installation',
      limits: TIME_LIMITS.postgres,
    });
  }

  static async open(): Promise<Installation> {
    const installation = new Installation(await GraphStub.open(), await testDatabase());
    installation.#web = await installation.start('web');
    return installation;
  }

  async start(role: 'web' | 'worker', env: Readonly<Record<string, string>> = {}): Promise<Supervisor> {
    const supervisor = await Supervisor.start({
      ...{ ROLE: role, STORE: 'postgres', DATABASE_URL: this.#created.url, BOT, LEDGER: this.#ledger },
      ...{ WHATSAPP_API_URL: this.#graph.apiUrl, ...env },
    });
    this.#running.push(supervisor);
    return supervisor;
  }

  /** One message each, of a new customer each. */
  async say(...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      this.#customers += 1;
      await this.accept(textWebhook(text, text, `1555020${this.#customers}`));
    }
  }

  async accept(webhook: Buffer): Promise<void> {
    expect(await this.#deliver(webhook)).to.equal(200);
  }

  /** As Meta does: what is refused, since the store is busy, comes again until it is accepted. */
  async acceptInTheEnd(webhook: Buffer, withinMs: number): Promise<void> {
    await eventually(async () => (await this.#deliver(webhook)) === 200, withinMs);
  }

  #deliver(webhook: Buffer): Promise<number> {
    return deliver(this.#web?.url ?? '', webhook);
  }

  /** How often a run began with this message. */
  runs(text: string): number {
    return this.notes().filter((line) => line === text).length;
  }

  async inbox(): Promise<ReadonlyMap<string, InboxRow>> {
    const rows = await this.database.query<InboxRow>({
      text: `
        SELECT payload->>'text' AS text, state, claims, failures, interruptions, last_error->>'code' AS code,
          (extract(epoch FROM settled_at - accepted_at) * 1000)::float8 AS "tookMs"
        FROM wahook.inbox WHERE queue = 'messages' ORDER BY seq`,
    });
    return new Map(rows.map((row) => [row.text, row]));
  }

  /** The inbox as soon as nothing waits in it. */
  async settled(withinMs: number): Promise<ReadonlyMap<string, InboxRow>> {
    await eventually(
      async () => [...(await this.inbox()).values()].every(({ state }) => state !== 'waiting'),
      withinMs,
    );
    return this.inbox();
  }

  /** How many replies were stored, whatever became of their sending. */
  async repliesStored(): Promise<number> {
    const text = 'SELECT count(*)::integer AS rows FROM wahook.outbox';
    return (await this.database.query<{ rows: number }>({ text }))[0]?.rows ?? 0;
  }

  /** The texts of all replies that were stored, sorted, whatever became of their sending. */
  async replies(): Promise<readonly string[]> {
    const text = `SELECT payload->'content'->>'text' AS text FROM wahook.outbox`;
    return (await this.database.query<{ text: string }>({ text })).map((row) => row.text).sort();
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.map((supervisor) => supervisor.kill()));
    await this.#graph.close();
    await this.database.close();
    await this.#created.drop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #ledger(): string {
    return join(this.#folder, 'ledger');
  }

  /** What the bots wrote down, in its order. */
  notes(): readonly string[] {
    try {
      return readFileSync(this.#ledger, 'utf8').trimEnd().split('\n');
    } catch {
      return [];
    }
  }
}

/** The longest of these messages from accepting to settling; infinite if one is not settled. */
export function slowestMs(inbox: ReadonlyMap<string, InboxRow>, texts: readonly string[]): number {
  return Math.max(...texts.map((text) => inbox.get(text)?.tookMs ?? Number.POSITIVE_INFINITY));
}

/** Different messages that a bot answers. */
export function harmless(count: number, name = 'harmless'): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index}`);
}
