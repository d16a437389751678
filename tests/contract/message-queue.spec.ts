import { MemoryDedupStore } from '../../src/adapters/memory/memory-dedup-store.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { messageQueueContract } from './message-queue.contract.ts';

describe('MessageQueue contract', () => {
  describe('MemoryMessageQueue', () =>
    messageQueueContract(async () => {
      const queue = new MemoryMessageQueue(new MemoryRows());
      return { queue, elsewhere: queue, dedup: new MemoryDedupStore(Date), close: async () => queue.close() };
    }));

  describe('PostgresMessageQueue', () => {
    before(startPostgres);
    messageQueueContract(() => openPostgresQueues());
  });

  describe('PostgresMessageQueue on the embedded Postgres', () => {
    before(startPglite);
    messageQueueContract(() => openPgliteQueues());
  });
});
