import { MemoryDeadLetters } from '../../src/adapters/memory/memory-dead-letters.ts';
import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { PostgresDeadLetters } from '../../src/adapters/postgres/postgres-dead-letters.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { type OpenQueues, openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { deadLettersContract, type OpenDeadLetters } from './dead-letters.contract.ts';

function withDeadLetters({ database, databaseElsewhere, queue, elsewhere, close }: OpenQueues): OpenDeadLetters {
  const letters = new PostgresDeadLetters(database, queue.lanes);
  return { letters, elsewhere: new PostgresDeadLetters(databaseElsewhere, elsewhere.lanes), queue, close };
}

describe('DeadLetters contract', function () {
  this.timeout(30_000);

  describe('MemoryDeadLetters', () =>
    deadLettersContract(async (options) => {
      const rows = new MemoryRows(options);
      const queue = new MemoryMessageQueue(rows);
      const letters = new MemoryDeadLetters(rows, queue);
      return { letters, elsewhere: letters, queue, close: async () => queue.close() };
    }));

  describe('PostgresDeadLetters', () => {
    before(startPostgres);
    deadLettersContract(async (options) => withDeadLetters(await openPostgresQueues(options)));
  });

  describe('PostgresDeadLetters on the embedded Postgres', () => {
    before(startPglite);
    deadLettersContract(async (options) => withDeadLetters(await openPgliteQueues(options)));
  });
});
