import type { Db } from 'pg-boss';
import type { QueueName } from '../../core/ports/queue.ts';

/** What names one attempt of a lane's job to pg-boss. */
export interface Attempt {
  readonly id: string;
  readonly retryCount: number;
}

/** Lanes after a heartbeat; those in neither are lost. */
export interface Heartbeat<Claim> {
  /** Ours, and nobody takes them within the lease. */
  readonly proven: ReadonlySet<Claim>;
  /** Ours when they were looked at, and in somebody's hand: most likely of a settlement of ours. */
  readonly busy: ReadonlySet<Claim>;
}

const STILL_HELD = `
  name = $1 AND id = ANY ($2::uuid[]) AND state = 'active' AND (id::text || ':' || retry_count::text) = ANY ($3::text[])`;

/**
 * What pg-boss's own `touch` does, for the jobs that nobody has locked. That one waits for a settlement while it has locked what the
 * settlement wants next (first the lanes that stay, then those that are left): a deadlock now and then, and a heartbeat of all lanes that
 * waited for the slowest of them. A job that is locked needs none: a settlement beats itself, or gives the lane up.
 */
const BEAT = `
  WITH free AS (
    SELECT id FROM pgboss.job WHERE ${STILL_HELD} FOR NO KEY UPDATE SKIP LOCKED
  ), beaten AS (
    UPDATE pgboss.job SET heartbeat_on = pgboss.job_now() FROM free WHERE name = $1 AND job.id = free.id RETURNING job.id
  )
  SELECT id, id IN (SELECT id FROM beaten) AS proven FROM pgboss.job WHERE ${STILL_HELD}`;

/** Says that the worker which holds these lanes lives. Waits for nobody. */
export async function beat<Claim extends Attempt>(
  db: Db,
  queue: QueueName,
  claims: readonly Claim[],
): Promise<Heartbeat<Claim>> {
  const ids = claims.map(({ id }) => id);
  const attempts = claims.map(({ id, retryCount }) => `${id}:${retryCount}`);
  const { rows } = await db.executeSql(BEAT, [queue, ids, attempts]);
  const provenOf = new Map((rows as { id: string; proven: boolean }[]).map(({ id, proven }) => [id, proven]));
  return {
    proven: new Set(claims.filter(({ id }) => provenOf.get(id) === true)),
    busy: new Set(claims.filter(({ id }) => provenOf.get(id) === false)),
  };
}
