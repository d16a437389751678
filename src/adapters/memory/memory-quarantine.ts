import type { Clock, Quarantine, QuarantinedPiece } from '../../core/ports.ts';

/** Beyond it the oldest pieces go: whoever can sign webhooks must not be able to fill the memory. */
const MAX_PIECES = 10_000;

type KeptPiece = Awaited<ReturnType<Quarantine['list']>>[number];

/** Pieces in this process's memory, for tests and for trying things out: they are gone with the process. */
export class MemoryQuarantine implements Quarantine {
  readonly #clock: Clock;
  readonly #maxPieces: number;
  /** By what makes two pieces the same, the oldest first. */
  readonly #pieces = new Map<string, KeptPiece>();
  #lastId = 0;

  constructor(clock: Clock, { maxPieces = MAX_PIECES }: { readonly maxPieces?: number } = {}) {
    this.#clock = clock;
    this.#maxPieces = maxPieces;
  }

  async keep(pieces: readonly QuarantinedPiece[]): Promise<void> {
    for (const { reason, path, raw } of pieces) {
      const identity = `${reason}\0${path}\0${Buffer.from(raw).toString('latin1')}`;
      if (this.#pieces.has(identity)) continue;
      this.#lastId += 1;
      const id = String(this.#lastId);
      this.#pieces.set(identity, { id, reason, path, raw: raw.slice(), keptAtMs: this.#clock.now() });
    }
    const tooMany = Math.max(0, this.#pieces.size - this.#maxPieces);
    for (const identity of [...this.#pieces.keys()].slice(0, tooMany)) this.#pieces.delete(identity);
  }

  async list(limit: number): Promise<readonly KeptPiece[]> {
    const newestFirst = [...this.#pieces.values()].reverse();
    return newestFirst.slice(0, limit).map((piece) => ({ ...piece, raw: piece.raw.slice() }));
  }
}
