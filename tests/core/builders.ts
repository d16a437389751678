import { MemoryConversationState } from '../../src/adapters/memory/memory-conversation-state.ts';
import { MemoryGateway } from '../../src/adapters/memory/memory-gateway.ts';
import { MemoryMediaStore } from '../../src/adapters/memory/memory-media-store.ts';
import { MemoryTemplates } from '../../src/adapters/memory/memory-templates.ts';
import type { BotStores } from '../../src/core/handler-run.ts';
import type { InboundMessage, OutboundMessage, StatusUpdate, WebhookEvent } from '../../src/core/model.ts';
import type { StateWrite } from '../../src/core/ports/bot.ts';
import type { Job, JobContext } from '../../src/core/ports/queue.ts';
import type { Origin, WebhookElement } from '../../src/core/ports/receiving.ts';

const PHONE_NUMBER_ID = '106540352242922';

export function textMessage(text: string, over: { readonly id?: string; readonly waId?: string } = {}): InboundMessage {
  return {
    kind: 'message',
    type: 'text',
    text,
    id: over.id ?? 'wamid.IN1',
    businessAccountId: '102290129340398',
    phoneNumberId: PHONE_NUMBER_ID,
    customer: { waId: over.waId ?? '15550100001', userId: `US.${over.waId ?? '15550100001'}`, name: 'Ana Souza' },
    sentAtMs: 1_790_000_000_000,
  };
}

export function statusUpdate(status: StatusUpdate['status'], over: Partial<StatusUpdate> = {}): StatusUpdate {
  return {
    kind: 'status',
    status,
    reported: status,
    businessAccountId: '102290129340398',
    phoneNumberId: PHONE_NUMBER_ID,
    messageId: 'wamid.OUT1',
    recipient: { waId: '15550100001' },
    occurredAtMs: 1_790_000_001_000,
    ...over,
  };
}

export function outboundText(text: string, sendId = 'send-1'): OutboundMessage {
  return { sendId, phoneNumberId: PHONE_NUMBER_ID, to: { waId: '15550100001' }, content: { type: 'text', text } };
}

export function jobOf<Payload>(payload: Payload, over: Partial<Job<Payload>> = {}): Job<Payload> {
  return {
    id: '1',
    key: { id: 'k1', day: 20_000 },
    lane: 'lane',
    payload,
    attempt: 1,
    claims: 1,
    interrupted: false,
    interruptions: 0,
    acceptedAtMs: 1_790_000_000_000,
    ...over,
  };
}

export function eventElement(event: WebhookEvent, id: string): Extract<WebhookElement, { kind: 'event' }> {
  return { kind: 'event', key: { id, day: 20_000 }, event, origin: originOf(id) };
}

/** The origin of an event: a piece whose bytes are the id. */
export function originOf(id: string): Origin {
  return { quarantined: (reason) => ({ reason, path: `entry[${id}]`, raw: new TextEncoder().encode(id) }) };
}

/** A job's context that remembers what was sent, counts pauses, and whose claim can be lost. */
export function recordingContext(): JobContext & {
  readonly sent: OutboundMessage[];
  readonly kept: StateWrite[];
  /** What was stored before the jobs were settled. */
  readonly committed: Parameters<JobContext['commit']>[0][];
  readonly pauses: Promise<void>[];
  loseClaim(): void;
  /** As after a freeze: the lease is over, and nothing has noticed yet. */
  outliveLease(): void;
} {
  const claim = new AbortController();
  let isHeld = true;
  const sent: OutboundMessage[] = [];
  const kept: StateWrite[] = [];
  const committed: Parameters<JobContext['commit']>[0][] = [];
  const pauses: Promise<void>[] = [];
  return {
    ...{ sent, kept, committed },
    keep: (write) => kept.push(write),
    commit: async (effects) => void committed.push(effects),
    pauses,
    pause: (until) => {
      pauses.push(until);
      return until;
    },
    send: (message) => sent.push(message),
    signal: claim.signal,
    isHeld: () => isHeld,
    outliveLease: () => {
      isHeld = false;
    },
    loseClaim: () => claim.abort(new Error('the claim was lost')),
  };
}

/** What a bot reaches besides its jobs, empty and in memory. */
export function emptyStores(): BotStores {
  return {
    state: new MemoryConversationState(),
    sentMessages: { find: async () => undefined },
    windows: { closesAtMs: async () => undefined },
    channel: { gateway: new MemoryGateway(), media: new MemoryMediaStore(), templates: new MemoryTemplates() },
  };
}
