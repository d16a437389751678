import { GraphGateway } from '../../src/adapters/meta/graph-gateway.ts';
import type { Database } from '../../src/adapters/postgres/database.ts';
import { PostgresDedupStore } from '../../src/adapters/postgres/postgres-dedup-store.ts';
import { PostgresMessageQueue } from '../../src/adapters/postgres/postgres-message-queue.ts';
import { PostgresSendRate } from '../../src/adapters/postgres/postgres-send-rate.ts';
import { PostgresSendingNumbers } from '../../src/adapters/postgres/postgres-sending-numbers.ts';
import { PostgresSentMessages } from '../../src/adapters/postgres/postgres-sent-messages.ts';
import type { SendLimits } from '../../src/core/send-limits.ts';
import { SendMessage } from '../../src/core/send-message.ts';
import { TIME_LIMITS } from '../../src/time-limits.ts';
import { RecordingMetrics, silentLog } from './recording.ts';

const NO_LIMITS: SendLimits = {
  limitsOf: () => ({ perSecond: 100_000, credential: 'test' }),
  pair: { intervalMs: 0, burst: 45 },
};

export interface OpenSender {
  readonly queue: PostgresMessageQueue;
  readonly sender: SendMessage;
  close(): Promise<void>;
}

/** The sending half of a worker, with a settle wait of a second. Consumes nothing by itself. */
export async function openSender(database: Database, apiUrl: string): Promise<OpenSender> {
  const metrics = new RecordingMetrics();
  const dedup = new PostgresDedupStore(database);
  const queue = new PostgresMessageQueue({ database, dedup, log: silentLog, metrics, stopDeadlineMs: 1_000 });
  await queue.start();
  const gateway = new GraphGateway({
    apiUrl,
    accessToken: 'EAAGtesttokentesttokentesttoken',
    metrics,
    limits: TIME_LIMITS.graph,
  });
  const options = { settleWaitMs: 1_000, onUnsettled: 'resend' } as const;
  const sender = new SendMessage(
    gateway,
    new PostgresSentMessages(database, queue.lanes),
    {
      rate: new PostgresSendRate(database, NO_LIMITS, silentLog),
      numbers: new PostgresSendingNumbers(database, NO_LIMITS),
    },
    silentLog,
    metrics,
    Date,
    options,
  );
  const close = async () => {
    await queue.close();
    await gateway.close();
  };
  return { queue, sender, close };
}
