import type { Database } from '../src/adapters/postgres/database.ts';
import { LaneScheduler } from '../src/adapters/postgres/lane-scheduler.ts';
import { laneOf } from '../src/core/lanes.ts';
import type { StatusUpdate } from '../src/core/model.ts';
import { silentLog } from '../tests/support/recording.ts';
import { decodedMessages } from './messages.ts';
import { SETTINGS } from './webhooks.ts';

/** A million rows of 900 bytes take longer than a statement of the service may. */
const LONG = { statementMs: 600_000 };

/** How long the wake-ups of all lanes may take. */
const AWAKE_SECONDS = 600;

export interface Backlog {
  readonly queue: 'messages' | 'statuses';
  readonly jobs: number;
  readonly conversations: number;
}

/** Puts rows there as the intake would, by SQL alone, and wakes their lanes as it does; resolves to how many seconds that took. */
export async function makeBacklog(database: Database, backlog: Backlog): Promise<number> {
  if (backlog.queue === 'statuses') await makeStatuses(database, backlog);
  else await makeMessages(database, backlog);
  await database.transaction((tx) => tx.query({ text: 'ANALYZE' }), LONG);
  return await wakeAll(database, backlog.queue);
}

/** Message by message from one conversation after the other, all with the same words. */
async function makeMessages(database: Database, { jobs, conversations }: Backlog): Promise<void> {
  const [sample] = decodedMessages(1, 1);
  await database.transaction(
    (tx) =>
      tx.query({
        text: `INSERT INTO wahook.inbox (queue, lane, event_key, event_day, payload)
               SELECT 'messages', 'conversation ' || place % $2::integer, 'm|' || place, 0, $3::jsonb
               FROM generate_series(1, $1::integer) AS place`,
        values: [jobs, conversations, JSON.stringify(sample?.event)],
      }),
    LONG,
  );
}

/** `sent`, `delivered` and `read` of each message, in the lanes that this version gives them. */
async function makeStatuses(database: Database, { jobs, conversations }: Backlog): Promise<void> {
  const lanes = Array.from({ length: conversations }, (_, index) => laneOf(statusOf(index)));
  await database.transaction(async (tx) => {
    await tx.query({
      text: `INSERT INTO wahook.outbox (queue, lane, event_key, event_day, payload, state, wamid, settled_at)
             SELECT 'outbound', (place % $2::integer)::text, 'send-' || place, 0, '{}', 'done', 'wamid.' || place, now()
             FROM generate_series(0, $1::integer) AS place`,
      values: [Math.ceil(jobs / 3), conversations],
    });
    await tx.query({
      text: `INSERT INTO wahook.inbox (queue, lane, event_key, event_day, payload)
             SELECT 'statuses', ($3::text[])[1 + message % $2::integer], 's|' || place, 0,
                    $4::jsonb || jsonb_build_object('messageId', 'wamid.' || message, 'sendId', 'send-' || message,
                      'status', word, 'reported', word,
                      'recipient', jsonb_build_object('waId', (15550100000 + message % $2::integer)::text))
             FROM (SELECT place, place / 3 AS message, ('{sent,delivered,read}'::text[])[1 + place % 3] AS word
                   FROM generate_series(0, $1::integer - 1) AS place) AS told`,
      values: [jobs, conversations, lanes, JSON.stringify(statusOf(0))],
    });
  }, LONG);
}

function statusOf(conversation: number): StatusUpdate {
  return {
    ...{ kind: 'status', status: 'sent', reported: 'sent', messageId: 'wamid.0', occurredAtMs: 1_790_000_000_000 },
    ...{ businessAccountId: '218765430912345', phoneNumberId: SETTINGS.WHATSAPP_PHONE_NUMBER_ID },
    recipient: { waId: String(15_550_100_000 + conversation) },
  };
}

async function wakeAll(database: Database, queue: Backlog['queue']): Promise<number> {
  const lanes = await database.transaction(
    (tx) =>
      tx.query<{ lane: string }>({ text: 'SELECT DISTINCT lane FROM wahook.inbox WHERE queue = $1', values: [queue] }),
    LONG,
  );
  const scheduler = new LaneScheduler({ boss: database.bossOptions(), log: silentLog });
  await scheduler.start();
  const startedMs = performance.now();
  scheduler.wake(
    queue,
    lanes.map(({ lane }) => lane),
  );
  await scheduler.close();
  const seconds = (performance.now() - startedMs) / 1_000;
  const [row] = await database.query<{ awake: number }>({
    text: 'SELECT count(*) AS awake FROM pgboss.job WHERE name = $1',
    values: [queue],
  });
  if (seconds > AWAKE_SECONDS || row?.awake !== lanes.length) throw new Error('not all lanes were woken');
  await database.transaction((tx) => tx.query({ text: 'ANALYZE pgboss.job' }), LONG);
  return seconds;
}
