import type { Json } from '../core/model.ts';
import type { HandlerRun } from '../core/ports/bot.ts';
import { storableState } from '../core/storable-state.ts';

/** A question whose answer is to come. */
export interface Asked {
  readonly name: string;
  /** A message that was sent later, by Meta's clock, is no answer any more. */
  readonly untilMs?: number;
}

/** What the bot keeps about a conversation, as it is stored. */
interface Document {
  readonly session?: Json;
  readonly asked?: Asked;
}

/** State of one conversation that is kept from message to message, typed by the bot. */
export interface Session<State> {
  /**
   * The state, read from the store at the first call of a run. It may be changed in place: what it is when the handler has
   * succeeded is stored together with the fact that the message is handled. @throws WahookError `storage_unavailable`
   */
  get(): Promise<State>;
  /** Replaces it. @throws WahookError `invalid_state` if it is no JSON or larger than 64 kB */
  set(state: NonNullable<State>): void;
  /** Forgets it: the next `get` begins anew. */
  clear(): void;
}

/** `before`: as JSON, what it was when it was read; unchanged since then it needs no writing. */
interface Current {
  readonly value: unknown;
  readonly before?: string | undefined;
}

/** One run's view of its conversation. Reads the store only if asked to, and writes only what has changed. */
export class Conversation implements Session<unknown> {
  readonly #key: string;
  readonly #run: Pick<HandlerRun, 'load' | 'keep'>;
  readonly #initial: () => unknown;
  #stored: Promise<Document> | undefined;
  #session: Current | undefined;
  #asked: { readonly now: Asked | undefined } | undefined;
  #isAnswered = false;

  constructor(key: string, run: Pick<HandlerRun, 'load' | 'keep'>, initial: () => unknown) {
    this.#key = key;
    this.#run = run;
    this.#initial = initial;
  }

  async get(): Promise<unknown> {
    if (this.#session === undefined) {
      const { session } = await this.#document();
      const value = session === undefined ? this.#initial() : structuredClone(session);
      this.#session ??= { value, before: JSON.stringify(value) };
    }
    if (this.#session.value === undefined) this.#session = { value: this.#initial() };
    return this.#session.value;
  }

  set(state: unknown): void {
    storableState(state, 'ctx.session');
    this.#session = { value: state };
  }

  clear(): void {
    this.#session = { value: undefined };
  }

  async asked(): Promise<Asked | undefined> {
    return this.#asked === undefined ? (await this.#document()).asked : this.#asked.now;
  }

  ask(asked: Asked | undefined): void {
    this.#asked = { now: asked };
  }

  /** The question is answered by the message of this run. */
  answer(): void {
    this.#isAnswered = true;
    this.ask(undefined);
  }

  /** Has what has changed kept with the run. @throws WahookError `invalid_state` */
  async save(): Promise<void> {
    if (this.#session === undefined && this.#asked === undefined) return;
    const before = await this.#document();
    const after = this.#after(before);
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    this.#run.keep(this.#key, Object.keys(after).length === 0 ? null : (after as Json));
  }

  /** As before the run, but that the question which its message answers is answered: else the next message would meet the same. */
  reset(): void {
    this.#session = undefined;
    this.#asked = this.#isAnswered ? { now: undefined } : undefined;
  }

  #after(before: Document): Document {
    const session = isUnchanged(this.#session) ? before.session : kept(this.#session?.value);
    const asked = this.#asked === undefined ? before.asked : this.#asked.now;
    return { ...(asked !== undefined && { asked }), ...(session !== undefined && { session }) };
  }

  /** With its properties in one order, so that two can be compared as texts. */
  #document(): Promise<Document> {
    this.#stored ??= this.#run.load(this.#key).then((stored) => {
      const { asked, session } = (stored ?? {}) as Document;
      return { ...(asked !== undefined && { asked }), ...(session !== undefined && { session }) };
    });
    return this.#stored;
  }
}

function isUnchanged(session: Current | undefined): boolean {
  return session === undefined || (session.before !== undefined && session.before === JSON.stringify(session.value));
}

function kept(value: unknown): Json | undefined {
  return value === undefined || value === null ? undefined : storableState(value, 'ctx.session');
}
