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
  const setClockBack = async () => {
    aheadMs -= 24 * 60 * 60 * 1000;
  };
  return { rate, elsewhere: rate, numbers: rate, queue, makeProbeDue, setClockBack, close: async () => queue.close() };
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
    setClockBack: async () => {
      const times = ['free_at', 'slowed_at', 'stopped_at', 'probe_at'].map(
        (time) => `${time} = ${time} + interval '1 day'`,
      );
      await database.query({
        text: `UPDATE wahook.sending_number SET ${times};
               UPDATE wahook.sending_pair SET free_at = free_at + interval '1 day';
               UPDATE wahook.sending_pause SET until = until + interval '1 day'`,
      });
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
