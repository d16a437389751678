import { BotHandler } from '../../src/bot/bot-handler.ts';
import type { Bot } from '../../src/bot/define-bot.ts';
import type {
  AccountEvent,
  InboundMessage,
  InteractiveReply,
  MessageContent,
  OutboundMessage,
  StatusUpdate,
  WebhookEvent,
} from '../../src/core/model.ts';
import type { OutboundContent } from '../../src/core/outbound-content.ts';
import type { HandlerRun } from '../../src/core/ports.ts';
import { RecordingLog } from '../support/recording.ts';

/** One run of a bot, as the service would start it. */
export class RecordedRun implements HandlerRun {
  readonly attempt: number;
  readonly log = new RecordingLog();
  readonly sent: OutboundMessage[] = [];
  readonly #abort = new AbortController();

  constructor(attempt = 1) {
    this.attempt = attempt;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  send(message: OutboundMessage): void {
    this.sent.push(message);
  }

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
