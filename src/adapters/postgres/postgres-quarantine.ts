import { createHash } from 'node:crypto';
import type { Quarantine, QuarantinedPiece, QuarantineReason } from '../../core/ports.ts';
import type { Database } from './database.ts';

/** Sorted for the same reason as event keys: two that insert the same in different orders wait for each other. */
const KEEP = `
  INSERT INTO wahook.quarantine (reason, path, raw, digest)
  SELECT reason, path, raw, digest
  FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS piece (reason, path, raw, digest) ORDER BY digest
  ON CONFLICT (digest) DO NOTHING`;

const LIST = 'SELECT id, reason, path, raw, kept_at FROM wahook.quarantine ORDER BY id DESC LIMIT $1';

interface Row {
  readonly id: number;
  readonly reason: QuarantineReason;
  readonly path: string;
  readonly raw: Uint8Array;
  readonly kept_at: Date;
}

/** The table `quarantine`. Keeps pieces until somebody deletes them. */
export class PostgresQuarantine implements Quarantine {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async keep(pieces: readonly QuarantinedPiece[]): Promise<void> {
    if (pieces.length === 0) return;
    await this.#database.query({
      name: 'quarantine-keep',
      text: KEEP,
      values: [
        pieces.map(({ reason }) => reason),
        pieces.map(({ path }) => path),
        pieces.map(({ raw }) => raw),
        pieces.map(digestOf),
      ],
    });
  }

  async list(limit: number): ReturnType<Quarantine['list']> {
    const rows = await this.#database.query<Row>({ text: LIST, values: [limit] });
    return rows.map(({ id, reason, path, raw, kept_at }) => ({
      id: String(id),
      reason,
      path,
      raw: new Uint8Array(raw),
      keptAtMs: kept_at.getTime(),
    }));
  }
}

/** NUL occurs in neither reason nor path, so no two pieces are written alike. */
function digestOf({ reason, path, raw }: QuarantinedPiece): Buffer {
  return createHash('sha256').update(`${reason}\0${path}\0`).update(raw).digest();
}
