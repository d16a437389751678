import type { Json } from '../../core/model.ts';
import type { ConversationState, OnceCall } from '../../core/ports/bot.ts';
import type { Database } from './database.ts';

/** What bots keep, as state-writes.ts has stored it. */
export class PostgresConversationState implements ConversationState {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async load(conversation: string): Promise<Json | undefined> {
    const [row] = await this.#database.query<{ document: Json }>({
      name: 'conversation-state-load',
      text: 'SELECT document FROM wahook.conversation_state WHERE conversation = $1',
      values: [conversation],
    });
    return row?.document;
  }

  async calls(job: string): Promise<ReadonlyMap<string, OnceCall>> {
    const rows = await this.#database.query<{ name: string; result: { value?: Json } | null }>({
      name: 'once-call-list',
      text: 'SELECT name, result FROM wahook.once_call WHERE job = $1',
      values: [job],
    });
    return new Map(rows.map(({ name, result }) => [name, callOf(result)]));
  }
}

function callOf(result: { readonly value?: Json } | null): OnceCall {
  if (result === null) return { state: 'begun' };
  return result.value === undefined ? { state: 'done' } : { state: 'done', result: result.value };
}
