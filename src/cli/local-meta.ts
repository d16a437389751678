/** A button or a row that a customer can choose. */
export interface Choice {
  readonly id: string;
  readonly title: string;
}

/** What a customer sees to choose from in the last interactive message to them; `text` is absent if there is none. */
export interface Choices {
  readonly text?: string;
  readonly buttons: readonly Choice[];
  readonly rows: readonly Choice[];
}

/** What became of a message of a customer. */
export interface Triggered {
  readonly wamid: string;
  readonly deliveries: readonly { readonly status: number; readonly ms: number }[];
  readonly replies: readonly {
    readonly type: string;
    readonly text?: string;
    readonly buttons?: readonly string[];
    readonly rows?: readonly string[];
  }[];
}

/** What the local Meta does not do, in its own words. */
export class MetaRefusal extends Error {}

/** The control API of the simulator that runs in a development server. All methods throw `MetaRefusal`, or what `fetch` throws. */
export class LocalMeta {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async choices(customer: string): Promise<Choices> {
    return (await this.#ask(`/_sim/choices?${new URLSearchParams({ customer })}`, {})) as Choices;
  }

  /** Resolves when the bot has replied and is quiet again, or has not within the time. @param waitMs for the reply */
  async send(from: string, content: object, waitMs: number): Promise<Triggered> {
    const wait = { wait: 'reply', timeoutMs: waitMs, quietMs: QUIET_MS };
    const body = JSON.stringify({ from, ...content, ...wait });
    const headers = { 'content-type': 'application/json' };
    return (await this.#ask('/_sim/messages', { method: 'POST', headers, body }, waitMs)) as Triggered;
  }

  async #ask(path: string, request: RequestInit, waitMs = 0): Promise<unknown> {
    const signal = AbortSignal.timeout(waitMs + ANSWER_LIMIT_MS);
    const response = await fetch(`${this.#url}${path}`, { ...request, signal });
    const answer = (await response.json()) as { readonly error?: { readonly message: string } };
    if (!response.ok) throw new MetaRefusal(answer.error?.message ?? `it answered ${response.status}`);
    return answer;
  }
}

/** One reply often comes with a second; they are sent one after the other. */
const QUIET_MS = 250;

/** Beyond what it waits for itself. */
const ANSWER_LIMIT_MS = 5_000;
