import type { Log } from '../../core/ports/observation.ts';
import type { ServiceWindows } from '../../core/ports/sending.ts';
import { WINDOW_MS, type WindowOpening, windowKeysOf } from '../../core/service-window.ts';
import type { Database } from './database.ts';
import { removeRows } from './remove-rows.ts';

/** Openings are written once in this time: one commit a second and process, whatever the number of messages. */
const WRITE_MS = 1_000;

/** Somebody who has not written for so long is forgotten; whether he may be written to is then up to Meta. */
const FORGOTTEN = '90 days';

/**
 * A time of Meta's that lies ahead of the database's clock is one of now. Rows in one order, against deadlocks. Each opening is
 * told twice, by who accepts the message and by who handles it: what is known already is only read, since a conflict would lock
 * its row.
 */
const WRITE = `
  INSERT INTO wahook.service_window AS known (person, opened_at)
  SELECT person, opened_at
  FROM (SELECT person, LEAST(now(), to_timestamp(opened_at_ms / 1000)) AS opened_at
        FROM unnest($1::text[], $2::float8[]) AS told (person, opened_at_ms)) AS given
  WHERE NOT EXISTS (SELECT FROM wahook.service_window AS one WHERE one.person = given.person AND one.opened_at >= given.opened_at)
  ORDER BY person COLLATE "C"
  ON CONFLICT (person) DO UPDATE SET opened_at = EXCLUDED.opened_at WHERE EXCLUDED.opened_at > known.opened_at`;

const READ = `
  SELECT (extract(epoch FROM max(opened_at)) * 1000)::float8 AS opened_at_ms
  FROM wahook.service_window WHERE person = ANY ($1::text[])`;

/** The windows in rows that all processes share. */
export class PostgresServiceWindows implements ServiceWindows {
  readonly #database: Database;
  readonly #log: Log;
  /** Not written yet. */
  readonly #opened = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  opened({ phoneNumberId, customer, openedAtMs }: WindowOpening): void {
    for (const person of windowKeysOf(phoneNumberId, customer))
      this.#opened.set(person, Math.max(openedAtMs, this.#opened.get(person) ?? 0));
    if (!this.#closed) this.#timer ??= setTimeout(() => void this.#write(), WRITE_MS).unref();
  }

  async closesAtMs(
    phoneNumberId: string,
    person: Parameters<ServiceWindows['closesAtMs']>[1],
  ): Promise<number | undefined> {
    const keys = windowKeysOf(phoneNumberId, person);
    const [row] = await this.#database.query<{ opened_at_ms: number | null }>({
      ...{ name: 'service-window-read', text: READ, values: [keys] },
    });
    const openedAtMs = Math.max(row?.opened_at_ms ?? 0, ...keys.map((key) => this.#opened.get(key) ?? 0));
    return openedAtMs === 0 ? undefined : openedAtMs + WINDOW_MS;
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#write();
  }

  #write(): Promise<void> {
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeNow());
    return this.#writing;
  }

  async #writeNow(): Promise<void> {
    const opened = new Map(this.#opened);
    if (opened.size === 0) return;
    try {
      const values = [[...opened.keys()], [...opened.values()]];
      await this.#database.query({ name: 'service-window-write', text: WRITE, values });
      // Known until it is written, so that no reply is refused in between.
      for (const [person, atMs] of opened) if (this.#opened.get(person) === atMs) this.#opened.delete(person);
    } catch {
      this.#log.debug('Customer service windows were not written; the next second tries again', {});
      if (!this.#closed) this.#timer ??= setTimeout(() => void this.#write(), WRITE_MS).unref();
    }
  }
}

/** For every hour. */
export async function forgetWindows(database: Database): Promise<void> {
  await removeRows(database, 'wahook.service_window', `opened_at < now() - interval '${FORGOTTEN}'`);
}
