import { isWahookError } from '../../core/errors.ts';
import type { Database } from './database.ts';
import { pendingMigrations } from './migrate.ts';

/** One word per thing that a process needs from its database; `ok` everywhere means that webhooks can be taken. */
export interface StorageState {
  /** `read_only`: a standby, or a primary that was told to refuse writes. */
  readonly storage: 'ok' | 'read_only' | 'unavailable';
  /** `behind`: migrations are missing. `too_new`: a newer version of this service was here. */
  readonly schema: 'ok' | 'behind' | 'too_new' | 'unknown';
}

const WRITABLE = `SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writable`;

/** Looks whether the database can be written and has our schema. Writes nothing; never rejects. */
export async function probeStorage(database: Database): Promise<StorageState> {
  try {
    const [row] = await database.query<{ readonly writable: boolean }>({ text: WRITABLE });
    const schema = (await pendingMigrations(database)).length === 0 ? 'ok' : 'behind';
    return { storage: row?.writable === true ? 'ok' : 'read_only', schema };
  } catch (error) {
    if (isWahookError(error, 'schema_too_new')) return { storage: 'ok', schema: 'too_new' };
    return { storage: 'unavailable', schema: 'unknown' };
  }
}

/**
 * The names of the server's settings by which it may lose at a crash what it has confirmed; none is as it should be. (What a
 * session can set, `synchronous_commit`, ours do set.) @throws WahookError `storage_unavailable`
 */
export async function unsafeSettings(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ readonly name: string }>({
    text: `SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name`,
  });
  return rows.map(({ name }) => name);
}

/** The id of this very database, the same for as long as it exists. @throws WahookError `storage_unavailable` */
export async function installationId(database: Database): Promise<string> {
  const [row] = await database.query<{ readonly id: string }>({ text: 'SELECT id FROM wahook.installation' });
  return String(row?.id);
}
