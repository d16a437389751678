import { createHash } from 'node:crypto';
import { PermanentError } from '../../core/errors.ts';
import { isOutboundType } from '../../core/message-limits.ts';
import type { InboundMessage, OutboundMessage, WebhookEvent } from '../../core/model.ts';
import type { EventHandler, HandlerRun } from '../../core/ports/bot.ts';
import type { Clock } from '../../core/ports/observation.ts';
import type { TemplateCheck } from '../../core/template-check.ts';
import { problemOf, readReplies } from './outbound-request.ts';
import { standardWebhookHeaders } from './standard-webhook.ts';

export interface RemoteHandlerOptions {
  readonly url: string;
  /** Each signs. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  readonly templates: Pick<TemplateCheck, 'problemWith'>;
}

/** With these it says that this very event will never do; every other failure may be its own, and is tried again. */
const NEVER = [400, 413, 422];

const MAX_ANSWER_BYTES = 1_048_576;

/** The version of the body's shape: raised when a field changes its meaning or goes; new fields may come at any time. */
const SHAPE = 1;

/** The bot is a program behind a URL, in any language: it gets each event as a signed POST and may answer with replies. */
export class RemoteHandler implements EventHandler {
  readonly #options: RemoteHandlerOptions;

  constructor(options: RemoteHandlerOptions) {
    this.#options = options;
  }

  /** What the program makes of an event only it knows. */
  listensTo(): boolean {
    return true;
  }

  /**
   * @throws PermanentError for what a repetition does not mend, Error for what it may
   */
  async handle(event: WebhookEvent, run: HandlerRun): Promise<void> {
    const { url, secrets, clock } = this.#options;
    const body = JSON.stringify({ version: SHAPE, type: typeOf(event), event });
    const id = `evt_${createHash('sha256').update(body).digest('hex').slice(0, 32)}`;
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'wahook',
        'wahook-attempt': String(run.attempt),
        ...standardWebhookHeaders(secrets, { id, timestampMs: clock.now(), body }),
      },
      body,
      redirect: 'manual',
      signal: run.signal,
    }).catch((error: unknown) => {
      throw notReached(error, run.signal);
    });
    const { status } = response;
    if (status < 200 || status > 299) {
      await response.body?.cancel();
      throw refusal(status);
    }
    const replies = repliesOf(event, bodyOf(await textOf(response), response.headers.get('content-type') ?? ''));
    await this.#checkTemplates(replies, run.signal);
    for (const reply of replies) run.send(reply);
  }

  async #checkTemplates(replies: readonly OutboundMessage[], signal: AbortSignal): Promise<void> {
    const { templates } = this.#options;
    const problems = await Promise.all(replies.map((reply) => templates.problemWith(reply, signal)));
    const index = problems.findIndex((problem) => problem !== undefined);
    if (index !== -1) throw new Error(`Reply ${index + 1} of HANDLER_URL: ${problems[index]}`);
  }
}

/** As `bot.on` names it: `message.text`, `status.delivered`, `account.flows`. */
function typeOf(event: WebhookEvent): string {
  switch (event.kind) {
    case 'message':
      return event.type === 'interactive' ? `message.interactive.${event.reply.kind}` : `message.${event.type}`;
    case 'status':
      return `status.${event.status}`;
    case 'account':
      return `account.${event.field}`;
  }
}

/** A reason without the address, which may hold a secret. */
function notReached(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new Error(`HANDLER_URL was not reached${code}`);
}

function refusal(status: number): Error {
  const answer = `HANDLER_URL answered with HTTP ${status}`;
  if (NEVER.includes(status)) return new PermanentError(`${answer}: this event is not for it`);
  if (status >= 300 && status <= 399) return new Error(`${answer}: redirects are not followed, name the final address`);
  return new Error(answer);
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES)
      throw new PermanentError(`HANDLER_URL answered with more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  // Takes away the mark of the byte order with which some programs begin a text.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/**
 * Undefined for an answer that is not meant to be JSON, such as `OK`.
 * @throws Error for one that is, and cannot be parsed: its replies would be lost without a word
 */
function bodyOf(text: string, contentType: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  try {
    return JSON.parse(trimmed);
  } catch {
    // What the parser says quotes the text.
    if (!/[/+]json\s*(;|$)/i.test(contentType) && !/^[[{]/.test(trimmed)) return undefined;
    throw new Error(`HANDLER_URL answered with ${text.length} characters that are not valid JSON`);
  }
}

/** None for an empty answer, or one that is no JSON list (`OK`, `{"status":"ok"}`). */
function repliesOf(event: WebhookEvent, body: unknown): readonly OutboundMessage[] {
  if (isReply(body))
    throw new Error('HANDLER_URL answered with a reply that is not in a list: put it in brackets, [{ … }]');
  if (!Array.isArray(body) || body.length === 0) return [];
  if (event.kind !== 'message') throw new PermanentError('HANDLER_URL answered with replies to what is no message');
  const replies = readReplies(body);
  if ('problem' in replies)
    throw new Error(`HANDLER_URL answered with replies that cannot be read: ${replies.problem}`);
  return replies.map(({ content, quote, fallback }, index) => {
    const request = {
      phoneNumberId: event.phoneNumberId,
      to: recipientOf(event),
      content,
      ...(quote && { replyTo: event.id }),
      ...(fallback !== undefined && { fallback }),
    };
    const refused = problemOf(request);
    if (refused !== undefined) throw new Error(`Reply ${index + 1} of HANDLER_URL: ${refused.problem}`);
    return { sendId: crypto.randomUUID(), ...request };
  });
}

function recipientOf({ groupId, customer: { waId, userId } }: InboundMessage) {
  if (groupId !== undefined) return { groupId };
  return { ...(waId !== undefined && { waId }), ...(userId !== undefined && { userId }) };
}

function isReply(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'type' in body && isOutboundType(body.type);
}
