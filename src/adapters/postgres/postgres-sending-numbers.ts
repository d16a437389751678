import type { JobError } from '../../core/ports/queue.ts';
import type { SendingNumber, SendingNumbers } from '../../core/ports/sending.ts';
import { NUMBER_STOPPED, PROBE, type SendLimits, TOKEN_CODES } from '../../core/send-limits.ts';
import type { Database, Queryable } from './database.ts';
import { PACE } from './postgres-send-rate.ts';

/** What waits for a number may be one message for each of some 100,000 people: that takes longer than an answer to a webhook may. */
const RESUME_MS = 60_000;

interface NumberRow {
  readonly phone_number_id: string;
  readonly pace: number;
  readonly stopped: JobError | null;
  readonly stopped_at: Date | null;
  readonly probe_at: Date | null;
}

/** Which numbers send, in the rows of the limits; what waits for a number is in the outbox. */
export class PostgresSendingNumbers implements SendingNumbers {
  readonly #database: Database;
  readonly #limits: Pick<SendLimits, 'limitsOf'>;

  constructor(database: Database, limits: Pick<SendLimits, 'limitsOf'>) {
    this.#database = database;
    this.#limits = limits;
  }

  async list(): Promise<readonly SendingNumber[]> {
    const rows = await this.#database.query<NumberRow>({
      text: `SELECT phone_number_id, ${PACE} AS pace, stopped, stopped_at, NULLIF(probe_at, 'infinity') AS probe_at
             FROM wahook.sending_number ORDER BY phone_number_id`,
    });
    return rows.map(({ phone_number_id: phoneNumberId, pace, stopped, stopped_at, probe_at }) => ({
      ...{ phoneNumberId, pace },
      ...(stopped !== null && {
        stopped: {
          ...{ error: stopped, sinceMs: stopped_at?.getTime() ?? 0 },
          ...(probe_at !== null && { probeAtMs: probe_at.getTime() }),
        },
      }),
    }));
  }

  async stop(phoneNumberId: string, error: JobError, { byHand = false } = {}): Promise<boolean> {
    const rows = await this.#database.query({
      text: `
        INSERT INTO wahook.sending_number AS number (phone_number_id, stopped, stopped_at, credential, probe_at)
        VALUES ($1, $2, now(), $3, CASE WHEN $4 THEN 'infinity' ELSE now() + interval '${PROBE.leastMs} ms' END)
        ON CONFLICT (phone_number_id) DO UPDATE SET stopped = EXCLUDED.stopped, stopped_at = EXCLUDED.stopped_at,
          credential = EXCLUDED.credential, probe_at = EXCLUDED.probe_at, probes = 0
        WHERE number.stopped IS NULL OR ($4 AND number.probe_at <> 'infinity')
        RETURNING 1`,
      values: [phoneNumberId, JSON.stringify(error), this.#limits.limitsOf(phoneNumberId).credential, byHand],
    });
    return rows.length > 0;
  }

  resume(phoneNumberId: string): Promise<boolean> {
    return this.#database.transaction((tx) => resume(tx, phoneNumberId), { statementMs: RESUME_MS });
  }

  async resumeRenewed(): Promise<readonly string[]> {
    const refused = await this.#database.query<{ phone_number_id: string; credential: string }>({
      text: `SELECT phone_number_id, credential FROM wahook.sending_number WHERE stopped ->> 'code' = ANY ($1::text[])`,
      values: [TOKEN_CODES],
    });
    const resumed: string[] = [];
    for (const { phone_number_id: id, credential } of refused)
      if (this.#limits.limitsOf(id).credential !== credential && (await this.resume(id))) resumed.push(id);
    return resumed;
  }
}

/** What waits for the number is due at once; the sweep wakes its lanes within a second or so. */
async function resume(tx: Queryable, phoneNumberId: string): Promise<boolean> {
  const rows = await tx.query({
    text: `UPDATE wahook.sending_number SET stopped = NULL, stopped_at = NULL, credential = NULL, probe_at = NULL, probes = 0
           WHERE phone_number_id = $1 AND stopped IS NOT NULL RETURNING 1`,
    values: [phoneNumberId],
  });
  if (rows.length === 0) return false;
  // Lanes begin with the number and a `|`, which is followed by `}`.
  await tx.query({
    text: `UPDATE wahook.outbox SET next_attempt_at = now()
           WHERE queue = 'outbound' AND state = 'waiting' AND lane >= $1 || '|' AND lane < $1 || '}'
             AND next_attempt_at > now() AND last_error ->> 'code' = $2`,
    values: [phoneNumberId, NUMBER_STOPPED],
  });
  return true;
}
