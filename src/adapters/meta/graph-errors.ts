import { z } from 'zod';
import { MOST_RESENDS } from '../../core/delivery-status.ts';
import type { DeliveryFailure } from '../../core/model.ts';
import type { SendFailure } from '../../core/ports/sending.ts';
import { GRAPH_ERRORS, type GraphErrorRow } from './graph-error-table.ts';

/** Wait before an error that Meta itself calls transient is tried again, where the table has no row for it. */
const TRANSIENT_AFTER_MS = 5_000;

const GraphError = z.looseObject({
  error: z.looseObject({
    code: z.int(),
    is_transient: z.boolean().optional().catch(undefined),
    /** Names the call for Meta's support; passed on to the operator, so only in the form that it has. */
    fbtrace_id: z
      .string()
      .regex(/^[\w-]{1,64}$/)
      .optional()
      .catch(undefined),
  }),
});

/**
 * What a Graph error means for the message that it is about; `undefined` if `body` is no Graph error. A Graph error is
 * Meta's word that the message was not taken. The same codes come in `failed` statuses: classify `{ error: errors[0] }`.
 *
 * Decided by the code alone, as Meta's page asks for ("Error codes", 2026-09-11): throttling comes as HTTP 400, permanent
 * errors as HTTP 500. An unknown code is final, unless Meta calls it transient. Meta's own texts (`message`, `details`) are
 * not passed on: they can quote the message.
 */
export function classifyGraphError(body: unknown): SendFailure | undefined {
  const parsed = GraphError.safeParse(body);
  if (!parsed.success) return undefined;
  const { code, is_transient: isTransient, fbtrace_id: traceId } = parsed.data.error;
  const trace = traceId === undefined ? '' : ` (fbtrace_id ${traceId})`;
  const row = rowOf(code);
  if (row === undefined)
    return { ...unknownCode(isTransient === true), code, reason: `${unknownReason(code)}${trace}` };
  const { kind, reason, afterMs, limit, growth, exceeded } = row;
  return {
    kind,
    code,
    reason: `${reason}${trace}`,
    ...(afterMs !== undefined && { afterMs }),
    ...(limit !== undefined && { limit }),
    ...(growth !== undefined && { growth }),
    ...(exceeded !== undefined && { exceeded }),
  };
}

/** The `error_code` of a metric: a code of the table (a range of codes is one label), `other`, or `none` without a code. */
export function errorCodeLabel(code: number | undefined): string {
  if (code === undefined) return 'none';
  const row = rowOf(code);
  if (row === undefined) return 'other';
  return typeof row.codes === 'number' ? `${row.codes}` : `${row.codes[0]}-${row.codes[1]}`;
}

/**
 * What an error in a `failed` status means: certainly not delivered, so whatever may be tried again may be sent again. What this
 * version does not know is for good.
 */
export function deliveryFailureOf(code: number): DeliveryFailure {
  const row = rowOf(code);
  if (row === undefined) return { kind: 'never' };
  const { class: kind, afterMs, limit = MOST_RESENDS, only } = row;
  if (afterMs === undefined) return { kind };
  return { kind, resend: { afterMs, limit: Math.min(limit, MOST_RESENDS), ...(only && { only }) } };
}

function unknownCode(isTransient: boolean): Pick<SendFailure, 'kind' | 'afterMs'> {
  return isTransient ? { kind: 'retry', afterMs: TRANSIENT_AFTER_MS } : { kind: 'rejected' };
}

function unknownReason(code: number): string {
  return `Meta refused the message with the code ${code}, which this version does not know.`;
}

/** A single code goes before a range that holds it. */
function rowOf(code: number): GraphErrorRow | undefined {
  return (
    GRAPH_ERRORS.find(({ codes }) => codes === code) ??
    GRAPH_ERRORS.find(({ codes }) => typeof codes !== 'number' && codes[0] <= code && code <= codes[1])
  );
}
