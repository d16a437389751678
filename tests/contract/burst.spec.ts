import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { burstContract } from './burst.contract.ts';

describe('Bursts', function () {
  this.timeout(30_000);

  describe('on a queue in memory', () =>
    burstContract(async () => {
      const queue = new MemoryMessageQueue(new MemoryRows());
      return { queue, elsewhere: queue, close: async () => queue.close() };
    }));

  describe('on PostgreSQL', () => {
    before(startPostgres);
    burstContract(openPostgresQueues);
  });

  describe('on the embedded Postgres', () => {
    before(startPglite);
    burstContract(openPgliteQueues);
  });
});
