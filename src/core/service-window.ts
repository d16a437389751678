import type { Customer, OutboundMessage, WebhookEvent } from './model.ts';
import type { ContentOf, Fallback } from './outbound-content.ts';
import type { Job } from './ports/queue.ts';

/** Meta's page "Send messages" (2025-11-04): 24 hours from the last message or call of the person. */
export const WINDOW_MS = 24 * 60 * 60 * 1_000;

/** Somebody wrote or called: the window of this person with this number is open from then on. */
export interface WindowOpening {
  readonly phoneNumberId: string;
  readonly customer: Customer;
  /** Meta's timestamp, in ms since 1970. */
  readonly openedAtMs: number;
}

/** Absent if the event opens none. In a group nobody's window is opened. */
export function windowOpenedBy(event: WebhookEvent): WindowOpening | undefined {
  if (event.kind === 'message' && event.groupId === undefined && event.type !== 'system')
    return { phoneNumberId: event.phoneNumberId, customer: event.customer, openedAtMs: event.sentAtMs };
  if (event.kind === 'account' && event.call !== undefined && event.phoneNumberId !== undefined)
    return { phoneNumberId: event.phoneNumberId, ...event.call };
  return undefined;
}

/** One key for each id of a person: a message may name either. */
export function windowKeysOf(
  phoneNumberId: string,
  { userId, waId }: Pick<Customer, 'userId' | 'waId'>,
): readonly string[] {
  return [userId, waId].filter((id) => id !== undefined).map((id) => `${phoneNumberId}|${id}`);
}

/** Whether Meta takes this outside of a window. Of a group nobody knows when its window closes: Meta decides. */
export function needsWindow({ content, to }: Pick<OutboundMessage, 'content' | 'to'>): boolean {
  return content.type !== 'template' && to.groupId === undefined;
}

/** Those of the events that are handled together. */
export function openingsOf(jobs: readonly Pick<Job<WebhookEvent>, 'payload'>[]): readonly WindowOpening[] {
  return jobs.flatMap(({ payload }) => windowOpenedBy(payload) ?? []);
}

/** Since when the window of the recipient is open, by these events; nothing if they are about others. */
export function openedFor(
  { phoneNumberId, to }: Pick<OutboundMessage, 'phoneNumberId' | 'to'>,
  openings: readonly WindowOpening[],
): Pick<OutboundMessage, 'openedAtMs'> {
  const keys = windowKeysOf(phoneNumberId, to);
  const times = openings
    .filter((opening) => windowKeysOf(opening.phoneNumberId, opening.customer).some((key) => keys.includes(key)))
    .map(({ openedAtMs }) => openedAtMs);
  return times.length === 0 ? {} : { openedAtMs: Math.max(...times) };
}

/** The content of the template that goes out instead. */
export function fallbackContent({ template, ...parts }: Fallback): ContentOf<'template'> {
  return { type: 'template', name: template, ...parts };
}
