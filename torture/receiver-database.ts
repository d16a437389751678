import pg from 'pg';
import type { Fate } from './ledger.ts';
import { SETTINGS } from './webhook.ts';

/** What is still under way in the receiver's tables. */
export interface Backlog {
  readonly inbox: number;
  readonly outbox: number;
}

export interface Facts {
  /** What became of a message that was acked and not answered. */
  readonly fateOf: (name: string) => Fate;
  readonly deadInbox: readonly string[];
  readonly deadOutbox: readonly string[];
  /** Pieces in quarantine that are no poisoned elements. */
  readonly quarantined: number;
  /** The numbers of the poisoned elements that are in quarantine. */
  readonly poison: ReadonlySet<number>;
  /** Different statuses that are stored. */
  readonly statuses: number;
  /** The delivery state of each reply that has one, by send id. */
  readonly deliveries: ReadonlyMap<string, string>;
  /** Rows of statuses beyond the first for the same one. */
  readonly statusesTwice: number;
  readonly runsCutShort: number;
  readonly attemptsConsumed: number;
}

interface InboxRow {
  readonly event_key: string;
  readonly state: string;
  readonly claims: number;
  readonly failures: number;
  readonly last_error: { readonly code?: string } | null;
}

interface OutboxRow {
  readonly name: string;
  readonly event_key: string;
  readonly state: string;
  readonly delivery: string | null;
  readonly last_error: { readonly code?: string } | null;
}

const KEY_PREFIX = `m|${SETTINGS.WHATSAPP_PHONE_NUMBER_ID}|wamid.C`;

/** Reads wahook's tables as they are, past every proxy; nothing is written. */
export class ReceiverDatabase {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 2_000, query_timeout: 30_000 });
    this.#pool.on('error', () => {});
  }

  /** Undefined if the database does not say. */
  async backlog(): Promise<Backlog | undefined> {
    try {
      const { rows } = await this.#pool.query<Backlog>(
        `SELECT (SELECT count(*)::integer FROM wahook.inbox WHERE state = 'waiting') AS inbox,
                (SELECT count(*)::integer FROM wahook.outbox WHERE state = 'waiting') AS outbox`,
      );
      return rows[0];
    } catch {
      return undefined;
    }
  }

  /** `missing`: names of messages, such as `c12-3`. */
  async facts(missing: readonly string[]): Promise<Facts> {
    const inbox = await this.#inboxOf(missing);
    const outbox = await this.#outboxOf(missing);
    const { rows } = await this.#pool.query<{ cut: number; consumed: number; statuses: number; twice: number }>(
      `SELECT COALESCE(sum(claims - failures - CASE WHEN state = 'waiting' THEN 0 ELSE 1 END)
                FILTER (WHERE queue = 'messages'), 0)::integer AS cut,
              COALESCE(sum(failures), 0)::integer AS consumed,
              count(DISTINCT event_key) FILTER (WHERE queue = 'statuses')::integer AS statuses,
              (count(*) FILTER (WHERE queue = 'statuses')
                - count(DISTINCT event_key) FILTER (WHERE queue = 'statuses'))::integer AS twice
       FROM wahook.inbox`,
    );
    return {
      fateOf: (name) => fateOf(inbox.get(name), outbox.get(name) ?? []),
      deadInbox: await this.#dead('inbox', [...inbox.keys()]),
      deadOutbox: await this.#dead('outbox', []),
      ...(await this.#quarantine()),
      statuses: rows[0]?.statuses ?? 0,
      deliveries: await this.#deliveries(),
      statusesTwice: rows[0]?.twice ?? 0,
      runsCutShort: rows[0]?.cut ?? 0,
      attemptsConsumed: rows[0]?.consumed ?? 0,
    };
  }

  /** A poisoned element may have come several times, and each time in another place. */
  async #quarantine(): Promise<Pick<Facts, 'quarantined' | 'poison'>> {
    const { rows } = await this.#pool.query<{ n: number | null; pieces: number }>(
      `SELECT substring(encode(raw, 'escape') FROM 'poison-([0-9]+)-')::integer AS n, count(*)::integer AS pieces
       FROM wahook.quarantine GROUP BY 1`,
    );
    return {
      quarantined: rows.find(({ n }) => n === null)?.pieces ?? 0,
      poison: new Set(rows.flatMap(({ n }) => n ?? [])),
    };
  }

  async #deliveries(): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.#pool.query<{ event_key: string; delivery: string }>(
      'SELECT event_key, delivery FROM wahook.outbox WHERE delivery IS NOT NULL',
    );
    return new Map(rows.map(({ event_key, delivery }) => [event_key, delivery]));
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #inboxOf(missing: readonly string[]): Promise<ReadonlyMap<string, InboxRow>> {
    if (missing.length === 0) return new Map();
    const { rows } = await this.#pool.query<InboxRow>(
      'SELECT event_key, state, claims, failures, last_error FROM wahook.inbox WHERE event_key = ANY ($1::text[])',
      [missing.map((name) => KEY_PREFIX + name.slice(1).replace('-', 'N'))],
    );
    return new Map(rows.map((row) => [nameOf(row.event_key), row]));
  }

  async #outboxOf(missing: readonly string[]): Promise<ReadonlyMap<string, readonly OutboxRow[]>> {
    if (missing.length === 0) return new Map();
    const { rows } = await this.#pool.query<OutboxRow>(
      `SELECT split_part(payload #>> '{content,text}', ' ', 2) AS name, event_key, state, delivery, last_error
       FROM wahook.outbox WHERE split_part(payload #>> '{content,text}', ' ', 2) = ANY ($1::text[])`,
      [missing],
    );
    return Map.groupBy(rows, ({ name }) => name);
  }

  /** The dead letters that are not about one of the messages in `known`. */
  async #dead(table: 'inbox' | 'outbox', known: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ event_key: string; code: string | null }>(
      `SELECT event_key, last_error ->> 'code' AS code FROM wahook.${table} WHERE state = 'dead' ORDER BY seq LIMIT 1000`,
    );
    return rows
      .filter(({ event_key }) => !known.includes(nameOf(event_key)))
      .map(({ event_key, code }) => `dead letter in the ${table}: ${event_key} (${code ?? 'no reason'})`);
  }
}

/** `m|106540352242922|wamid.C12N3` is about `c12-3`. */
function nameOf(eventKey: string): string {
  return `c${eventKey.slice(KEY_PREFIX.length).replace('N', '-')}`;
}

function fateOf(inbox: InboxRow | undefined, outbox: readonly OutboxRow[]): Fate {
  if (inbox === undefined) return { kind: 'lost', what: 'acked, but there is no row in the inbox' };
  const { state, claims, failures, last_error: error } = inbox;
  const row = `inbox row ${state}, claims ${claims}, failures ${failures}${error?.code ? `, ${error.code}` : ''}`;
  if (outbox.length === 0) return { kind: 'lost', what: `acked; ${row}; no reply in the outbox` };
  const replies = outbox.map(
    (reply) =>
      `reply ${reply.event_key} ${reply.state}, delivery ${reply.delivery ?? '-'}, ${reply.last_error?.code ?? '-'}`,
  );
  return { kind: state === 'done' ? 'reply lost' : 'lost', what: `acked; ${row}; ${replies.join('; ')}` };
}
