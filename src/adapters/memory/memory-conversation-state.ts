import type { Json } from '../../core/model.ts';
import type { ConversationState, OnceCall, StateWrite } from '../../core/ports/bot.ts';

/** What bots keep, in this process's memory. A `MemoryMessageQueue` with it writes it. Nothing is ever forgotten by itself. */
export class MemoryConversationState implements ConversationState {
  /** JSON: whoever gets a value gets a copy, as from a database. */
  readonly #documents = new Map<string, string>();
  readonly #calls = new Map<string, Map<string, string>>();

  async load(conversation: string): Promise<Json | undefined> {
    const document = this.#documents.get(conversation);
    return document === undefined ? undefined : (JSON.parse(document) as Json);
  }

  async calls(job: string): Promise<ReadonlyMap<string, OnceCall>> {
    const calls = [...(this.#calls.get(job) ?? [])];
    return new Map(calls.map(([name, call]) => [name, JSON.parse(call) as OnceCall]));
  }

  /** For the queue. Later writes replace earlier ones. */
  write(writes: readonly StateWrite[]): void {
    for (const write of writes) {
      if (write.kind === 'conversation') put(this.#documents, write.conversation, write.document);
      else put(this.#callsOf(write.job), write.name, write.call);
    }
  }

  #callsOf(job: string): Map<string, string> {
    const calls = this.#calls.get(job) ?? new Map<string, string>();
    this.#calls.set(job, calls);
    return calls;
  }
}

function put(map: Map<string, string>, key: string, value: object | Json): void {
  if (value === null) map.delete(key);
  else map.set(key, JSON.stringify(value));
}
