/** A place at the gate. Whoever has one must leave it, entered or not. */
export interface Turn {
  /** Undefined if it may begin at once, else resolves when it may. */
  readonly entered: Promise<void> | undefined;
  /** Repeating it is harmless. */
  leave(): void;
}

interface Ticket {
  readonly alone: boolean;
  readonly admit: () => void;
}

/**
 * Lets the runs of one process go on side by side, but one by itself that asks for it: what runs already finishes first, and
 * nothing new begins meanwhile. First come, first served, so that neither kind starves the other.
 */
export class RunGate {
  readonly #running = new Set<Ticket>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Ticket>();

  enter(alone: boolean): Turn {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ticket = { alone, admit: resolve };
    this.#waiting.add(ticket);
    this.#admit();
    return { entered: this.#running.has(ticket) ? undefined : promise, leave: () => this.#leave(ticket) };
  }

  #leave(ticket: Ticket): void {
    this.#running.delete(ticket);
    this.#waiting.delete(ticket);
    this.#admit();
  }

  #admit(): void {
    for (const ticket of this.#waiting) {
      const isShut = ticket.alone ? this.#running.size > 0 : [...this.#running].some(({ alone }) => alone);
      if (isShut) return;
      this.#waiting.delete(ticket);
      this.#running.add(ticket);
      ticket.admit();
    }
  }
}
