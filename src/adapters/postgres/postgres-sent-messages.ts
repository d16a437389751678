import { refusal } from '../../core/delivery-status.ts';
import { statusLanesOf } from '../../core/lanes.ts';
import type { OutboundMessage, ReportedError, SentMessage, StatusUpdate } from '../../core/model.ts';
import type { JobError } from '../../core/ports/queue.ts';
import type { SentMessages } from '../../core/ports/sending.ts';
import type { Database, Queryable } from './database.ts';
import type { LaneWaker } from './postgres-message-queue.ts';
import { deliveryOf, keptAbout, rankOf, refusedIds, resendKept, resendOf, sentUnder } from './unmatched-statuses.ts';

/**
 * Finds the message of each update, takes the highest rank of all that mean the same message, and raises the row to it. The
 * rows are locked in one order, since batches of statuses overlap.
 *
 * An update found by send id proves that Meta took the message, whatever we believe: the row becomes `done` and is not sent
 * (again). Lanes in which others wait behind such a row are given back, too. If the row gets its wamid by it, what is kept about that
 * wamid is joined. Where that says that the message must be sent again, the wamid is given back, and without $6 nothing else is done
 * about it: nobody may see it as failed before it waits again.
 *
 * What is about no message of ours (so far) is kept, unless it names one and comes too late for it.
 */
const APPLY = `
  WITH told AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      WITH ORDINALITY AS given (send_id, wamid, delivery, error, resend, place)
  ), met AS (
    SELECT told.*, COALESCE(own.seq, named.seq) AS seq, own.seq IS NOT NULL AS proof
    FROM told
    LEFT JOIN LATERAL (SELECT seq FROM wahook.outbox AS own WHERE own.event_key = told.send_id
                         AND told.wamid <> ALL (${refusedIds('own')}) LIMIT 1) AS own ON true
    LEFT JOIN ${sentUnder('CASE WHEN own.seq IS NULL THEN told.wamid END')} AS named ON true
  ), folded AS (
    SELECT seq, bool_or(proof) AS proof, max(${rankOf('delivery')}) AS rank,
           (array_agg(wamid ORDER BY place) FILTER (WHERE proof))[1] AS wamid,
           (array_agg(error ORDER BY place) FILTER (WHERE error IS NOT NULL))[1] AS error
    FROM met WHERE seq IS NOT NULL GROUP BY seq
  ), locked AS (
    SELECT seq, state AS before, wamid IS NULL AS nameless FROM wahook.outbox
    WHERE seq IN (SELECT seq FROM folded) ORDER BY seq FOR UPDATE
  ), known AS (
    SELECT folded.*, before, kept.delivery AS kept, kept.error AS kept_error, kept.resend IS NOT NULL AS again
    FROM folded JOIN locked USING (seq)
      LEFT JOIN ${keptAbout('CASE WHEN nameless THEN folded.wamid END')} AS kept ON true
  ), raised AS (
    UPDATE wahook.outbox AS item SET
      delivery = ${deliveryOf(rankOf('item.delivery'), 'known.rank', rankOf('known.kept'))},
      delivery_error = COALESCE(item.delivery_error, known.kept_error, known.error::jsonb),
      wamid = COALESCE(item.wamid, known.wamid),
      settled_at = CASE WHEN known.proof THEN COALESCE(item.settled_at, now()) ELSE item.settled_at END,
      next_attempt_at = CASE WHEN known.proof THEN NULL ELSE item.next_attempt_at END,
      state = CASE WHEN known.proof THEN 'done' ELSE item.state END
    FROM known
    WHERE item.seq = known.seq AND ($6::boolean OR NOT known.again)
      AND (COALESCE(${rankOf('item.delivery')}, 0) < COALESCE(known.rank, 0)
           OR (item.delivery_error IS NULL AND known.error IS NOT NULL)
           OR (known.proof AND (item.state <> 'done' OR item.wamid IS NULL)))
    RETURNING item.seq, item.lane, known.proof AND known.before = 'waiting' AS proved
  ), unmatched AS (
    INSERT INTO wahook.unmatched_status AS kept (wamid, delivery, error, resend)
    SELECT wamid, ${deliveryOf(`max(${rankOf('delivery')})`)},
           (array_agg(error ORDER BY place) FILTER (WHERE error IS NOT NULL))[1]::jsonb,
           (array_agg(resend ORDER BY place) FILTER (WHERE resend IS NOT NULL))[1]::jsonb
    FROM met
    WHERE seq IS NULL AND delivery IS NOT NULL
      AND NOT EXISTS (SELECT FROM wahook.outbox AS own WHERE own.event_key = met.send_id)
    GROUP BY wamid ORDER BY wamid COLLATE "C"
    ON CONFLICT (wamid) DO UPDATE SET kept_at = now(),
      delivery = ${deliveryOf(rankOf('kept.delivery'), rankOf('EXCLUDED.delivery'))},
      error = COALESCE(kept.error, EXCLUDED.error),
      resend = COALESCE(kept.resend, EXCLUDED.resend)
    WHERE ${rankOf('kept.delivery')} < ${rankOf('EXCLUDED.delivery')}
      OR (kept.error IS NULL AND EXCLUDED.error IS NOT NULL) OR (kept.resend IS NULL AND EXCLUDED.resend IS NOT NULL)
  )
  SELECT place, NULL AS lane, NULL AS failed FROM met WHERE seq IS NULL
  UNION ALL
  SELECT NULL, lane, NULL FROM raised WHERE proved AND EXISTS (
    SELECT FROM wahook.outbox AS next
    WHERE next.queue = 'outbound' AND next.lane = raised.lane AND next.state = 'waiting' AND next.seq > raised.seq)
  UNION ALL
  SELECT NULL, NULL, wamid FROM known WHERE again
  ORDER BY place`;

