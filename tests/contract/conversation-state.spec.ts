import { MemoryConversationState } from '../../src/adapters/memory/memory-conversation-state.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { PostgresConversationState } from '../../src/adapters/postgres/postgres-conversation-state.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { type OpenQueues, openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { conversationStateContract, type OpenConversationState } from './conversation-state.contract.ts';

function withState({ database, databaseElsewhere, queue, close }: OpenQueues): OpenConversationState {
  const [state, elsewhere] = [database, databaseElsewhere].map((one) => new PostgresConversationState(one)) as [
    PostgresConversationState,
    PostgresConversationState,
  ];
  return { state, elsewhere, queue, close };
}

describe('ConversationState contract', () => {
  describe('MemoryConversationState', () =>
    conversationStateContract(async () => {
      const state = new MemoryConversationState();
      const queue = new MemoryMessageQueue(new MemoryRows(), { state });
      return { state, elsewhere: state, queue, close: async () => queue.close() };
    }));

  describe('PostgresConversationState', () => {
    before(startPostgres);
    conversationStateContract(async () => withState(await openPostgresQueues()));
  });

  describe('PostgresConversationState on the embedded Postgres', () => {
    before(startPglite);
    conversationStateContract(async () => withState(await openPgliteQueues()));
  });
});
