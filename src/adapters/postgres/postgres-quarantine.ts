import { createHash } from 'node:crypto';
import type {
  KeptPiece,
  Quarantine,
  QuarantinedPiece,
  QuarantinePage,
  QuarantineReason,
  Unit,
} from '../../core/ports/receiving.ts';
import type { Database } from './database.ts';
import { queryableOf } from './postgres-unit.ts';

/**
 * Numbered in the order given, then sorted for the same reason as event keys: two that insert the same in different orders
 * wait for each other.
 */
const KEEP = `
  WITH numbered AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('wahook.quarantine', 'id')) AS id, reason, path, raw, digest
    FROM (
      SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])
        WITH ORDINALITY AS piece (reason, path, raw, digest, place)
      ORDER BY place
    ) AS given
  )
  INSERT INTO wahook.quarantine (id, reason, path, raw, digest) OVERRIDING SYSTEM VALUE
  SELECT id, reason, path, raw, digest FROM numbered ORDER BY digest, id
  ON CONFLICT (digest) DO NOTHING`;

const LIST = `
  SELECT id, reason, path, length(raw) AS bytes, kept_at FROM wahook.quarantine
  WHERE ($2::text IS NULL OR reason = $2) AND ($3::bigint IS NULL OR id < $3)
  ORDER BY id DESC LIMIT $1`;

const FIND = 'SELECT id, reason, path, length(raw) AS bytes, kept_at, raw FROM wahook.quarantine WHERE id = $1';

/** Locked in one order before they are deleted, so that two who remove the same do not wait for each other. */
const REMOVE = `
  WITH held AS (SELECT id FROM wahook.quarantine WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE)
  DELETE FROM wahook.quarantine WHERE id IN (SELECT id FROM held) RETURNING id`;

/** What fits into a number and a bigint; the ids of this table will not get there. */
const ID = /^\d{1,15}$/;

interface Row {
  readonly id: number;
  readonly reason: QuarantineReason;
  readonly path: string;
  readonly bytes: number;
  readonly kept_at: Date;
}

/** The table `quarantine`. Keeps pieces until they are removed. */
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

  async list({ limit, reason, before }: QuarantinePage): Promise<readonly KeptPiece[]> {
    const values = [limit, reason ?? null, before ?? null];
    return (await this.#database.query<Row>({ text: LIST, values })).map(pieceOf);
  }

  async find(id: string): Promise<(KeptPiece & { readonly raw: Uint8Array }) | undefined> {
    if (!ID.test(id)) return undefined;
    const [row] = await this.#database.query<Row & { readonly raw: Uint8Array }>({ text: FIND, values: [id] });
    return row && { ...pieceOf(row), raw: new Uint8Array(row.raw) };
  }

  async remove(ids: readonly string[], unit?: Unit): Promise<readonly string[]> {
    const tx = (unit && queryableOf(unit, this.#database)) ?? this.#database;
    const rows = await tx.query<Pick<Row, 'id'>>({ text: REMOVE, values: [ids.filter((id) => ID.test(id))] });
    return rows.map(({ id }) => String(id));
  }
}

function pieceOf({ id, reason, path, bytes, kept_at }: Row): KeptPiece {
  return { id: String(id), reason, path, bytes, keptAtMs: kept_at.getTime() };
}

/** NUL occurs in neither reason nor path, so no two pieces are written alike. */
function digestOf({ reason, path, raw }: QuarantinedPiece): Buffer {
  return createHash('sha256').update(`${reason}\0${path}\0`).update(raw).digest();
}
