import { z } from 'zod';
import type { SendRequest } from '../../core/accept-send.ts';
import { isWahookError } from '../../core/errors.ts';
import { checkOutbound } from '../../core/message-limits.ts';
import type { OutboundContent } from '../../core/outbound-content.ts';

/** What is wrong with a request, for its sender. Names fields and limits, and quotes nothing. */
export interface Problem {
  readonly problem: string;
}

const Recipient = z.strictObject({
  waId: z
    .string()
    .transform((phone) => phone.replace(/[+\-() ]/g, ''))
    .pipe(z.string().regex(/^\d{5,15}$/, 'is not a phone number with its country code'))
    .optional(),
  userId: z.string().min(1).max(200).optional(),
  groupId: z.string().min(1).max(200).optional(),
});

/** Which types there are, what they hold and Meta's limits: all of that is known to `checkOutbound` alone. */
const Content = z.looseObject({ type: z.string() });

/** What it may hold is known to `checkOutbound` too. */
const Fallback = z.looseObject({ template: z.string(), language: z.string() });

const Message = z.strictObject({
  to: Recipient,
  content: Content,
  fallback: Fallback.optional(),
  replyTo: z.string().min(1).optional(),
  phoneNumberId: z
    .string()
    .regex(/^\d{1,32}$/, 'is not the id of a number')
    .optional(),
});

const Replies = z
  .array(z.looseObject({ type: z.string(), quote: z.boolean().optional(), fallback: Fallback.optional() }))
  .max(100);

/** The body of `POST /api/messages`; `phoneNumberId` is ours unless it names one. */
export function readSendRequest(body: unknown, phoneNumberId: string): SendRequest | Problem {
  const parsed = Message.safeParse(body);
  if (!parsed.success) return { problem: describe(parsed.error) };
  // JSON holds no `undefined`, and what is optional and not there the schema does not add.
  const request = { phoneNumberId, ...parsed.data } as unknown as SendRequest;
  return problemOf(request) ?? request;
}

/** One reply of a handler in another language. */
export interface RemoteReply {
  readonly content: OutboundContent;
  readonly quote: boolean;
  readonly fallback?: NonNullable<SendRequest['fallback']>;
}

/** A JSON list of contents, each with `quote: true` if it quotes the customer's message, and with a `fallback` if it has one. */
export function readReplies(body: unknown): readonly RemoteReply[] | Problem {
  const parsed = Replies.safeParse(body);
  if (!parsed.success) return { problem: describe(parsed.error) };
  return parsed.data.map(({ quote = false, fallback, ...content }) => ({
    content: content as unknown as OutboundContent,
    quote,
    ...(fallback !== undefined && { fallback }),
  }));
}

/** Undefined for a message that Meta can take. */
export function problemOf(request: SendRequest): Problem | undefined {
  try {
    checkOutbound(request);
    return undefined;
  } catch (error) {
    if (isWahookError(error, 'invalid_message')) return { problem: error.message };
    // A shape that the check did not expect, such as a text in the place of a list.
    if (error instanceof TypeError) return { problem: `content is not a message of the type that it names` };
    throw error;
  }
}

function describe({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.') || 'the body'}: ${message}`).join('; ');
}
