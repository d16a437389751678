import { MemoryGateway } from '../../src/adapters/memory/memory-gateway.ts';
import { MemoryMediaStore } from '../../src/adapters/memory/memory-media-store.ts';
import { MemoryTemplates } from '../../src/adapters/memory/memory-templates.ts';
import type { Bot } from '../../src/bot/bot.ts';
import { BotHandler } from '../../src/bot/bot-handler.ts';
import type {
  AccountEvent,
  InboundMessage,
  InteractiveReply,
  Json,
  MessageContent,
  OutboundMessage,
  SentMessage,
  StatusUpdate,
  WebhookEvent,
} from '../../src/core/model.ts';
import type { OutboundContent } from '../../src/core/outbound-content.ts';
import type { HandlerRun, OnceCall } from '../../src/core/ports/bot.ts';
import { RecordingLog } from '../support/recording.ts';

/** One run of a bot, as the service would start it; keeps nothing from one run to the next. */
export class RecordedRun implements HandlerRun {
  readonly eventKey: string;
  readonly attempt: number;
  readonly log = new RecordingLog();
  readonly sent: OutboundMessage[] = [];
  readonly documents = new Map<string, Json | null>();
  readonly recorded = new Map<string, OnceCall>();
  deferredMs: number | undefined;
  /** What the store knows of the customer's window. */
  closesAtMs: number | undefined;
  readonly channel = { gateway: new MemoryGateway(), media: new MemoryMediaStore(), templates: new MemoryTemplates() };
  readonly #abort = new AbortController();
  readonly signal = this.#abort.signal;

  constructor(attempt = 1, eventKey = 'm|106540352242922|wamid.in-1') {
    this.attempt = attempt;
    this.eventKey = eventKey;
  }

  // Functions of their own, as in the service: a run may be spread into another object.
  readonly now = () => 1_790_000_001_000;
  readonly send = (message: OutboundMessage) => void this.sent.push(message);
  readonly flush = async () => {};
  readonly find = async (): Promise<SentMessage | undefined> => undefined;
  readonly windowClosesAtMs = async (): Promise<number | undefined> => this.closesAtMs;
  readonly load = async (conversation: string) => structuredClone(this.documents.get(conversation) ?? undefined);
  readonly keep = (conversation: string, document: Json | null) =>
    void this.documents.set(conversation, structuredClone(document));
  readonly calls = async () => new Map(this.recorded);
  readonly record = async (name: string, call: OnceCall | null) => {
    if (call === null) this.recorded.delete(name);
    else this.recorded.set(name, structuredClone(call));
  };
  readonly defer = (inMs: number) => {
    this.deferredMs = inMs;
  };
  readonly discard = () => {
    this.sent.length = 0;
    this.documents.clear();
    this.deferredMs = undefined;
  };

  abort(): void {
    this.#abort.abort(new Error('the time limit is over'));
  }

  contents(): OutboundContent[] {
    return this.sent.map((message) => message.content);
  }
}

/** What the bot answers. */
export async function answers(bot: Bot, event: WebhookEvent): Promise<OutboundContent[]> {
  const run = new RecordedRun();
  await new BotHandler(bot).handle(event, run);
  return run.contents();
}

type Envelope = Partial<Pick<InboundMessage, 'customer' | 'groupId' | 'id'>>;

export function message<Content extends MessageContent>(content: Content, envelope: Envelope = {}) {
  return {
    kind: 'message' as const,
    businessAccountId: '102290129340398',
    id: 'wamid.in-1',
    phoneNumberId: '106540352242922',
    customer: { waId: '16505551234', name: 'Ana' },
    sentAtMs: 1_790_000_000_000,
    ...content,
    ...envelope,
  };
}

export function text(body: string, envelope: Envelope = {}): InboundMessage {
  return message({ type: 'text', text: body }, envelope);
}

export function interactive(reply: InteractiveReply): InboundMessage {
  return message({ type: 'interactive', reply });
}

export function image(): InboundMessage {
  return message({ type: 'image', media: { id: 'media-1' } });
}

export function status(word: StatusUpdate['status']): StatusUpdate {
  return {
    kind: 'status',
    businessAccountId: '102290129340398',
    status: word,
    reported: word,
    messageId: 'wamid.out-1',
    phoneNumberId: '106540352242922',
    recipient: { waId: '16505551234' },
    occurredAtMs: 1_790_000_000_000,
    ...(word === 'failed' && { errors: [{ code: 131047 }] }),
  };
}

export function account(field: string): AccountEvent {
  return { kind: 'account', businessAccountId: '102290129340398', field, value: { event: 'APPROVED' } };
}
