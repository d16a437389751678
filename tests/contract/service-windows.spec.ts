import { MemoryServiceWindows } from '../../src/adapters/memory/memory-service-windows.ts';
import { PostgresServiceWindows } from '../../src/adapters/postgres/postgres-service-windows.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { type OpenQueues, openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { silentLog } from '../support/recording.ts';
import { type OpenServiceWindows, serviceWindowsContract } from './service-windows.contract.ts';

function onDatabase({ database, databaseElsewhere, close }: OpenQueues): OpenServiceWindows {
  const windows = new PostgresServiceWindows(database, silentLog);
  const elsewhere = new PostgresServiceWindows(databaseElsewhere, silentLog);
  return {
    ...{ windows, elsewhere },
    close: async () => {
      await Promise.all([windows.close(), elsewhere.close()]);
      await close();
    },
  };
}

describe('ServiceWindows contract', () => {
  describe('MemoryServiceWindows', () =>
    serviceWindowsContract(async () => {
      const windows = new MemoryServiceWindows(Date);
      return { windows, elsewhere: windows, close: async () => {} };
    }));

  describe('PostgresServiceWindows', () => {
    before(startPostgres);
    serviceWindowsContract(async () => onDatabase(await openPostgresQueues()));
  });

  describe('PostgresServiceWindows on the embedded Postgres', () => {
    before(startPglite);
    serviceWindowsContract(async () => onDatabase(await openPgliteQueues()));
  });
});
