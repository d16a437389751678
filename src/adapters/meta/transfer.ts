/** In milliseconds. */
export interface TransferLimits {
  /** Until the answer begins. */
  readonly answerMs: number;
  /** Without a byte a transfer counts as broken. */
  readonly silenceMs: number;
  readonly totalMs: number;
}

/** The time limits of one transfer. Time that the other end of it takes (a disk, a bot) does not count as silence. */
export class Transfer {
  readonly #limits: TransferLimits;
  readonly #late = new AbortController();
  readonly #total: NodeJS.Timeout;
  #timer: NodeJS.Timeout | undefined;
  /** Aborted when a limit is over, by the caller, or in the end. */
  readonly signal: AbortSignal;

  constructor(limits: TransferLimits, signal?: AbortSignal) {
    this.#limits = limits;
    this.signal = signal === undefined ? this.#late.signal : AbortSignal.any([signal, this.#late.signal]);
    this.#total = setTimeout(() => this.#late.abort(), limits.totalMs);
  }

  /** What comes of `answer`, which has `answerMs` from now on, or from the last byte that went out. */
  async answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
    this.#within(this.#limits.answerMs);
    try {
      return await answer;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** The pieces as they come; each may keep us waiting for `silenceMs`. */
  async *incoming(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#within(this.#limits.silenceMs);
    for await (const piece of pieces) {
      clearTimeout(this.#timer);
      yield piece;
      this.#within(this.#limits.silenceMs);
    }
    clearTimeout(this.#timer);
  }

  /** The pieces as they go out: as long as they do, the answer is not late. */
  async *outgoing(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      // An answer that came before all of it was sent leaves nothing to send it for.
      this.signal.throwIfAborted();
      this.#within(this.#limits.answerMs);
      yield piece;
    }
  }

  /** To be called in the end, however it ended: what still comes or goes is broken off, so that its connection closes. */
  end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#total);
    this.#late.abort();
  }

  #within(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#late.abort(), ms);
  }
}