/**
 * Looks at the message itself, which a status may have settled since it was claimed; in one statement with the statuses that
 * wait, since one ceases to wait only after it is applied. Of those first in the lanes of the recipient, then, since a status
 * may name a person in yet another way (a wa_id with or without Brazil's ninth digit), at all, up to so many: 70 ms at the
 * limit (measured 2026-11). Asked for sends whose answer was lost alone.
 */
const PROOF = `
  SELECT COALESCE(
    (SELECT wamid FROM wahook.outbox WHERE event_key = $1::text AND state = 'done'),
    (SELECT payload ->> 'messageId' FROM wahook.inbox
     WHERE queue = 'statuses' AND state = 'waiting' AND lane = ANY ($2::text[]) AND payload ->> 'sendId' = $1::text
       AND payload ->> 'messageId' <> ALL (refused) LIMIT 1),
    (SELECT payload ->> 'messageId'
     FROM (SELECT payload FROM wahook.inbox WHERE queue = 'statuses' AND state = 'waiting' LIMIT 100000) AS waiting
     WHERE payload ->> 'sendId' = $1::text AND payload ->> 'messageId' <> ALL (refused) LIMIT 1)
  ) AS wamid
  FROM (SELECT COALESCE((SELECT ${refusedIds('own')} FROM wahook.outbox AS own WHERE event_key = $1::text), '{}') AS refused) AS before`;

const RESEND = resendOf('(SELECT wamid, resend::jsonb FROM unnest($1::text[], $2::text[]) AS given (wamid, resend))');

interface Applied {
  readonly place: number | null;
  readonly lane: string | null;
  readonly failed: string | null;
}

type RowState = 'waiting' | 'done' | 'dead' | 'discarded';

function stateOf(state: RowState, lastError: JobError | null): SentMessage['state'] {
  if (state === 'waiting') return lastError?.code === 'ambiguous' ? 'unsettled' : 'waiting';
  return state === 'done' ? 'sent' : 'dead';
}

/** How to send again what this update says has failed, as `resendOf` takes it. */
function resendOfUpdate({ failure, errors }: StatusUpdate): string | null {
  return failure?.resend === undefined ? null : JSON.stringify({ ...failure.resend, error: refusal(errors) });
}

