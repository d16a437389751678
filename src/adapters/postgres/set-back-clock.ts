import type { QueueName } from '../../core/ports/queue.ts';
import type { Queryable } from './database.ts';

/** No lane's job is put off by more than its retry delay of 1 s, and no heartbeat is yet to come: what is further ahead is of before the clock was set back. */
const AHEAD_MS = 5_000;

/** Lanes a second and queue that are freed. */
const LANES = 1_000;

/** Retries that are moved, those that are due first: 0.5 s of PostgreSQL. The others come as late as the clock was ahead. */
const RETRIES = 10_000;

/** `now()` is the moment of BEGIN: to a process that stood still since then, what others did meanwhile would lie in the future. */
const AHEAD = `statement_timestamp() + interval '${AHEAD_MS} ms'`;

/**
 * By the index of live jobs. Of those that wait it is read from its end: one probe of 0.02 ms among 100,000 (measured 2026-11), and the order keeps the
 * planner from any other index. Active ones are no more than there are workers.
 */
const aheadIn = (state: 'created' | 'retry' | 'active', moment: 'start_after' | 'heartbeat_on') => `
  (SELECT id FROM pgboss.job WHERE name = $1 AND state = '${state}' AND NOT blocked AND ${moment} > ${AHEAD}
   ORDER BY ${moment} DESC LIMIT ${LANES} FOR NO KEY UPDATE SKIP LOCKED)`;

const FREE_LANES = `
  WITH waiting AS (
    SELECT id FROM ${aheadIn('created', 'start_after')} AS created
    UNION ALL SELECT id FROM ${aheadIn('retry', 'start_after')} AS again
  ), active AS (
    SELECT id FROM ${aheadIn('active', 'heartbeat_on')} AS active
  ), woken AS (
    UPDATE pgboss.job SET start_after = statement_timestamp(), created_on = LEAST(created_on, statement_timestamp())
    FROM waiting WHERE name = $1 AND job.id = waiting.id
  )
  UPDATE pgboss.job SET heartbeat_on = statement_timestamp() FROM active WHERE name = $1 AND job.id = active.id`;

/**
 * Lets workers have lanes whose job would be due only when the clock is back where it was. Of a worker that beat then nobody could tell
 * that it has died: it has a lease from now on.
 */
export async function freeLanesOfLaterTime(tx: Queryable, queue: QueueName): Promise<void> {
  await tx.query({ name: `${queue}-free-lanes-of-later-time`, text: FREE_LANES, values: [queue] });
}

/**
 * Moves retries back as far as the clock was set back, except for what was due sooner than `sweptAt`, the last sweep by the clock of before:
 * of that nobody can tell whether it was put off before or after.
 */
export async function moveRetriesBack(
  tx: Queryable,
  queue: QueueName,
  { sweptAt, setBackMs }: { readonly sweptAt: Date; readonly setBackMs: number },
): Promise<void> {
  if (setBackMs < AHEAD_MS) return;
  const table = queue === 'outbound' ? 'outbox' : 'inbox';
  await tx.query({
    text: `
      UPDATE wahook.${table} SET next_attempt_at = next_attempt_at - $3::float8 * interval '1 ms'
      WHERE seq = ANY (ARRAY(
        SELECT seq FROM wahook.${table} WHERE seq = ANY (ARRAY(
          SELECT seq FROM wahook.${table} WHERE queue = $1 AND state = 'waiting' AND next_attempt_at > $2
          ORDER BY next_attempt_at LIMIT ${RETRIES})) ORDER BY seq FOR UPDATE))`,
    values: [queue, sweptAt, setBackMs],
  });
}
