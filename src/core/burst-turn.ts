import type { InboundMessage, MessageType, WebhookEvent } from './model.ts';
import type { BurstTurn } from './ports/bot.ts';
import type { Job } from './ports/queue.ts';

/** What a customer does beside talking: it neither answers a question nor begins a subject. */
const SAYS_NOTHING: readonly MessageType[] = ['reaction', 'system', 'edit', 'revoke', 'unsupported', 'unknown'];

/** Whether a customer has said or chosen something with a message. */
export function saysSomething({ type }: InboundMessage): boolean {
  return !SAYS_NOTHING.includes(type);
}

/** The one that decides which handler runs for all: the last that says something, else the last. */
export function decidingOf(events: readonly WebhookEvent[]): WebhookEvent | undefined {
  return events.findLast((event) => event.kind === 'message' && saysSomething(event)) ?? events.at(-1);
}

/**
 * How long these messages, the first that wait in their conversation, should wait for more; 0: they go ahead. Judged by when
 * they were accepted, so that nothing of it lives in a process.
 *
 * Acceptance is by the clock of the database and `nowMs` by that of this process. However far apart they are, no wait is longer
 * than `quietMs`, and the waits are counted: between two of them at least `quietMs` pass.
 */
export function waitForMoreMs(jobs: readonly Job[], turn: BurstTurn, nowMs: number): number {
  const [first] = jobs;
  const last = jobs.at(-1);
  if (first === undefined || last === undefined || jobs.length >= turn.maxMessages) return 0;
  // It has failed, or its process died: it was complete then.
  if (first.attempt > 1 || first.interruptions > 0) return 0;
  if (first.claims > 2 * Math.ceil(turn.maxMs / turn.quietMs) + 1) return 0;
  const readyAtMs = Math.min(last.acceptedAtMs + turn.quietMs, first.acceptedAtMs + turn.maxMs);
  return Math.min(Math.max(0, Math.ceil(readyAtMs - nowMs)), turn.quietMs);
}
