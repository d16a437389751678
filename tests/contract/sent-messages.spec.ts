import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { MemorySentMessages } from '../../src/adapters/memory/memory-sent-messages.ts';
import { PostgresSentMessages } from '../../src/adapters/postgres/postgres-sent-messages.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { type OpenQueues, openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { type OpenSentMessages, sentMessagesContract } from './sent-messages.contract.ts';

function withSentMessages({ database, queue, close }: OpenQueues): OpenSentMessages {
  return { sent: new PostgresSentMessages(database, queue.lanes), queue, close };
}

describe('SentMessages contract', () => {
  describe('MemorySentMessages', () =>
    sentMessagesContract(async () => {
      const rows = new MemoryRows();
      const queue = new MemoryMessageQueue(rows);
      return { sent: new MemorySentMessages(rows, queue), queue, close: async () => queue.close() };
    }));

  describe('PostgresSentMessages', () => {
    before(startPostgres);
    sentMessagesContract(async () => withSentMessages(await openPostgresQueues()));
  });

  describe('PostgresSentMessages on the embedded Postgres', () => {
    before(startPglite);
    sentMessagesContract(async () => withSentMessages(await openPgliteQueues()));
  });
});
