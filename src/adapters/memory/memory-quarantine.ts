import type { Clock } from '../../core/ports/observation.ts';
import type { KeptPiece, Quarantine, QuarantinedPiece, QuarantinePage, Unit } from '../../core/ports/receiving.ts';
import { joinUnit } from './memory-unit.ts';

/** Beyond it the oldest pieces go: whoever can sign webhooks must not be able to fill the memory. */
const MAX_PIECES = 10_000;

type KeptWithBytes = KeptPiece & { readonly raw: Uint8Array };

/** Pieces in this process's memory, for tests and for trying things out: they are gone with the process. */
export class MemoryQuarantine implements Quarantine {
  readonly #clock: Clock;
  readonly #maxPieces: number;
  /** By what makes two pieces the same, the oldest first. */
  readonly #pieces = new Map<string, KeptWithBytes>();
  #lastId = 0;

  constructor(clock: Clock, { maxPieces = MAX_PIECES }: { readonly maxPieces?: number } = {}) {
    this.#clock = clock;
    this.#maxPieces = maxPieces;
  }

  async keep(pieces: readonly QuarantinedPiece[]): Promise<void> {
    for (const { reason, path, raw } of pieces) {
      const identity = identityOf({ reason, path, raw });
      if (this.#pieces.has(identity)) continue;
      this.#lastId += 1;
      const kept = { id: String(this.#lastId), reason, path, bytes: raw.length, keptAtMs: this.#clock.now() };
      this.#pieces.set(identity, { ...kept, raw: raw.slice() });
    }
    const tooMany = Math.max(0, this.#pieces.size - this.#maxPieces);
    for (const identity of [...this.#pieces.keys()].slice(0, tooMany)) this.#pieces.delete(identity);
  }

  async list({ limit, reason, before }: QuarantinePage): Promise<readonly KeptPiece[]> {
    return [...this.#pieces.values()]
      .filter((piece) => reason === undefined || piece.reason === reason)
      .filter(({ id }) => before === undefined || Number(id) < Number(before))
      .sort((a, b) => Number(b.id) - Number(a.id))
      .slice(0, limit)
      .map(({ raw: _, ...piece }) => piece);
  }

  async find(id: string): Promise<KeptWithBytes | undefined> {
    const found = [...this.#pieces.values()].find((piece) => piece.id === id);
    return found && { ...found, raw: found.raw.slice() };
  }

  /** Gone at once, so that nobody else gets it, and back if the unit fails. */
  async remove(ids: readonly string[], unit?: Unit): Promise<readonly string[]> {
    const removed = [...this.#pieces].filter(([, { id }]) => ids.includes(id));
    for (const [identity] of removed) this.#pieces.delete(identity);
    const putBack = () => {
      for (const [identity, piece] of removed) if (!this.#pieces.has(identity)) this.#pieces.set(identity, piece);
    };
    if (unit !== undefined) joinUnit(unit, () => {}, putBack);
    return removed.map(([, { id }]) => id);
  }
}

function identityOf({ reason, path, raw }: QuarantinedPiece): string {
  return `${reason}\0${path}\0${Buffer.from(raw).toString('latin1')}`;
}
