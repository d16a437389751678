import { MemoryMessageQueue } from '../../src/adapters/memory/memory-message-queue.ts';
import { MemoryRows } from '../../src/adapters/memory/memory-rows.ts';
import { MemorySendRate } from '../../src/adapters/memory/memory-send-rate.ts';
import { PostgresSendRate } from '../../src/adapters/postgres/postgres-send-rate.ts';
import { PostgresSendingNumbers } from '../../src/adapters/postgres/postgres-sending-numbers.ts';
import type { SendLimits } from '../../src/core/send-limits.ts';
import { startPglite, startPostgres } from '../support/postgres.ts';
import { type OpenQueues, openPgliteQueues, openPostgresQueues } from '../support/queues.ts';
import { silentLog } from '../support/recording.ts';
import { type OpenSendRate, sendRateContract } from './send-rate.contract.ts';

async function openMemory(limits: SendLimits): Promise<OpenSendRate> {
  let aheadMs = 0;
  const rows = new MemoryRows();
  const queue = new MemoryMessageQueue(rows);
  const rate = new MemorySendRate(limits, rows, queue, { now: () => Date.now() + aheadMs });
  const makeProbeDue = async () => {
    aheadMs = 60_000;
  };
  return { rate, elsewhere: rate, numbers: rate, queue, makeProbeDue, close: async () => queue.close() };
}

function onDatabase({ database, databaseElsewhere, queue, close }: OpenQueues, limits: SendLimits): OpenSendRate {
  const rate = new PostgresSendRate(database, limits, silentLog);
  const elsewhere = new PostgresSendRate(databaseElsewhere, limits, silentLog);
  return {
    ...{ rate, elsewhere, queue, numbers: new PostgresSendingNumbers(database, limits) },
    makeProbeDue: async (phoneNumberId) => {
      const text = 'UPDATE wahook.sending_number SET probe_at = now() WHERE phone_number_id = $1';
      await database.query({ text, values: [phoneNumberId] });
    },
    close: async () => {
      rate.close();
      elsewhere.close();
      await close();
    },
  };
}

describe('SendRate and SendingNumbers contract', () => {
  describe('MemorySendRate', () => sendRateContract(openMemory));

  describe('PostgresSendRate', () => {
    before(startPostgres);
    sendRateContract(async (limits) => onDatabase(await openPostgresQueues(), limits));
  });

  describe('PostgresSendRate on the embedded Postgres', () => {
    before(startPglite);
    sendRateContract(async (limits) => onDatabase(await openPgliteQueues(), limits));
  });
});
