import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Settings } from './settings.ts';
import type { InboundMessage, ReceivedMessage } from './webhook.ts';

/** Longer than this nobody waits for the Graph API; Node itself would wait for 5 minutes. */
const SEND_LIMIT_MS = 10_000;

/** The work of the bot: a look-up somewhere. */
const TAKES_AT_MOST_MS = 20;

/**
 * The one bot that all peers run. To the text `T xP` it answers with the P texts `re T 1/P run R` … `re T P/P run R`, where R is
 * new in each run; to anything else with nothing. Resolves to the answers after 0 to 20 ms.
 */
export async function answersTo(message: InboundMessage): Promise<readonly string[]> {
  const [, subject, count] = /^(.+) x(\d+)$/.exec(message.text?.body ?? '') ?? [];
  const run = randomUUID();
  await pause(randomInt(TAKES_AT_MOST_MS + 1));
  return Array.from({ length: Number(count ?? 0) }, (_, index) => `re ${subject} ${index + 1}/${count} run ${run}`);
}

/** The bot as a worker of a queue runs it, which repeats it when it throws. @throws Error if the Graph API did not take an answer */
export async function handle({ phoneNumberId, message }: ReceivedMessage, settings: Settings): Promise<void> {
  for (const answer of await answersTo(message)) await sendText(phoneNumberId, message.from, answer, settings);
}

async function sendText(phoneNumberId: string, to: string, body: string, settings: Settings): Promise<void> {
  const response = await fetchInTime(`${settings.apiUrl}/${phoneNumberId}/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${settings.accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to,
      type: 'text',
      text: { body },
    }),
  });
  // Read to its end, so that the connection can be used again.
  await response.text();
  if (!response.ok) throw new Error(`the Graph API answered ${response.status}`);
}

/** As `fetch`; rejects when the answer takes longer than 10 s. */
export function fetchInTime(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(SEND_LIMIT_MS) });
}