/** What became of our messages, in the rows of the outbox. */
export class PostgresSentMessages implements SentMessages {
  readonly #database: Database;
  readonly #lanes: Pick<LaneWaker, 'wake'>;

  constructor(database: Database, lanes: Pick<LaneWaker, 'wake'>) {
    this.#database = database;
    this.#lanes = lanes;
  }

  async apply(updates: readonly StatusUpdate[]): Promise<readonly StatusUpdate[]> {
    if (updates.length === 0) return [];
    const toldToResend = updates.some(({ failure }) => failure?.resend !== undefined);
    const raised = toldToResend ? [] : await this.#raise(this.#database, updates, false);
    const isOver = !toldToResend && raised.every(({ failed }) => failed === null);
    const found = isOver ? raised : await this.#database.transaction((tx) => this.#raiseAndResend(tx, updates));
    const freed = [...raised, ...found].flatMap(({ lane }) => lane ?? []);
    if (freed.length > 0) this.#lanes.wake('outbound', freed);
    return found.flatMap(({ place }) => (place === null ? [] : (updates[place - 1] ?? [])));
  }

  async #raiseAndResend(tx: Queryable, updates: readonly StatusUpdate[]): Promise<readonly Applied[]> {
    const found = await this.#raise(tx, updates, true);
    await this.#resend(tx, updates);
    const failed = found.flatMap((row) => row.failed ?? []);
    await resendKept(tx, failed);
    return found;
  }

  #raise(db: Queryable, updates: readonly StatusUpdate[], thoseToResend: boolean): Promise<readonly Applied[]> {
    return db.query<Applied>({
      name: 'sent-messages-apply',
      text: APPLY,
      values: [
        updates.map(({ sendId }) => sendId ?? null),
        updates.map(({ messageId }) => messageId),
        updates.map(({ status }) => (status === 'unknown' ? null : status)),
        updates.map(({ status, errors }) => (status === 'failed' && errors?.[0] ? JSON.stringify(errors[0]) : null)),
        updates.map(resendOfUpdate),
        thoseToResend,
      ],
    });
  }

  async #resend(tx: Queryable, updates: readonly StatusUpdate[]): Promise<void> {
    const again = updates.filter(({ failure }) => failure?.resend !== undefined);
    if (again.length === 0) return;
    await tx.query({
      text: RESEND,
      values: [again.map(({ messageId }) => messageId), again.map(resendOfUpdate)],
    });
  }

  async proofOf(message: OutboundMessage): Promise<string | undefined> {
    const [row] = await this.#database.query<{ wamid: string | null }>({
      name: 'sent-messages-proof',
      text: PROOF,
      values: [message.sendId, statusLanesOf(message)],
    });
    return row?.wamid ?? undefined;
  }

  async find(sendId: string): Promise<SentMessage | undefined> {
    const [row] = await this.#database.query<{
      state: RowState;
      wamid: string | null;
      delivery: NonNullable<SentMessage['delivery']> | null;
      delivery_error: ReportedError | null;
      last_error: JobError | null;
    }>({
      name: 'sent-messages-find',
      text: 'SELECT state, wamid, delivery, delivery_error, last_error FROM wahook.outbox WHERE event_key = $1',
      values: [sendId],
    });
    if (row === undefined) return undefined;
    return {
      sendId,
      state: stateOf(row.state, row.last_error),
      ...(row.wamid !== null && { messageId: row.wamid }),
      ...(row.delivery !== null && { delivery: row.delivery }),
      ...(row.delivery_error !== null && { error: row.delivery_error }),
      ...(row.state === 'dead' && row.last_error !== null && { failure: row.last_error }),
    };
  }

  async queued(sendId: string): Promise<OutboundMessage | undefined> {
    const [row] = await this.#database.query<{ payload: OutboundMessage }>({
      name: 'sent-messages-queued',
      text: 'SELECT payload FROM wahook.outbox WHERE event_key = $1',
      values: [sendId],
    });
    return row?.payload;
  }
}
