import { z } from 'zod';
import type { SendFailure, Sent } from '../../core/ports/sending.ts';
import { classifyGraphError } from './graph-errors.ts';

/** One request sends one message, so the first id is the id. */
const Accepted = z.looseObject({ messages: z.tuple([z.looseObject({ id: z.string().min(1) })]).rest(z.unknown()) });

/**
 * What Meta's answer to a send says: a message id is `sent`, a Graph error is classified by its code. Whatever else came
 * (the page of a proxy, an empty or cut body, under any status) says nothing about the message: `ambiguous`.
 */
export function readAnswer(status: number, text: string): Sent | SendFailure {
  const body = parseJson(text);
  const failure = classifyGraphError(body);
  if (failure !== undefined) return failure;
  const accepted = Accepted.safeParse(body);
  if (status >= 200 && status < 300 && accepted.success)
    return { kind: 'sent', messageId: accepted.data.messages[0].id };
  return {
    kind: 'ambiguous',
    reason: `The answer (HTTP ${status}) holds neither a message id nor a Graph error.`,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
